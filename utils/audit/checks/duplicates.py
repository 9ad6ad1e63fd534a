"""The check for duplicates: the same image more than once, and above all with two labels."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from utils.audit.finding import EXAMPLES, Finding, count_of
from utils.audit.folder import ImageFolder
from utils.data.components import linked_groups
from utils.data.neighbours import NEAR

SETS = "duplicates.csv"  # the file beside the report
FEW_COPIES, MANY_COPIES = 2, 0.01  # images, share of all: two views of a body may look alike


@dataclass(frozen=True)
class Duplicates:
    """Pairs of duplicates, those with two labels first, and how many there are of each kind."""

    pairs: np.ndarray
    identical: int
    near: int
    identical_with_two_labels: int
    near_with_two_labels: int

    @property
    def copies(self) -> int:
        """Images that could go: all but one of each set."""
        return len(np.unique(self.pairs)) - self.sets

    @property
    def sets(self) -> int:
        return len(np.unique(_set_numbers(self.pairs)))

    @property
    def with_two_labels(self) -> int:
        return self.identical_with_two_labels + self.near_with_two_labels


def check_duplicates(folder: ImageFolder) -> Finding:
    """The same image more than once, and above all with two labels."""
    found = find_duplicates(folder)
    many = found.copies > max(FEW_COPIES, MANY_COPIES * len(folder))
    severity = "warning" if many or found.with_two_labels else "note" if found.copies else "ok"
    size = folder.pixels.shape[-1]
    labels = "No pair has two labels. " if folder.class_names else ""
    if found.with_two_labels:
        identical = count_of(found.identical_with_two_labels, "identical pair")
        near = count_of(found.near_with_two_labels, "near-duplicate pair")
        labels = f"{identical} and {near} have two labels. "
    return Finding(
        "alarm" if found.identical_with_two_labels else severity,
        f"{labels}"
        f"{count_of(found.copies, 'image is a copy of another', 'images are copies of others')}, "
        f"in {count_of(found.sets, 'set')}: "
        f"{count_of(found.identical, 'pair')} identical at {size} x {size} pixels, "
        f"{count_of(found.near, 'pair')} at most {NEAR:g} grey levels apart.",
        "An image with two labels has at most one right label. Other copies count an image twice. "
        "Near-duplicates may be different images after all: blank films, cells, slices."
        if found.copies else "",
        f"Decide which label is right, or leave both out; keep one image of each set in `{SETS}`."
        if found.copies else "",
        _pair_table(folder, found.pairs),
        tuple(found.pairs.ravel().tolist()),
        tuple(pair_captions(folder, found.pairs[: EXAMPLES // 2])),
        files={SETS: set_table(folder, found.pairs)} if found.copies else {},
    )  # fmt: skip


def find_duplicates(folder: ImageFolder) -> Duplicates:
    identical = identical_pairs(folder)
    pairs = np.concatenate([identical, folder.near_duplicates])
    first, second = folder.facts["label"].to_numpy()[pairs.T]
    clash = (first != second) & (first != "") & (second != "")
    clashes = int(clash[: len(identical)].sum())
    return Duplicates(
        pairs[np.argsort(~clash, kind="stable")],
        len(identical),
        len(folder.near_duplicates),
        clashes,
        int(clash.sum()) - clashes,
    )


def set_table(folder: ImageFolder, pairs: np.ndarray) -> pd.DataFrame:
    """One row per image that has a duplicate; duplicates of each other share a set."""
    rows = np.unique(pairs)
    table = folder.facts.loc[rows, ["part", "label"]].assign(file=folder.relative_files[rows])
    table["set"] = _set_numbers(pairs)
    table["labels in the set"] = table.groupby("set")["label"].transform("nunique")
    order = ["labels in the set", "set", "file"]
    table = table.sort_values(order, ascending=[False, True, True], kind="stable")
    return table[["set", "file", "part", "label", "labels in the set"]]


def _set_numbers(pairs: np.ndarray) -> np.ndarray:
    """The number of the set of each image that is in a pair, in the order of the images."""
    rows, member = np.unique(pairs, return_inverse=True)
    first, second = member.reshape(pairs.shape).T
    return linked_groups(first, second, len(rows)) + 1


def identical_pairs(folder: ImageFolder) -> np.ndarray:
    """Each copy after the first image with these pixels, a training image if there is one."""
    order = np.argsort(folder.parts != "train", kind="stable")
    _, first = np.unique(folder.pixel_groups[order], return_index=True)
    pairs = np.stack([order[first][folder.pixel_groups], np.arange(len(folder))], 1)
    return pairs[pairs[:, 0] != pairs[:, 1]]


def _pair_table(folder: ImageFolder, pairs: np.ndarray) -> pd.DataFrame:
    columns = {"one": pairs[:, 0], "other": pairs[:, 1]}
    return pd.DataFrame({name: folder.relative_files[rows] for name, rows in columns.items()})


def pair_captions(folder: ImageFolder, pairs: np.ndarray) -> list[str]:
    names = (folder.facts["part"] + " " + folder.facts["label"]).str.strip().to_numpy()
    return [f"pair {n}: {names[place]}" for n, pair in enumerate(pairs, 1) for place in pair]
