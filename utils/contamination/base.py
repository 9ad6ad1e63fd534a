"""A contamination is a value: called with a split, it returns the split with some images changed.

It skips images that another contamination has changed, so that each changed image has one kind:
the ground truth for detectors.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, TypeVar

import numpy as np
import pandas as pd
import torch
from torch import Generator, Tensor

from utils.data.formats.depth import grey_levels, same_bits
from utils.data.split import Split

# `Split.changed` holds the place in this list
KINDS = ("clean", "noise", "label error", "poison", "adversarial", "fake", "scaling")

Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True, kw_only=True)
class Contamination:
    """Changes a share of the images, drawn by its own seed.

    With the same seed, the images changed at a lower rate are among those changed at a higher
    one, so that a curve over rates compares like with like.
    """

    kind: ClassVar[str]
    rate: float = 0.1  # of all images
    seed: int = 0

    def __post_init__(self):
        if not 0 <= self.rate <= 1:
            raise ValueError(f"rate is a share of all images, from 0 to 1; got {self.rate}")

    def __call__(self, split: Split) -> Split:
        rng = Generator().manual_seed(self.seed)
        chosen = self._choose(split, rng)
        part = split.take(chosen)
        if len(chosen):
            part = self.change(part, chosen, rng)
        return _put_back(split, chosen, part, self.kind)

    def change(self, part: Split, chosen: Tensor, rng: Generator) -> Split:
        """The images at the places `chosen` of the split, changed."""
        raise NotImplementedError

    def eligible(self, split: Split) -> Tensor:
        """Which images it can change at all, as bool."""
        return torch.ones(len(split), dtype=torch.bool)

    def preferred(self, split: Split, places: Tensor, rng: Generator) -> Tensor:
        """The eligible places in the order in which they are taken: at random."""
        return places[torch.randperm(len(places), generator=rng)]

    def _choose(self, split: Split, rng: Generator) -> Tensor:
        count = round(self.rate * len(split))
        places = torch.nonzero(self.eligible(split) & (kinds_of(split) == 0))[:, 0]
        if count > len(places):
            raise ValueError(
                f"{self!r} would change {count} of {len(split)} images, but only {len(places)} "
                f"are eligible and still clean; give a rate up to {len(places) / len(split):.3g}"
            )
        return self.preferred(split, places, rng)[:count]


def of_class(split: Split, label: int) -> Tensor:
    """Which images have this label."""
    if not 0 <= label < split.classes:
        raise ValueError(f"label {label} is none of the {split.classes} classes")
    return split.labels == label


def kinds_of(split: Split) -> Tensor:
    """The kind of each image, as its place in KINDS; 0 for a clean image."""
    return split.labels.new_zeros(len(split)) if split.changed is None else split.changed


def contaminate(split: Split, *steps: Contamination) -> tuple[Split, pd.DataFrame]:
    """The split after all steps in turn, and the manifest: a row for every changed image."""
    manifests = []
    for step in steps:
        before, split = split, step(split)
        manifests.append(_manifest(before, split, step))
    manifest = pd.concat(manifests) if manifests else _manifest(split, split, None)
    return split, manifest.sort_values("image", ignore_index=True)


def contaminate_each(
    split: Split, steps: Mapping[Name, Contamination]
) -> tuple[Split, dict[Name, np.ndarray]]:
    """The split after all named steps in turn, and which images each of them has changed."""
    changed = {}
    for name, step in steps.items():
        before, split = kinds_of(split), step(split)
        changed[name] = np.flatnonzero(kinds_of(split) != before)
    return split, changed


def _put_back(split: Split, chosen: Tensor, part: Split, kind: str) -> Split:
    """The split with `part` in the chosen places, and its kind recorded."""
    after = {"images": part.images, "labels": part.labels, "masks": part.masks}
    after["changed"] = torch.full_like(chosen, KINDS.index(kind))
    before = {**split.per_image(), "changed": kinds_of(split)}
    known = {name: value.clone() for name, value in before.items() if after.get(name) is not None}
    for name, value in known.items():
        same_bits(value)[chosen] = same_bits(after[name])
    return replace(split, **known)


def _manifest(before: Split, after: Split, step: Contamination | None) -> pd.DataFrame:
    rows = torch.nonzero(kinds_of(before) != kinds_of(after))[:, 0]
    names = np.asarray(before.class_names)
    moved = (grey_levels(after.images[rows]) - grey_levels(before.images[rows])).abs()
    return pd.DataFrame(
        {
            "image": rows.numpy(),
            "group": before.patients[rows],
            "kind": [KINDS[kind] for kind in kinds_of(after)[rows]],
            "what": repr(step),
            "label before": names[before.labels[rows]],
            "label after": names[after.labels[rows]],
            "mean change": moved.mean((1, 2, 3)).numpy(),  # in grey levels of 255
        }
    )
