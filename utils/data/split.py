"""Data as plain tensors, and splits that keep each patient on one side."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from utils.data.formats.depth import WHITE, in_depth, resized, to_float, to_levels, to_uint8
from utils.files import digest

__all__ = ["Split", "Splits", "batches", "concatenate"]
__all__ += ["in_depth", "resized", "to_float", "to_levels", "to_uint8"]


@dataclass(frozen=True)
class Split:
    """Labelled images: uint8 (n, channels, height, width) and int64 (n,).

    Where an image may have several findings, labels are (n, findings): 1 where one is there, else
    0, and `class_names` are those of the findings.

    Where 16 bits were wanted, images are uint16. Their type alone says so: `to_float` gives the
    same range for both, so a model, an attack and its epsilon do not notice.

    `groups` numbers the patient of each image, `masks` show where the finding is (n, height,
    width), `changed` is the kind of contamination of each image (0: none): the truth for
    splitting, for Grad-CAM and for detectors. `files` are the files that the images come from, and
    `frames` their places in files that hold several. `patients_known` False: `groups` keep only
    copies together, and two of them may be of one patient.
    """

    images: Tensor
    labels: Tensor
    class_names: tuple[str, ...]
    groups: Tensor | None = None
    masks: Tensor | None = None
    changed: Tensor | None = None
    frames: Tensor | None = None
    files: tuple[str, ...] | None = None
    patients_known: bool = True

    def __post_init__(self):
        if self.images.dtype not in WHITE or self.images.dim() != 4:
            raise ValueError(
                "images must be uint8 or uint16 (n, channels, height, width), "
                f"got {self.images.dtype} {tuple(self.images.shape)}"
            )
        for name, value in {**self.per_image(), "files": self.files}.items():
            if value is not None and len(value) != len(self.images):
                raise ValueError(f"{len(self.images)} images but {len(value)} {name}")
        if self.has_findings and self.labels.shape[1] != self.classes:
            columns = self.labels.shape[1]
            raise ValueError(f"{columns} columns of labels for the findings {self.class_names}")
        classes = 2 if self.has_findings else self.classes
        if len(self) and not 0 <= int(self.labels.min()) <= int(self.labels.max()) < classes:
            raise ValueError(f"a label lies outside the {classes} classes {self.class_names}")

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def classes(self) -> int:
        return len(self.class_names)

    @property
    def size(self) -> int:
        return self.images.shape[-1]

    @property
    def depth(self) -> int:
        """Bits of a grey level, 8 or 16."""
        return 8 * self.images.element_size()

    def with_depth(self, depth: int) -> "Split":
        """The same images with 8 or 16 bits."""
        return replace(self, images=in_depth(self.images, depth))

    @property
    def has_findings(self) -> bool:
        """Whether an image may have several labels at once, or none."""
        return self.labels.dim() == 2

    def has(self, label: int) -> Tensor:
        """Whether each image is of this class, or has this finding."""
        return self.labels[:, label] == 1 if self.has_findings else self.labels == label

    @property
    def counts(self) -> Tensor:
        """Images per class, or with each finding."""
        if self.has_findings:
            return self.labels.sum(0)
        return torch.bincount(self.labels, minlength=self.classes)

    @property
    def patients(self) -> np.ndarray:
        """The patient of each image; where none are known, each image has its own."""
        return np.arange(len(self)) if self.groups is None else self.groups.cpu().numpy()

    def per_image(self) -> dict[str, Tensor]:
        """Every tensor with one row per image, by its field name."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, Tensor)}

    def take(self, indices) -> "Split":
        """The chosen images, with all that belongs to them."""
        indices = torch.as_tensor(indices)
        columns = {name: value[indices] for name, value in self.per_image().items()}
        if self.files is not None:
            chosen = torch.arange(len(self))[indices.cpu()]
            columns["files"] = tuple(self.files[place] for place in chosen.tolist())
        return replace(self, **columns)

    def to(self, device: torch.device) -> "Split":
        return replace(self, **{name: value.to(device) for name, value in self.per_image().items()})

    def content_hash(self) -> str:
        """Changes with any pixel, label or class name; reads every pixel."""
        shape = repr((self.class_names, tuple(self.images.shape))).encode()
        return digest(shape, *(v.contiguous().numpy() for v in (self.images, self.labels)))[:16]

    def some_rows(self, count: int, seed: int = 0) -> Tensor:
        """The places of at most `count` images, drawn at random; 0 means all."""
        if not 0 < count < len(self):
            return torch.arange(len(self))
        order = torch.randperm(len(self), generator=torch.Generator().manual_seed(seed))
        return order[:count].sort().values

    def limit(self, count: int, seed: int = 0) -> "Split":
        """At most `count` images, drawn at random; 0 means all."""
        return self.take(self.some_rows(count, seed)) if 0 < count < len(self) else self

    def balanced(self, count: int, seed: int = 0) -> "Split":
        """At most `count` images, equally many of each class, drawn at random; 0 means all.

        A class that has too few gives all of them.
        """
        if not 0 < count < len(self):
            return self
        if self.has_findings:
            raise ValueError("images with several findings have no classes to balance; use limit")
        order = torch.randperm(len(self), generator=torch.Generator().manual_seed(seed))
        each = max(1, count // self.classes)
        of_class = [order[self.labels[order] == label][:each] for label in range(self.classes)]
        return self.take(torch.cat(of_class).sort().values)

    def resized(self, size: int) -> "Split":
        """The same images, smaller or larger, and the places of the findings with them."""
        masks = self.masks
        if masks is not None:
            masks = resized(masks[:, None].to(torch.uint8), size, "nearest-exact")[:, 0].bool()
        return replace(self, images=resized(self.images, size), masks=masks)

    def per_patient(self, count: int) -> "Split":
        """At most `count` images of each patient, evenly spread; 0 means all.

        Images of one patient are much alike: a third of them narrows an interval almost as far as
        all.
        """
        if not count or self.groups is None:
            return self
        patients = (torch.nonzero(self.groups == group)[:, 0] for group in self.groups.unique())
        spread = []
        for rows in patients:
            kept = min(count, len(rows))
            spread.append(rows[(torch.arange(kept) + 0.5).mul(len(rows) / kept).long()])
        return self.take(torch.cat(spread).sort().values)


@dataclass(frozen=True)
class Splits:
    train: Split
    validation: Split
    test: Split

    def items(self) -> Iterator[tuple[str, Split]]:
        for field in fields(self):
            yield field.name, getattr(self, field.name)

    @property
    def all_images(self) -> Split:
        """All images in one split, as if they had never been split."""
        return concatenate(*(split for _, split in self.items()))

    def limit(self, count: int, seed: int = 0) -> "Splits":
        """At most `count` images in each split; 0 means all."""
        return Splits(**{name: split.limit(count, seed) for name, split in self.items()})


def concatenate(*parts: Split) -> Split:
    """All images of several splits in one, with all that belongs to them."""
    if len({part.depth for part in parts}) > 1:
        raise ValueError("some images have 8 bits and others 16; bring them together: with_depth")
    if any(part.frames is not None for part in parts):
        parts = [part if part.frames is not None else _of_single_files(part) for part in parts]
    columns = [part.per_image() for part in parts]
    files = None
    if any(part.files for part in parts):
        files = sum((part.files or ("",) * len(part) for part in parts), ())
    together = {name: torch.cat([column[name] for column in columns]) for name in columns[0]}
    return replace(parts[0], files=files, **together)


def _of_single_files(part: Split) -> Split:
    return replace(part, frames=torch.zeros(len(part), dtype=torch.long))


def batches(split: Split, size: int, shuffle: bool = False) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield (images, labels); the receiver moves them to its device, then calls `to_float`.

    A single image left over by shuffling is skipped: batch norm cannot learn from it.
    """
    order = torch.randperm(len(split)) if shuffle else torch.arange(len(split))
    for chosen in order.split(size):
        if len(chosen) > 1 or not shuffle:
            chosen = chosen.to(split.images.device)
            # Not by an index in brackets: this copies whole rows.
            yield split.images.index_select(0, chosen), split.labels.index_select(0, chosen)
