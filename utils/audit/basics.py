"""Checks of the files themselves: can they be read, are they alike, is every class there?"""

from pathlib import Path

import pandas as pd

from utils.audit.delivery import Delivery
from utils.audit.files import misnamed
from utils.audit.finding import SHOWN, Finding, skipped

MANY_UNREADABLE = 0.05  # of all files
FEWEST = 10  # images of a class in a part: with fewer, one image is ten points
UNEVEN = 20  # times as many images in the commonest class as in the rarest


def unreadable(delivery: Delivery) -> Finding:
    """Files that are no images, are damaged, or would harm whoever opens them."""
    count, total = len(delivery.refused), len(delivery.refused) + len(delivery)
    if not count:
        return Finding("ok", f"All {total:,} files were read to their last pixel.")
    return Finding(
        "alarm" if count > MANY_UNREADABLE * total else "warning",
        f"{count:,} of {total:,} files could not be read, or were refused.",
        "A training program may stop at them, skip them in silence, or read half a picture. "
        "Where one class has more of them than the others, the delivery was damaged unevenly.",
        "Ask for these files again, or delete them; do not let a reader guess.",
        delivery.refused,
    )


def formats(delivery: Delivery) -> Finding:
    """Which kinds of files there are: format, colours, bits, size; and names that say otherwise."""
    facts = delivery.facts
    kinds = _counted(facts, ["format", "colour", "bits"])
    sizes = _counted(facts, ["width", "height"])
    wrong = facts[[misnamed(*pair) for pair in zip(facts["file"], facts["format"], strict=True)]]
    small = int((facts[["width", "height"]].min(axis=1) < delivery.images.shape[-1]).sum())
    told = [f"Kinds of files: {len(kinds)}; sizes (width x height): {len(sizes)}."]
    told += [f"{len(wrong)} files have the name of another format."] if len(wrong) else []
    size = delivery.images.shape[-1]
    told += [f"{small} images are smaller than the {size} pixels compared here."] if small else []
    mixed = len(kinds) > 1 or len(sizes) > 1
    return Finding(
        "note" if mixed or len(wrong) or small else "ok",
        " ".join(told),
        "Mixed files come from more than one device or hand. That is no fault; whether it tells "
        "the class is asked under shortcuts." if mixed else "",
        "Find out where the kinds come from, and give all of them the same treatment."
        if mixed else "",
        pd.concat([kinds.head(10), sizes.head(10)]).fillna("any"),
        tuple(wrong.index[:SHOWN]),
        tuple(f"{Path(row.file).name} is {row.format}" for row in wrong[:SHOWN].itertuples()),
    )  # fmt: skip


def _counted(facts: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """How many images share these values, the commonest first; as text, for no total is meant."""
    return facts[columns].astype(str).value_counts().rename("images").reset_index()


def classes(delivery: Delivery) -> Finding:
    """How many images each class has in each part."""
    if not delivery.class_names:
        return skipped("No class folders and no labels: nothing that concerns classes was asked.")
    facts = delivery.facts.assign(part=delivery.facts["part"].replace("", "all"))
    unlabelled = int((facts["label"] == "").sum())
    table = pd.crosstab(facts["label"], facts["part"])
    table = table.reindex(list(delivery.class_names), fill_value=0)
    each, few = table.sum(axis=1), int((table < FEWEST).sum().sum())
    ratio = each.max() / max(1, each.min())
    empty = int((table == 0).sum().sum())
    constant = each.max() / each.sum()
    grave = empty or ratio > UNEVEN
    return Finding(
        "warning" if grave else "note" if few else "ok",
        f"{len(each)} classes; the commonest has {ratio:.1f} times as many images as the rarest. "
        f"Whoever always answers {each.idxmax()!r} is right on {constant:.0%}. "
        f"{few} cells of the table have fewer than {FEWEST} images, {empty} none."
        + f" {unlabelled:,} images have no label." * bool(unlabelled),
        "An accuracy means little where a constant answer is often right, and a class with few "
        "images is measured by few.",
        "Report balanced accuracy with intervals beside the constant answer; ask for more of the "
        "rare classes, or leave out what cannot be tested." if grave or few else "",
        table.rename_axis("class").rename_axis(columns=None).reset_index(),
    )  # fmt: skip
