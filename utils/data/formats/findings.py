"""Several findings in the label column of a table, as in NIH ChestX-ray14: "Effusion|Mass"."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

SEPARATOR = "|"
NO_FINDING = ("no finding", "no findings", "normal", "healthy", "none")  # in any case of letters


def name_several(labels: Iterable[str]) -> bool:
    """Whether some image has several findings; then all labels are lists of findings."""
    return any(SEPARATOR in label for label in labels)


def findings_in(label: str) -> tuple[str, ...]:
    """The findings of one image, sorted; empty where the label says that there is none."""
    named = {name.strip() for name in label.split(SEPARATOR)} - {""}
    return tuple(sorted(name for name in named if name.lower() not in NO_FINDING))


def in_one_order(label: str) -> str:
    """The same text for the same findings: "B|A" is "A|B"."""
    return SEPARATOR.join(findings_in(label))


def finding_columns(labels: Sequence[str], names: Sequence[str]) -> Tensor:
    """(n, findings): 1 where an image has a finding, else 0."""
    import torch  # here: it takes seconds, and names need none of it

    columns = torch.zeros(len(labels), len(names), dtype=torch.long)
    for row, label in enumerate(labels):
        for name in findings_in(label):
            columns[row, names.index(name)] = 1
    return columns


def as_label(row: Sequence[int], names: Sequence[str]) -> str:
    """The text for one image in a table, such as "Effusion|Mass" or "No Finding"."""
    present = [name for name, there in zip(names, row, strict=True) if there]
    return SEPARATOR.join(present) or "No Finding"
