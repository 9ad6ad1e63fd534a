"""Dementia or none from slices of MRI: folds by recovered patient, one answer for each patient.

A frozen network reads every slice once; only heads are fitted. Its features are means of its maps
over a grid of cells, and the answer for a patient is that of a linear head to the mean over slices.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from utils.attacks.base import Attack
from utils.backbones.classifier import Classifier, build
from utils.course.real.sets import SLICES
from utils.data.datasets import DATASETS
from utils.data.loading import load
from utils.data.patients.slice_order import slice_heights
from utils.data.split import Split
from utils.evaluation.inference import logits
from utils.evaluation.predictions import Predictions
from utils.training.cross_validation import FittedProbe, cross_validated, folds_of
from utils.training.features import StageMeans, folded_probe, frozen_features, patient_means

SIZE = 128  # pixels of a slice
BACKBONE = "efficientnet_lite0"
EACH = 16  # slices of a patient, of 32
LEVELS = 4  # from the lowest slices of a head to the highest; each has its own mean
FOLDS = 5
STRENGTHS = (1e-6, 1e-5, 1e-4, 1e-3)  # few patients and many features: simpler than usual
EDGE = 8  # the border is one part in so many of the width
BORDER_STRENGTH = 0.1  # C of the head that reads three numbers of it


def real_slices(root: str | Path | None = None, size: int = SIZE) -> Split:
    """All slices of real patients: the synthetic ones of the set were made from some of them."""
    split = load(SLICES, size, root).all_images
    return split.take((~DATASETS[SLICES].synthetic(split.images)).nonzero()[:, 0])


def some_slices(root: str | Path | None = None) -> Split:
    """Every second slice, evenly spread: neighbours show nearly the same."""
    return demented_or_not(real_slices(root)).per_patient(EACH)


def demented_or_not(split: Split) -> Split:
    """The grades of dementia as one class; the first class has none."""
    return replace(split, labels=(split.labels > 0).long(), class_names=("none", "dementia"))


def network_of_cells(size: int = SIZE, weights: str = "imagenet") -> Classifier:
    """The frozen network's feature maps, averaged over 4 x 4 cells."""
    network = build(BACKBONE, 2, size, weights=weights, frozen=True).backbone
    cells = StageMeans(network)
    return Classifier(cells, nn.Linear(cells.num_features, 2), frozen=True).eval()


@dataclass(frozen=True)
class Heads:
    """Slices of patients, what the frozen network sees in them, and folds by patient."""

    slices: Split
    network: Classifier
    folder: Path
    folds: int = FOLDS
    strengths: Sequence[float] = STRENGTHS

    @cached_property
    def cells(self) -> np.ndarray:
        """A row for each slice."""
        return frozen_features(self.network, self.slices, self.folder)

    @cached_property
    def heights(self) -> np.ndarray:
        return slice_heights(self.slices)

    @cached_property
    def fold_heads(self) -> list[tuple[np.ndarray, nn.Module]]:
        """The patients that each fold tests, and the head that has not met them."""
        rows, patients = patient_means(self.cells, self.slices)
        found = []
        for part in folds_of(patients, self.folds):
            known = np.setdiff1d(np.arange(len(patients)), part)
            head = folded_probe(rows[known], patients.take(known), self.strengths).head
            found.append((patients.patients[part], head))
        return found

    def by_level(self, partitions: int) -> list[Predictions]:
        """Each patient answered once in each partition into folds, from means at four heights."""
        means = patient_means(self.cells, self.slices, self.heights, LEVELS)
        return self.repeated(*means, partitions)

    def by_border(self, partitions: int) -> list[Predictions]:
        """A control: brightness and grain of the border alone, where no brain is."""
        rows = border_measures(self.slices.images)
        means, patients = patient_means(rows, self.slices)
        return self.repeated(means, patients, partitions, strengths=(BORDER_STRENGTH,))

    def repeated(
        self,
        rows: np.ndarray,
        split: Split,
        partitions: int,
        strengths: Sequence[float] | None = None,
    ) -> list[Predictions]:
        """Cross-validations with other partitions into folds."""
        fit = FittedProbe(rows, split, strengths or self.strengths)
        return [cross_validated(split, fit, self.folds, seed) for seed in range(partitions)]

    def of_some(self, patients: int, slices: int, seed: int = 0) -> np.ndarray:
        """The places of a few slices of a few patients, as many patients of each class."""
        owners, first = np.unique(self.slices.patients, return_index=True)
        chosen = owners[self._balanced(first, patients, seed)]
        kept = np.flatnonzero(np.isin(self.slices.patients, chosen))
        ranks = (np.arange(slices) + 0.5) / slices
        places = []
        for patient in chosen:
            own = kept[self.slices.patients[kept] == patient]
            own = own[np.argsort(self.heights[own], kind="stable")]
            places.append(own[(ranks * len(own)).astype(int)])
        return np.sort(np.concatenate(places))

    def answers(self, places: np.ndarray, attack: Attack | None, change=None) -> Predictions:
        """One answer per patient from these slices, each by the head of a fold without the patient.

        The answer is linear in the mean of the features, so an attacker of the patient moves the
        margin of each slice by itself.
        """
        some = self.slices.take(places)
        some = change(some) if change else some
        found = np.full((len(places), 2), np.nan)
        for tested, head in self.fold_heads:
            model = Classifier(self.network.backbone, head, frozen=True).eval()
            own = np.flatnonzero(np.isin(some.patients, tested))
            if len(own):
                found[own] = logits(model, some.take(own), attack).numpy()
        return _of_patients(found, some)

    def _balanced(self, first: np.ndarray, count: int, seed: int) -> np.ndarray:
        labels, rng = self.slices.labels.numpy()[first], np.random.default_rng(seed)
        each = count // 2
        return np.sort(
            np.concatenate([rng.permutation(np.flatnonzero(labels == k))[:each] for k in (0, 1)])
        )


def border_measures(images: Tensor) -> np.ndarray:
    """Mean, spread and grain of the pixels along the edges of each image."""
    edge, pixels = max(1, images.shape[-1] // EDGE), images.float()
    sides = pixels[..., :edge], pixels[..., -edge:], pixels[..., :edge, :], pixels[..., -edge:, :]
    frame = torch.cat([each.flatten(1) for each in sides], 1)
    grain = frame.diff(dim=1).abs().mean(1)
    return torch.stack([frame.mean(1), frame.std(1), grain], 1).numpy()


def _of_patients(found: np.ndarray, some: Split) -> Predictions:
    """The softmax of the mean logits of each patient."""
    owners, first, member = np.unique(some.patients, return_index=True, return_inverse=True)
    sums = np.zeros((len(owners), found.shape[1]))
    np.add.at(sums, member, found)
    means = torch.from_numpy(sums / np.bincount(member)[:, None])
    labels = some.labels.numpy()[first]
    return Predictions(labels, means.softmax(1).numpy(), owners, some.class_names)
