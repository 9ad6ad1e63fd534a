"""Checks of the files themselves: can they be read, are they alike, is every class there?"""

import pandas as pd

from utils.audit.finding import EXAMPLES, Finding, count_of, skipped
from utils.audit.folder import ImageFolder
from utils.data.file_facts import is_misnamed

MANY_UNREADABLE = 0.05  # of all files
MIN_CLASS_IMAGES = 10  # images of a class in a part: with fewer, one image is ten points
UNEVEN = 20  # times as many images in the commonest class as in the rarest


def check_unreadable(delivery: ImageFolder) -> Finding:
    """Files that are no images, are damaged, or would harm whoever opens them."""
    count, total = len(delivery.refused), len(delivery.refused) + len(delivery)
    if not count:
        return Finding("ok", f"All files were read to their last pixel ({total:,}).")
    refused = "was refused" if count == 1 else "were refused"
    return Finding(
        "alarm" if count > MANY_UNREADABLE * total else "warning",
        f"{count:,} of {count_of(total, 'file')} could not be read or {refused}.",
        "A training program may stop at them, skip them in silence, or read half a picture. "
        "Where one class has more of them than the others, the delivery was damaged unevenly.",
        "Ask for these files again, or delete them; do not let a reader guess.",
        delivery.refused,
    )


def check_formats(delivery: ImageFolder) -> Finding:
    """Which kinds of files there are: format, colours, bits, size; and names that say otherwise."""
    facts = delivery.facts
    text = facts[["bits", "width", "height"]].astype(str)
    kinds = _commonest(
        "kind", facts["format"] + ", " + facts["colour"] + ", " + text["bits"] + " bits"
    )
    sizes = _commonest("size", text["width"] + " x " + text["height"])
    wrong = facts[[is_misnamed(*pair) for pair in zip(facts["file"], facts["format"], strict=True)]]
    size = delivery.images.shape[-1]
    small = int((facts[["width", "height"]].min(axis=1) < size).sum())
    told = [f"Kinds of files: {len(kinds)}; sizes: {len(sizes)}."]
    if len(wrong):
        told += [f"{count_of(len(wrong), 'file has', 'files have')} the name of another format."]
    if small:
        smaller = count_of(small, "image is", "images are")
        told += [f"{smaller} smaller than the {size} pixels compared here."]
    mixed = len(kinds) > 1 or len(sizes) > 1
    return Finding(
        "note" if mixed or len(wrong) or small else "ok",
        " ".join(told),
        "Mixed files come from more than one device or hand. That is no fault; whether it tells "
        "the class is asked under shortcuts." if mixed else "",
        "Find out where the kinds come from, and give all of them the same treatment."
        if mixed else "",
        pd.concat([kinds.head(10), sizes.head(10)]),
        tuple(wrong.index[:EXAMPLES]),
        tuple(f"{kind} inside" for kind in wrong["format"][:EXAMPLES]),
    )  # fmt: skip


def _commonest(what: str, values: pd.Series) -> pd.DataFrame:
    """How many images share a value, the commonest first."""
    told = values.value_counts()
    return pd.DataFrame({"what": what, "value": told.index, "images": told.to_numpy()})


def check_class_balance(delivery: ImageFolder) -> Finding:
    """How many images each class has in each part."""
    if not delivery.class_names:
        return skipped("No class folders and no labels: nothing that concerns classes was asked.")
    facts = delivery.facts.assign(part=delivery.facts["part"].replace("", "all"))
    unlabelled = int((facts["label"] == "").sum())
    dealt = facts["part"].nunique() > 1
    table = pd.crosstab(facts["label"], facts["part"])
    table = table.reindex(list(delivery.class_names), fill_value=0)
    each, few = table.sum(axis=1), int((table < MIN_CLASS_IMAGES).any(axis=1).sum())
    bare = int((table == 0).any(axis=1).sum())
    ratio = each.max() / max(1, each.min())
    constant = each.max() / each.sum()
    grave = bare or ratio > UNEVEN
    scarce = f"No class has fewer than {MIN_CLASS_IMAGES} images" + " in any part" * dealt
    if few:
        below = count_of(few, "class has", "classes have")
        scarce = f"{below} fewer than {MIN_CLASS_IMAGES} images" + " in some part" * dealt
    if bare and dealt:
        scarce += "; " + count_of(bare, "class has none", "classes have none") + " in some part"
    uneven = f"the commonest has {ratio:.1f} times as many images as the rarest"
    if not each.min():
        uneven = count_of(int((each == 0).sum()), "has", "have") + " no image"
    return Finding(
        "warning" if grave else "note" if few else "ok",
        f"{len(each)} classes; {uneven}. "
        f"Whoever always answers {each.idxmax()!r} is right on {constant:.0%}. "
        f"{scarce}."
        + f" {count_of(unlabelled, 'image has', 'images have')} no label." * bool(unlabelled),
        "An accuracy means little where a constant answer is often right, and a class with few "
        "images is measured by few.",
        "Report balanced accuracy with intervals beside the constant answer; ask for more of the "
        "rare classes, or leave out what cannot be tested." if grave or few else "",
        table.rename_axis("class").rename_axis(columns=None).reset_index(),
    )  # fmt: skip
