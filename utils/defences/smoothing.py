"""Randomised smoothing: a vote over noisy copies of an image, with a guarantee (Cohen 2019).

No change shorter than the certified radius alters the vote, however it was made; the guarantee of
each image is wrong with a probability of at most `alpha`. The network should have learned from
noisy images: see NoiseLoss.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from scipy import stats
from torch import Tensor, nn

from utils.attacks.adaptive import Expectation
from utils.attacks.base import eval_mode
from utils.data.split import Split, batches, to_float
from utils.defences.base import Defence, views_of
from utils.evaluation.inference import BATCH
from utils.evaluation.intervals import Interval, mean_of
from utils.run import device_of
from utils.training.losses import CrossEntropy, LogitLoss

ABSTAINED = -1  # instead of a class, where the votes are too close
CERTIFICATE_ALPHA = 0.001  # probability with which the guarantee of an image may be wrong
DRAWS = 20  # of the noise, that an attacker takes the expectation over
REPEATS = 5  # predictions that judge an attack


class Noisy(nn.Module):
    """A model that sees Gaussian noise added to its images, drawn anew in every pass."""

    def __init__(self, model: nn.Module, sigma: float):
        super().__init__()
        self.model, self.sigma = model, sigma

    def forward(self, images: Tensor) -> Tensor:
        return self.model(images + self.sigma * torch.randn_like(images))


class Smoothed(Defence):
    """Predicts the shares of the votes of a model for noisy copies of each image.

    Votes have no gradient: an attack on them as they are finds nothing. The adaptive attack
    climbs the mean probabilities under noise (EOT, Salman 2019).
    """

    repeats = REPEATS

    def __init__(self, model: nn.Module, sigma: float, draws: int = 100):
        super().__init__()
        if sigma <= 0 or draws < 1:
            raise ValueError(f"needs sigma > 0 and draws >= 1, got {sigma} and {draws}")
        self.model, self.sigma, self.draws = model, sigma, draws

    def forward(self, images: Tensor) -> Tensor:
        votes = self.votes(images, self.draws)
        shares = (votes + 1 / votes.shape[1]) / (self.draws + 1)  # one vote spread: no log of 0
        return shares.log() + 0 * images.flatten(1).sum(1, keepdim=True)

    @torch.no_grad()
    def votes(self, images: Tensor, draws: int) -> Tensor:
        """How many noisy copies of each image are classified as each class."""
        noisy, counts = Noisy(self.model, self.sigma), 0
        for part in torch.arange(draws).split(max(1, BATCH // max(1, len(images)))):
            logits = noisy(images.repeat(len(part), 1, 1, 1))
            votes = F.one_hot(logits.argmax(1), logits.shape[1])
            counts = counts + votes.unflatten(0, (len(part), -1)).sum(0)
        return counts

    def classes(
        self, images: Tensor, draws: int = 1000, alpha: float = CERTIFICATE_ALPHA
    ) -> Tensor:
        """The class with most votes, or ABSTAINED where the second could be as likely."""
        count, order = self.votes(images, draws).topk(2)
        most, second = count.cpu().numpy().T
        p_value = 2 * stats.binom.sf(most - 1, most + second, 0.5)
        sure = torch.from_numpy(p_value <= alpha).to(images.device)
        return order[:, 0].where(sure, ABSTAINED)

    def views(self) -> tuple[nn.Module, ...]:
        return tuple(Expectation(Noisy(view, self.sigma), DRAWS) for view in views_of(self.model))


@dataclass(frozen=True)
class Certificates:
    """For each image the class that is guaranteed, and within which change (l2 norm)."""

    labels: np.ndarray
    predicted: np.ndarray  # ABSTAINED where nothing is guaranteed
    radius: np.ndarray  # in the units of images in [0, 1]; 0 where nothing is guaranteed
    groups: np.ndarray

    def certified(self, radius: float = 0.0) -> np.ndarray:
        """Which images are right, and guaranteed to stay so within this radius."""
        return (self.predicted == self.labels) & (self.radius >= radius)

    def accuracy(self, radius: float = 0.0) -> Interval:
        """The certified accuracy at this radius: no attack within it can reach a lower one."""
        return mean_of(self.certified(radius), self.groups)


def certify(
    model: Smoothed,
    split: Split,
    selection: int = 100,
    draws: int = 1000,
    alpha: float = CERTIFICATE_ALPHA,
    seed: int = 0,
) -> Certificates:
    """Choose a class by some draws; bound its probability from below by others."""
    device, predicted, radii = device_of(model), [], []
    with torch.random.fork_rng(), eval_mode(model):
        torch.manual_seed(seed)
        for images, _ in batches(split, BATCH):
            pixels = to_float(images.to(device))
            top = model.votes(pixels, selection).argmax(1, keepdim=True)
            hits = model.votes(pixels, draws).gather(1, top)[:, 0].cpu().numpy()
            bound = lower_bound(hits, draws, alpha)
            sure = bound > 0.5
            predicted.append(np.where(sure, top[:, 0].cpu().numpy(), ABSTAINED))
            radii.append(np.where(sure, model.sigma * stats.norm.ppf(bound), 0.0))
    rows = (np.concatenate(part) for part in (predicted, radii))
    return Certificates(split.labels.numpy(), *rows, split.patients)


def lower_bound(hits: np.ndarray, of: int, alpha: float) -> np.ndarray:
    """The lowest probability at which so many hits are still plausible (Clopper-Pearson)."""
    hits = np.asarray(hits)
    return np.where(hits > 0, stats.beta.ppf(alpha, hits.clip(1), of - hits.clip(1) + 1), 0.0)


@dataclass(frozen=True)
class NoiseLoss:
    """The loss on images with Gaussian noise of the same size as the vote will add."""

    sigma: float
    own: LogitLoss = CrossEntropy()

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor, epoch: int) -> Tensor:
        noisy = images + self.sigma * torch.randn_like(images)
        return self.own.of(model(noisy).float(), labels)

    def passes(self, epoch: int) -> int:
        return self.own.passes(epoch)
