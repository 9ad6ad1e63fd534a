"""Checks of the files themselves: can they be read, are they alike, is every class there?"""

import pandas as pd

from utils.audit.finding import EXAMPLES, Finding, count_of, skipped
from utils.audit.folder import ImageFolder
from utils.data.file_facts import is_misnamed
from utils.data.formats.findings import name_several

MANY_UNREADABLE = 0.05  # of all files
MIN_CLASS_IMAGES = 10  # images per class and part: with fewer, one image is ten points
MANY_UNLABELLED = 0.05  # of all images
MAX_IMBALANCE = 20  # images of the most frequent class per image of the rarest


def check_unreadable(folder: ImageFolder) -> Finding:
    """Files that are not images, are damaged, or are dangerous to open."""
    count, total = len(folder.refused), len(folder.refused) + len(folder)
    if not count:
        return Finding("ok", f"All files could be read ({total:,}), and no damage was noticed.")
    refused = "was refused" if count == 1 else "were refused"
    locked = int(folder.refused["reason"].str.startswith("folder").sum())
    unknown = f" Of these, {count_of(locked, 'is a whole folder', 'are whole folders')} with an "
    unknown += "unknown number of files."
    return Finding(
        "alarm" if locked or count > MANY_UNREADABLE * total else "warning",
        f"{count:,} of {count_of(total, 'file')} could not be read or {refused}."
        + unknown * bool(locked),
        "A training program may stop at these files, skip them silently, or read half an image. "
        "If one class has more of them than the others, the remaining images are biased.",
        "Get these files again, or delete them.",
        folder.refused.assign(file=folder.refused["file"].str.removeprefix(folder.base)),
    )


def check_formats(folder: ImageFolder) -> Finding:
    """Which kinds of files there are: format, colours, bits, size; and misleading file names."""
    facts, size = folder.facts, folder.pixels.shape[-1]
    text = facts[["bits", "width", "height"]].astype(str)
    kind = facts["format"] + ", " + facts["colour"] + ", " + text["bits"] + " bits"
    kinds = _counts("kind", kind)
    sizes = _counts("size", text["width"] + " x " + text["height"])
    pairs = zip(facts["file"], facts["format"], strict=True)
    misnamed = facts[[is_misnamed(*pair) for pair in pairs]]
    small = int((facts[["width", "height"]].min(axis=1) < size).sum())
    mixed = len(kinds) > 1 or len(sizes) > 1
    sentences = [f"Kinds of files: {len(kinds)}; sizes: {len(sizes)}."]
    if len(misnamed):
        files = count_of(len(misnamed), "file has", "files have")
        sentences += [f"{files} the extension of another format."]
    if small:
        images = count_of(small, "image is", "images are")
        sentences += [f"{images} smaller than the {size} pixels compared here."]
    return Finding(
        "note" if mixed or len(misnamed) or small else "ok",
        " ".join(sentences),
        "Mixed files come from several devices or programs. This is no error; the check Shortcuts "
        "measures whether it reveals the class." if mixed else "",
        "Find out where each kind comes from, and process all of them in the same way."
        if mixed else "",
        pd.concat([kinds.head(10), sizes.head(10)]),
        tuple(misnamed.index),
        tuple(f"content: {kind}" for kind in misnamed["format"][:EXAMPLES]),
    )  # fmt: skip


def _counts(what: str, values: pd.Series) -> pd.DataFrame:
    """How many images share a value, the most frequent first."""
    counts = values.value_counts()
    return pd.DataFrame({"what": what, "value": counts.index, "images": counts.to_numpy()})


def check_class_balance(folder: ImageFolder) -> Finding:
    """How many images each class has in each part."""
    if not folder.class_names:
        return skipped(
            "No class folders and no labels: checks that need classes are skipped.",
            "Sort the images into a folder for each class, or name the classes in a table.",
        )
    facts = folder.facts.assign(part=folder.facts["part"].replace("", "all"))
    unlabelled = int((facts["label"] == "").sum())
    table = pd.crosstab(facts["label"], facts["part"])
    table = table.reindex(list(folder.class_names), fill_value=0)
    each = table.sum(axis=1)
    scarce = bool((table < MIN_CLASS_IMAGES).any(axis=None)) or unlabelled
    severe = (
        bool((table == 0).any(axis=None))
        or each.max() / max(1, each.min()) > MAX_IMBALANCE
        or unlabelled > MANY_UNLABELLED * len(facts)
    )
    sentences = [
        f"{len(each)} classes; {_imbalance(each)}.",
        f"Always predicting {each.idxmax()!r} is right on {each.max() / each.sum():.0%}.",
        _scarcity(table, several_parts=facts["part"].nunique() > 1),
    ]
    if name_several(folder.class_names):
        sentences += ["Labels list several findings; here each set of findings counts as a class."]
    if unlabelled:
        sentences += [f"{count_of(unlabelled, 'image has', 'images have')} no label."]
    return Finding(
        "warning" if severe else "note" if scarce else "ok",
        " ".join(sentences),
        "Accuracy means little if a constant prediction is often right, and a class with few "
        "images is measured on few.",
        ("Get the missing labels. " if unlabelled else "")
        + "Report balanced accuracy with intervals next to the constant prediction; get more "
        "images of the rare classes, or leave out those that cannot be tested."
        if severe or scarce else "",
        table.rename_axis("class").rename_axis(columns=None).reset_index(),
    )  # fmt: skip


def _imbalance(each: pd.Series) -> str:
    if not each.min():
        return count_of(int((each == 0).sum()), "has", "have") + " no image"
    ratio = each.max() / each.min()
    return f"the most frequent has {ratio:.1f} times as many images as the rarest"


def _scarcity(table: pd.DataFrame, several_parts: bool) -> str:
    """One sentence about classes with few images in the columns, the parts, of the table."""
    few, none = ((table < least).any(axis=1).sum() for least in (MIN_CLASS_IMAGES, 1))
    if not few:
        return f"No class has fewer than {MIN_CLASS_IMAGES} images{' in any part' * several_parts}."
    where = " in some part" * several_parts
    text = f"{count_of(int(few), 'class has', 'classes have')} fewer than {MIN_CLASS_IMAGES} images"
    if none and several_parts:
        empty = count_of(int(none), "class has none", "classes have none")
        return f"{text}{where}; {empty}{where}."
    return f"{text}{where}."
