"""The mistakes of the museum, each made on purpose; nothing else may use them."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from scipy.stats import rankdata
from torch import Tensor, nn

from utils.attacks.pgd import PGD, input_gradient
from utils.course.flag_tables import coloured_flags
from utils.course.tables import interval_text
from utils.data.patients import splitting
from utils.data.split import Split, Splits, batches, to_float, to_uint8
from utils.evaluation.intervals import Interval
from utils.evaluation.predictions import Predictions
from utils.figures.elements.style import plural
from utils.figures.page import Folded
from utils.training.features import folded_probe

MISTAKES = (
    "the attack that stood still",
    "the clamp in another space",
    "the model in training mode",
    "the attacker who trained the model",
    "the ensemble that was never attacked",
    "the attack that the file forgot",
    "the patient on both sides",
    "the names in the wrong order",
    "the wrong count",
    "the peak without its square",
    "the detector that knew the answer",
    "the fakes of nothing",
    "the gradient behind a mask",
    "the validation that was the test",
    "the best of many seeds",
)
FEATURES = 8  # of each probe in a search


@dataclass(frozen=True, repr=False)
class Exhibit:
    """A number that a mistake produced, the flags it raises, and the number without the mistake."""

    claimed: float
    flags: pd.DataFrame
    true: Interval
    unit: str = "%"

    @property
    def red(self) -> list[str]:
        return list(self.flags.loc[self.flags["red"], "flag"])

    @property
    def row(self) -> dict[str, str]:
        """What was claimed, what is true with its interval, what was red."""
        scale = 100 if self.unit == "%" else 1
        return {
            "claimed": f"{scale * self.claimed:.1f} {self.unit}",
            "true": interval_text(self.true, scale),
            "red flags": "; ".join(self.red) or "none",
        }

    def __repr__(self) -> str:
        return "claimed: {claimed}; without the mistake: {true}".format(**self.row)

    def _repr_html_(self) -> str:
        red = self.flags[self.flags["red"]]
        line = f"{self} · {plural(len(red), 'red flag')}"  # which name the mistake: folded away
        return Folded(line, coloured_flags(red))._repr_html_()


def by_mistake(exhibits: Mapping[int, Exhibit]) -> dict[str, Exhibit]:
    """The exhibits by the names of their mistakes, which count from 1."""
    return {f"{place} {MISTAKES[place - 1]}": exhibit for place, exhibit in exhibits.items()}


def exhibit_table(exhibits: Mapping[str, Exhibit]) -> pd.DataFrame:
    """One row per exhibit."""
    return pd.DataFrame({name: exhibit.row for name, exhibit in exhibits.items()}).T


@dataclass(frozen=True)
class StepOnNetworkInput(PGD):
    """One step where the network takes its input."""

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        mean, std = model.mean.mean(), model.std.mean()
        normalised = (images - mean) / std
        moved = normalised + self.epsilon / std * input_gradient(model, images, labels).sign()
        return moved.clamp(0, 1) * std + mean


@dataclass(frozen=True)
class BetweenEpochs(PGD):
    """The attack as a training loop carries it out."""

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        model.train()
        attacked = images
        for _ in range(self.steps):
            step = self.step_size * input_gradient(model, attacked, labels).sign()
            moved = attacked + step - images
            attacked = (images + moved.clamp(-self.epsilon, self.epsilon)).clamp(0, 1)
        return attacked


@dataclass(frozen=True)
class WithBackward(PGD):
    """The attack, its gradient computed by `backward`."""

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        attacked = images
        for _ in range(self.steps):
            attacked = attacked.detach().requires_grad_()
            F.cross_entropy(model(attacked), labels).backward()
            moved = attacked + self.step_size * attacked.grad.sign() - images
            attacked = (images + moved.clamp(-self.epsilon, self.epsilon)).clamp(0, 1)
        return attacked.detach()


def train_while_measuring(
    model: nn.Module, split: Split, attack: PGD, learning_rate: float, seed: int
):
    """An epoch on clean images, with an attack that is measured on the way."""
    torch.manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), learning_rate)
    model.train()
    for images, labels in batches(split, 32, shuffle=True):
        attack(model, to_float(images), labels)
        F.cross_entropy(model(to_float(images)), labels).backward()
        optimizer.step()
        optimizer.zero_grad()
    model.eval()


def accuracy_by_batches(right: np.ndarray, batch_size: int) -> float:
    """The share of the images that are right, counted batch by batch."""
    return right.sum() / (math.ceil(len(right) / batch_size) * batch_size)


def psnr_of_grey_levels(before: Tensor, after: Tensor) -> Tensor:
    """PSNR per image, from grey levels 0 to 255."""
    error = (255 * (before - after)).square().flatten(1).mean(1)
    return 10 * torch.log10(255 / error)


def resplit_by_image(splits: Splits, seed: int) -> Splits:
    """The same images in a new split, image by image: views of a patient end up on both sides."""
    counts = [len(part) for _, part in splits.items()]
    return splitting.split_by_image(splits, [count / sum(counts) for count in counts], seed)


def mean_images(split: Split, count: int, seed: int, same_class: bool) -> Split:
    """Means of two images, in place of what a generator draws; their labels are drawn at random,
    unless both images have the `same_class`."""
    rng = np.random.default_rng(seed)
    first, labels = rng.integers(len(split), size=count), split.labels.numpy()
    mates = [np.flatnonzero(labels == labels[k]) if same_class else labels.size for k in first]
    second = [rng.choice(some) for some in mates]
    given = labels[first] if same_class else rng.choice(labels, count)
    mixed = (to_float(split.images[first]) + to_float(split.images[second])) / 2
    return Split(to_uint8(mixed), torch.from_numpy(given), split.class_names)


def largest_change(image: Tensor, original: Tensor) -> Tensor:
    """The score of each image by a detector."""
    return (image - original).abs().flatten(1).max(1).values


def detector_predictions(benign: Tensor, attacked: Tensor) -> Predictions:
    """Scores of images before and after an attack, as predictions that have an AUC."""
    share = rankdata(torch.cat([benign, attacked]).numpy()) / (len(benign) + len(attacked) + 1)
    labels = np.repeat([0, 1], [len(benign), len(attacked)])
    patients = np.concatenate([np.arange(len(benign)), np.arange(len(attacked))])
    return Predictions(labels, np.stack([1 - share, share], 1), patients, ("benign", "attacked"))


def coin_tosses(split: Split, seed: int) -> Split:
    """The same images with an outcome that no image shows: half of the patients respond."""
    patients, member = np.unique(split.patients, return_inverse=True)
    tossed = np.random.default_rng(seed).permutation(np.arange(len(patients)) % 2)
    return replace(split, labels=torch.from_numpy(tossed[member]), class_names=("no", "yes"))


def divide(split: Split, shares: Sequence[float], seed: int) -> list[np.ndarray]:
    """The rows of parts of these sizes, patient by patient and with every class in each."""
    return splitting.split_by_group(split.labels.numpy(), split.patients, shares, seed)


def best_of_probes(
    rows: np.ndarray, split: Split, parts: Sequence[np.ndarray], tries: int, seed: int
) -> list[Predictions]:
    """The predictions, for the second part and the third, of the probe that scores best on the
    second: one of many that learn from the first part, each on a few of its features."""
    rng, found = np.random.default_rng(seed), []
    for _ in range(tries):
        some = rng.choice(rows.shape[1], min(FEATURES, rows.shape[1]), replace=False)
        found.append(_probe(rows[:, some], split, *parts))
    return max(found, key=lambda pair: pair[0].accuracy)


def probes_by_seed(
    rows: np.ndarray, split: Split, tested: float, seeds: Iterable[int]
) -> list[Predictions]:
    """The predictions of a probe for each seed, which decides who is in the tested share."""
    found = [_probe(rows, split, *divide(split, (1 - tested, tested), seed)) for seed in seeds]
    return [predictions for (predictions,) in found]


def _probe(rows: np.ndarray, split: Split, known: np.ndarray, *others: np.ndarray):
    """What a linear probe, fitted to the known rows, predicts for each of the others."""
    probe = folded_probe(rows[known], split.take(known), (1.0,))
    return [probe.predict(rows[part], split.take(part)) for part in others]
