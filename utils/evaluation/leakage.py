"""Leakage between training and test images, found before any training."""

from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from utils.data.duplicates import duplicates_across, nearest, small_grey
from utils.data.neighbours import SIDE
from utils.data.patients.recovery import recover_patients
from utils.data.split import Splits
from utils.evaluation.findings.scores import usual_score
from utils.evaluation.inference import predictions_for
from utils.evaluation.intervals import Interval
from utils.evaluation.metrics import majority_share, score_of
from utils.evaluation.predictions import Predictions

RANK = 50  # the neighbour that represents an ordinary similar image
SIBLING = 0.5  # of the distance to that neighbour; for other patients it is 0.7 to 0.9
COPY = 0.3  # of it: a copy saved as JPEG or scaled, or a very similar sibling
SIBLINGS_TOLERATED = 0.1  # share of the test images
COPIES_TOLERATED = 0.01  # share of the test images: two cells or two blank films may look alike
FEWEST_IMAGES = 50  # images: among fewer, pixels do not show what is usual between patients
NOT_VISIBLE = "not visible"


def is_leaky(identical: int, copies: int, tested: int, siblings: float, shared: int) -> bool:
    """Whether training and test images are linked: by copies, by a share of siblings, by patients.

    `copies` are test images with a copy, near-duplicates included, of `tested` ones; `shared`
    counts the patients on both sides.
    """
    return _are_copied(identical, copies, tested) or _are_related(siblings) or shared > 0


def _are_copied(identical: int, copies: int, tested: int) -> bool:
    return identical > 0 or copies > COPIES_TOLERATED * tested


def _are_related(siblings: float) -> bool:
    return siblings > SIBLINGS_TOLERATED


def nearest_neighbour_baseline(splits: Splits) -> Predictions:
    """The predictions of a look-up: the label of the most similar training image."""
    return _labels_of(relative_distances(splits.test.images, splits.train.images)[1], splits)


def _labels_of(found: Tensor, splits: Splits) -> Predictions:
    """The labels of these training images, one for each test image, as predictions."""
    labels = splits.train.labels[found]
    columns = labels if splits.train.has_findings else F.one_hot(labels, splits.test.classes)
    return predictions_for(splits.test, columns.float().numpy())


