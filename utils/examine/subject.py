"""Model and images under examination, and the predictions that several questions share."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from utils.contamination.corruptions.registry import CORRUPTIONS
from utils.contamination.resizers import Resizer
from utils.data.split import Split, Splits
from utils.evaluation.comparisons.differences import gain
from utils.evaluation.findings.headline import chance_of, headline_of
from utils.evaluation.findings.scores import usual_score
from utils.evaluation.inference import logits, predict
from utils.evaluation.intervals import Interval
from utils.evaluation.leakage import LeakageReport, leakage_report
from utils.evaluation.metrics import score_of
from utils.evaluation.predictions import Predictions
from utils.examine import checks
from utils.examine.adapter import ExaminedModel, has_gradients
from utils.examine.budget import Budget
from utils.examine.contaminated import chosen_corruptions
from utils.examine.reference import reference_network

COLOUR = "photograph"
PROBED = 16  # images of the checks
CALIBRATED = 0.5  # of the patients: they set temperatures and thresholds, the others judge them
TRIED = 100  # images of each corruption that decide which one hurts most
FEWEST_IMAGES = 8  # of them, however slow the model is
CHOICE_SHARE, JUDGED_SHARE = 0.08, 0.08  # of the minutes: to choose corruptions, to judge by them


@dataclass(eq=False)
class Subject:
    """`known` are the images that the model was trained on, if they are at hand; `columns` what a
    table says about each image besides its label; `keep` a folder for finished parts of attacks."""

    model: ExaminedModel
    images: Split
    known: Split | None = None
    columns: pd.DataFrame = field(default_factory=pd.DataFrame)
    keep: Path | None = None
    epsilon: float = 4 / 255
    attacked: int = 100  # images of the attacks
    seed: int = 0
    modality: str = ""  # of the corruptions: xray, mri or photograph; by default by the channels
    resizer: Resizer | None = None  # with which files are shrunk before the model
    reference_seconds: float = 0.0  # for the training of a reference network
    unread: Sequence[tuple[str, str]] = ()  # files that are not among the images, and why
    budget: Budget = Budget()
    at_hand: int = 0  # images of which these were drawn, where the minutes allow no more
    shortened: list[str] = field(default_factory=list)  # what the present question left out

    def __post_init__(self):
        self.modality = self.modality or ("xray" if self.images.images.shape[1] == 1 else COLOUR)
        if self.modality not in CORRUPTIONS:
            known = ", ".join(CORRUPTIONS)
            raise ValueError(f"unknown modality {self.modality!r}; choose from {known}")

    def within(self, most: int, passes: float, share: float, least: int = 1, floor: int = 0) -> int:
        """How many of at most so many images the minutes allow; fewer are noted for the report."""
        most = min(most, len(self.images))
        count = self.budget.images(most, passes, share, least, floor)
        if count < most:
            self.shortened.append(f"{count:,} of {most:,} images")
        return count

    def all_within(self, count: int, passes: float, share: float) -> None:
        """The same images or none: an attack is made on those that the others are made on."""
        self.budget.images(count, passes, share, least=count)

    @cached_property
    def clean(self) -> Predictions:
        return predict(self.model, self.images)

    @cached_property
    def stated(self) -> Predictions:
        """The same with the probabilities that the model itself states: of one sigmoid for each
        class they do not add up to 1. The answer is the same."""
        return self._stated(self.clean, self.images)

    def _stated(self, found: Predictions, images: Split) -> Predictions:
        if not self.model.each_by_itself:
            return found
        return replace(found, probabilities=stated_by_each(self.model, images))

    @cached_property
    def few_rows(self) -> np.ndarray:
        """The places of the images of the attacks."""
        numbered = replace(self.images, changed=torch.arange(len(self.images)))
        return self.of_each(self.attacked, numbered).changed.numpy()

    def of_each(self, count: int, images: Split | None = None) -> Split:
        """At most so many images, one of each patient and as many of each class; of several
        findings, which overlap, any."""
        one = (images or self.images).per_patient(1)
        return (one.limit if self.several else one.balanced)(count, self.seed)

    @property
    def several(self) -> bool:
        """Whether an image may have several findings."""
        return self.images.has_findings

    @property
    def patients_known(self) -> bool:
        """Whether the images say which of them are of one patient; otherwise each is its own."""
        return self.images.groups is not None and self.images.patients_known

    @cached_property
    def few(self) -> Split:
        return self.images.take(self.few_rows)

    @cached_property
    def lead(self) -> float:
        return checks.lead(self.model, self.images.limit(PROBED))

    @cached_property
    def constant(self) -> bool:
        return checks.ignores_its_input(self.model, self.images.limit(PROBED))

    @cached_property
    def rounds(self) -> bool:
        """Whether something before the network rounds the images; a model whose answers cannot
        move for another reason does not show it."""
        fixed = self.constant or self.lead > checks.SATURATED
        return not fixed and checks.rounds_images(self.model, self.images.limit(PROBED))

    @cached_property
    def gradients(self) -> bool:
        return has_gradients(self.model, self.images)

    @property
    def headline(self) -> str:
        """The score that stands for the model."""
        return headline_of(self.clean)

    @property
    def chance(self) -> float:
        """The headline of a constant answer."""
        return chance_of(self.clean)

    @cached_property
    def learned(self) -> bool:
        """Whether the model beats a constant answer; one that does not has nothing to lose."""
        return bool(score_of(self.clean, self.headline).low > self.chance)

    @property
    def share(self) -> str:
        """The score of small groups of images."""
        return usual_score(self.clean)

    @cached_property
    def leakage(self) -> LeakageReport | None:
        """What links the images to those of the training."""
        return None if self.known is None else leakage_report(self.splits)

    @cached_property
    def over_look_up(self) -> Interval | None:
        """What the model knows beyond a look-up of the nearest training image, if there are any."""
        if self.leakage is None:
            return None
        return gain(self.leakage.looked_up, self.clean, self.share)

    @property
    def splits(self) -> Splits:
        """The images of the training, and these as the test."""
        return Splits(self.known, self.known.take(torch.arange(0)), self.images)

    @cached_property
    def reference(self) -> nn.Module | None:
        """A small network of ours that was trained on the same images, if there are any and the
        time is enough."""
        if self.known is None or not self.reference_seconds:
            return None
        return reference_network(self.known, self.reference_seconds, self.seed, self.keep)

    @cached_property
    def halves(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows of the patients that set thresholds, and of those that judge them."""
        patients = np.unique(self.images.patients)
        chosen = np.random.default_rng(self.seed).permutation(patients)
        first = np.isin(self.images.patients, chosen[: int(CALIBRATED * len(patients))])
        return np.flatnonzero(first), np.flatnonzero(~first)

    @cached_property
    def corrupted_images(self) -> dict[str, Split]:
        """Images of the second half under two corruptions, which the first half has chosen."""
        first, second = (self.images.take(rows) for rows in self.halves)
        kinds = len(CORRUPTIONS[self.modality])
        tried = self.within(min(TRIED, len(first)), kinds, CHOICE_SHARE, floor=FEWEST_IMAGES)
        few = first.limit(tried, self.seed)
        chosen = chosen_corruptions(self.model, few, self.modality, self.seed)
        count = self.within(len(second), len(chosen), JUDGED_SHARE, floor=4 * FEWEST_IMAGES)
        judged = second.limit(count, self.seed)
        return {name: each(judged) for name, each in chosen.items()}

    @cached_property
    def corrupted(self) -> dict[str, Predictions]:
        return {name: predict(self.model, each) for name, each in self.corrupted_images.items()}

    @cached_property
    def stated_corrupted(self) -> dict[str, Predictions]:
        images = self.corrupted_images
        return {name: self._stated(each, images[name]) for name, each in self.corrupted.items()}


def stated_by_each(model: nn.Module, images: Split) -> np.ndarray:
    """The probability of each class by itself: the sigmoids of the logits."""
    return logits(model, images).double().sigmoid().numpy()
