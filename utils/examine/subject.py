"""Model and images under examination, and the predictions that several questions share."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from utils.contamination.corruptions.planted_noise import Gaussian
from utils.contamination.corruptions.registry import CORRUPTIONS
from utils.contamination.resizers import Resizer
from utils.data.split import Split, Splits
from utils.evaluation.findings.headline import chance_of, headline_of
from utils.evaluation.findings.scores import usual_score
from utils.evaluation.inference import logits, predict
from utils.evaluation.leakage import LeakageReport, leakage_report
from utils.evaluation.metrics import score_of
from utils.evaluation.predictions import Predictions
from utils.examine import checks
from utils.examine.adapter import ExaminedModel, has_gradients
from utils.examine.reference import reference_network

COLOUR = "photograph"
NOISE = 3  # severity
PROBED = 16  # images of the checks
CALIBRATED = 0.5  # of the patients: they set temperatures and thresholds, the others judge them


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

    def __post_init__(self):
        self.modality = self.modality or ("xray" if self.images.images.shape[1] == 1 else COLOUR)
        if self.modality not in CORRUPTIONS:
            known = ", ".join(CORRUPTIONS)
            raise ValueError(f"unknown modality {self.modality!r}; choose from {known}")

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
    def noisy_images(self) -> Split:
        """The second half under noise that no threshold has seen."""
        noise = Gaussian(severity=NOISE, rate=1.0, seed=self.seed)
        return noise(self.images.take(self.halves[1]))

    @cached_property
    def noisy(self) -> Predictions:
        return predict(self.model, self.noisy_images)

    @cached_property
    def stated_noisy(self) -> Predictions:
        return self._stated(self.noisy, self.noisy_images)

    @cached_property
    def seconds_per_image(self) -> float:
        """Of one forward pass, measured."""
        some = self.images.limit(64)
        predict(self.model, some)  # the first pass may compile something
        started = time.perf_counter()
        predict(self.model, some)
        return (time.perf_counter() - started) / len(some)


def stated_by_each(model: nn.Module, images: Split) -> np.ndarray:
    """The probability of each class by itself: the sigmoids of the logits."""
    return logits(model, images).double().sigmoid().numpy()