def relative_distances(images: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """Distance of each image to the nearest known one, in units of that to the 50th; and which."""
    rank = max(1, min(RANK, len(known) // 10))  # in a small set the 50th is not similar at all
    distances, positions = nearest(small_grey(images), small_grey(known), rank)
    return distances[:, 0] / distances[:, -1].clamp(min=1e-6), positions[:, 0]


@dataclass(frozen=True)
class LeakageReport:
    """What links the test images to the training images.

    A high accuracy of the baseline alone does not mean leakage: the classes may be easy.
    Siblings are test images with a training image less than half as far away as the 50th
    neighbour; this is typical of two slices of one patient and rare between patients. X-rays and
    cells of one patient are as far apart as those of two: few siblings mean nothing there. Where
    patients are not known either, the report is `blind` to patients on both sides.
    """

    baseline: Interval  # accuracy of the nearest-neighbour look-up; AUC of several findings
    majority: float  # accuracy of always predicting the majority class
    tested: int  # test images
    siblings: float  # their share with a sibling
    shared_groups: int  # patients in two splits
    identical: int
    copies: int  # identical ones and near-duplicates
    repeated: int = 0  # test images that are identical to another test image
    patients_known: bool = True  # whether equal patients in two splits have equal numbers
    blind: bool = False  # patients are unknown, and no valley in the distances shows them
    # The predictions of the look-up.
    looked_up: Predictions | None = field(default=None, repr=False, compare=False)
    # The patient of each image, where patients are known.
    test_patients: np.ndarray | None = field(default=None, repr=False, compare=False)
    training_patients: np.ndarray | None = field(default=None, repr=False, compare=False)

    @property
    def reasons(self) -> tuple[str, ...]:
        """What links test and training images; empty if nothing does."""
        signs = {
            f"{self.shared_groups} patients or groups have images in two splits": (
                self.shared_groups > 0
            ),
            f"{self.copies} images have a copy, or nearly one, in another split "
            f"({self.identical} of them identical)": self.copied,
            f"{self.siblings:.0%} of the test images have a sibling among the training images": (
                self.related
            ),
        }
        return tuple(reason for reason, holds in signs.items() if holds)

    @property
    def copied(self) -> bool:
        return _are_copied(self.identical, self.copies, self.tested)

    @property
    def related(self) -> bool:
        return _are_related(self.siblings)

    @property
    def row(self) -> dict:
        """One line of a table."""
        return {
            "look-up": f"{self.baseline.text(digits=0)} %",
            "majority class": f"{100 * self.majority:.0f} %",
            "images with a sibling": f"{100 * self.siblings:.0f} %",
            "patients in two splits": self._shared,
            "copies across": self.copies,
            "leakage": "found" if self.leaky else NOT_VISIBLE if self.blind else "none found",
        }

    @property
    def _shared(self) -> int | str:
        if self.patients_known:
            return self.shared_groups
        return NOT_VISIBLE if self.blind else "not named"

    @property
    def leaky(self) -> bool:
        counts = self.identical, self.copies, self.tested
        return is_leaky(*counts, self.siblings, self.shared_groups)

    def __str__(self) -> str:
        scores = (
            f"Looking up the nearest training image is right for {self.baseline} % of the test "
            f"images; the majority class, for {100 * self.majority:.1f} %."
        )
        return f"{self._finding}. {scores}"

    @property
    def _finding(self) -> str:
        if self.leaky:
            return "Leakage found: " + "; ".join(self.reasons)
        if self.blind:
            return f"No copies found; patients in two splits are {NOT_VISIBLE}: they are not known"
        return "No leakage found"


def leakage_report(splits: Splits) -> LeakageReport:
    """Look for the test images among the training images, by pixels and by patients."""
    test = splits.test
    if not len(test):
        raise ValueError("the test split is empty; give it at least one image")
    ratios, found = relative_distances(test.images, splits.train.images)
    looked_up = _labels_of(found, splits)
    pairs = duplicates_across(splits)
    across = pairs[pairs["split"] != pairs["split of twin"]]
    copies = {("test", place) for place in torch.nonzero(ratios < COPY)[:, 0].tolist()}
    inside = pairs[pairs["identical"] & (pairs[["split", "split of twin"]] == "test").all(axis=1)]
    known = all(part.patients_known and part.groups is not None for part in (splits.train, test))
    return LeakageReport(
        baseline=score_of(looked_up, usual_score(looked_up)),
        majority=majority_share(test.labels.numpy()),
        tested=len(test),
        siblings=float((ratios < SIBLING).float().mean()),
        shared_groups=_shared_groups(splits) if known else 0,
        identical=len(across[across["identical"]].drop_duplicates(["split", "image"])),
        copies=len(copies.union(zip(across["split"], across["image"], strict=True))),
        repeated=inside["image"].nunique(),
        patients_known=known,
        blind=not known and not pixels_show_patients(splits),
        looked_up=looked_up,
        test_patients=None if test.groups is None else test.patients,
        training_patients=None if splits.train.groups is None else splits.train.patients,
    )


def _shared_groups(splits: Splits) -> int:
    """Groups with images in more than one split."""
    groups = [split.groups.unique() for _, split in splits.items() if split.groups is not None]
    return int((torch.cat(groups).unique(return_counts=True)[1] > 1).sum())


def pixels_show_patients(splits: Splits) -> bool:
    """Whether two images of one patient can be recognised, as slices can and X-rays cannot."""
    small = torch.cat([small_grey(split.images) for _, split in splits.items()])
    if len(small) < FEWEST_IMAGES:
        return False
    return recover_patients(small.view(-1, 1, SIDE, SIDE)).has_valley
