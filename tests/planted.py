"""Evaluations with a mistake made on purpose, and sound ones, for the tests of the red flags."""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from small import small_network, small_split, trained_network
from timm.models.vision_transformer import VisionTransformer

from utils.attacks.apgd import APGD
from utils.attacks.black_box.square import Square
from utils.attacks.losses import lead_of, margin
from utils.attacks.pgd import PGD
from utils.backbones.row_reader import RowReader
from utils.contamination.corruptions.planted_noise import jpeg
from utils.data.split import Split, to_float
from utils.defences.ensemble import Ensemble
from utils.defences.losses.adversarial_training import AdversarialLoss
from utils.evaluation.attack_suite import AttackSuite
from utils.evaluation.conditions import CLEAN
from utils.evaluation.flags.red_flags import check_attack
from utils.evaluation.predictions import Predictions

EPSILON = 0.1
SPLIT = small_split(60, seed=5)
SUITE = AttackSuite(PGD(EPSILON))


def evaluated_briefly(attack, model=None):
    """The flags on a few images, for mistakes that no statistics are needed to see."""
    model, suite = model or trained_network(), AttackSuite(attack, restarts=0, factors=(1,))
    few = SPLIT.limit(24)
    return check_attack(model, few, suite, suite.predict(model, few), images=12)


def evaluated(attack, model=None, published=None, split=SPLIT, images=40):
    """The flags of a whole evaluation; `published` replaces some of its predictions."""
    suite = AttackSuite(attack)
    usual = model is None and split is SPLIT
    model = model or trained_network()
    found = usual_predictions(attack) if usual else suite.predict(model, split)
    return check_attack(model, split, suite, {**found, **(published or {})}, images)


@cache
def usual_predictions(attack):
    """What comes out where neither the network nor the images are special."""
    return AttackSuite(attack).predict(trained_network(), SPLIT)


def red(table) -> set[str]:
    return set(table.loc[table["red"], "flag"])


def reason(table, flag) -> str:
    return table.set_index("flag").loc[flag, "reason"]


def fitted(network, split: Split, steps: int = 60, epsilon: float = 0.0, rate: float = 0.01):
    """The network after a short training, adversarial where epsilon says so."""
    loss = AdversarialLoss(PGD(epsilon, 3), weight=1.0 if epsilon else 0.0)
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for _ in range(steps):
            optimizer.zero_grad()
            loss(network, to_float(split.images), split.labels, 0).backward()
            optimizer.step()
    network.zero_grad()
    return network.eval()


def two_classes(seed: int) -> Split:
    """Dark or not."""
    split = small_split(60, seed=seed)
    return replace(split, labels=split.labels.clamp_max(1), class_names=("dark", "other"))


def tiny_network():
    """Little more than a hundred weights, in the pattern of an EfficientNet."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return torch.nn.Sequential(
            torch.nn.Conv2d(1, 4, 5, stride=4),
            torch.nn.BatchNorm2d(4),
            torch.nn.SiLU(),
            torch.nn.AdaptiveAvgPool2d(1),
            torch.nn.Flatten(),
            torch.nn.Linear(4, 3),
        )


def small_transformer() -> torch.nn.Module:
    """Sixteen patches, two blocks."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return VisionTransformer(16, 4, 1, 3, embed_dim=32, depth=2, num_heads=2)


class SmallReader(torch.nn.Module):
    """The rows of a grey image one by one."""

    def __init__(self):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.rows, self.head = RowReader(16, 16), torch.nn.Linear(32, 3)

    def forward(self, images):
        return self.head(self.rows(images.expand(-1, 3, -1, -1)))


@cache
def sound(kind: str) -> tuple[torch.nn.Module, Split]:
    """A model that is what it says, and the images to test it on."""
    known = small_split(60, seed=90)
    if kind == "adversarially trained":
        return fitted(small_network(), known, epsilon=EPSILON / 2), SPLIT
    if kind == "transformer":
        return fitted(small_transformer(), known, 100, rate=0.002), SPLIT
    if kind == "recurrent":
        return fitted(SmallReader(), known), SPLIT
    if kind == "tiny":
        return fitted(tiny_network(), known, 200, epsilon=EPSILON / 4), SPLIT
    if kind == "a vote":
        return Ensemble([trained_network(seed) for seed in range(3)]), SPLIT
    if kind == "of two classes":
        return fitted(small_network(classes=2), two_classes(90)), two_classes(5)
    return trained_network(), SPLIT


def predictions(right: float) -> Predictions:
    """Predictions of the same images of which this share is right."""
    hits = np.arange(len(SPLIT)) < right * len(SPLIT)
    predicted = np.where(hits, SPLIT.labels, (SPLIT.labels + 1) % 3)
    return Predictions(SPLIT.labels.numpy(), np.eye(3)[predicted], np.arange(len(hits)), "abc")


def plausible(attack, clean=0.95, noise=0.94, fgsm=0.6, iterated=(0.8, 0.5, 0.2)):
    """Predictions of a whole suite with these accuracies; by default plausible ones."""
    suite = AttackSuite(attack)
    sizes = [suite.condition(size=size) for size in suite.sizes]
    return {
        CLEAN: predictions(clean),
        suite.noise: predictions(noise),
        suite.condition("fgsm"): predictions(fgsm),
        **dict(zip(sizes, map(predictions, iterated), strict=True)),
    }


@dataclass(frozen=True)
class Broken(PGD):
    """PGD with the mistake under test in its last line."""

    def __call__(self, model, images, labels):
        return self.spoil(super().__call__(model, images, labels), model, images, labels)


class LeavesTheRange(Broken):
    def spoil(self, attacked, model, images, labels):
        return attacked + (attacked - images)


class HidesBelowTheGrid(Broken):
    """Fools by less than half a grey level, which a file does not hold."""

    def spoil(self, attacked, model, images, labels):
        return model.keyed(images)


class Trains(Broken):
    def spoil(self, attacked, model, images, labels):
        model.train()
        model(images)
        model.eval()
        return attacked


class Leaks(Broken):
    def spoil(self, attacked, model, images, labels):
        F.cross_entropy(model(attacked), labels).backward()
        return attacked


class Tires(Broken):
    """Stops halfway to the edge, however far it may go, unless given more steps."""

    def spoil(self, attacked, model, images, labels):
        if self.steps > 20 or self.epsilon == 1:
            return attacked
        return images


class Cautious(Broken):
    """Never goes further than EPSILON, whatever it is allowed."""

    def spoil(self, attacked, model, images, labels):
        return images + (attacked - images).clamp(-EPSILON, EPSILON)


class Keyed(torch.nn.Module):
    """Wrong exactly where an image lies off the 8-bit grid by the key."""

    def __init__(self):
        super().__init__()
        self.known = trained_network()

    def keyed(self, images):
        return (images + 0.4 / 255).clamp(0, 1)

    def forward(self, images):
        off = ((images * 255 - (images * 255).round()).mean((1, 2, 3)) - 0.4).abs() < 0.05
        logits = self.known(images)
        return torch.where(off[:, None], logits.roll(1, 1), logits)


class EachItsOwn(Ensemble):
    """Every member gets another image than the one before it."""

    def forward(self, images, rule=None):
        turned = [member(images.flip(-1) if k else images) for k, member in enumerate(self.members)]
        return torch.stack([logits.softmax(1) for logits in turned]).mean(0).log()


class Noisy(torch.nn.Module):
    """Adds noise to what it is shown: a random defence."""

    def __init__(self):
        super().__init__()
        self.known = trained_network()

    def forward(self, images):
        return self.known(images + 0.2 * torch.randn_like(images))


class InCompany(Noisy):
    """Judges the brightness of an image by that of the others in its batch."""

    def forward(self, images):
        return self.known(images + 0.5 - images.mean())


class Rounds(Noisy):
    """Rounds the pixels to a few grey levels, through which no gradient passes."""

    def forward(self, images):
        return self.known((images * 7).round() / 7)


class Drops(Noisy):
    """Dropout as a function, which is on unless it is told otherwise."""

    def forward(self, images):
        return self.known(F.dropout(images, 0.2))


class Augments(Noisy):
    """Test-time augmentation: each image is turned or not, by lot."""

    def forward(self, images):
        turned = torch.rand(len(images), 1, 1, 1) < 0.5
        return self.known(torch.where(turned, images.roll(2, 2).flip(-2), images))


class AugmentsByPlace(Noisy):
    """The same random numbers each time: what is added depends on the place in the batch."""

    def forward(self, images):
        generator = torch.Generator().manual_seed(0)
        return self.known(images + 0.2 * torch.randn(images.shape, generator=generator))


class ByLot(torch.nn.Module):
    """One of two members predicts, drawn anew for each batch."""

    def __init__(self):
        super().__init__()
        self.both = torch.nn.ModuleList([trained_network(0), trained_network(1)])

    def forward(self, images):
        logits = torch.stack([member(images) for member in self.both])
        return logits[torch.randint(2, (len(images),)), torch.arange(len(images))]


class IgnoresEval(Noisy):
    """A wrapper whose layers stay in training mode, whatever they are set to."""

    def __init__(self):
        super().__init__()
        self.known.train()

    def train(self, mode=True):
        return self

    def forward(self, images):
        self.known[1].eval()  # batch norm is sound; dropout is not
        return self.known(images)


class HidesItsNetwork(torch.nn.Module):
    """A wrapper that holds the network in a list, where `eval()` does not find it."""

    def __init__(self):
        super().__init__()
        self.held = [trained_network().train()]
        self.scale = torch.nn.Parameter(torch.ones(1))

    def forward(self, images):
        return self.scale * self.held[0](images)


class Cut(torch.autograd.Function):
    """JPEG at quality 20, through which no gradient passes."""

    @staticmethod
    def forward(ctx, images):
        return jpeg(images, 20).to(images)

    @staticmethod
    def backward(ctx, gradient):
        return torch.zeros_like(gradient)


class Compresses(Noisy):
    """JPEG inside the network."""

    def forward(self, images):
        return self.known(Cut.apply(images))


class Shattered(torch.autograd.Function):
    """Rounding whose backward pass returns something, but no gradient."""

    @staticmethod
    def forward(ctx, images):
        return (images * 31).round() / 31

    @staticmethod
    def backward(ctx, gradient):
        generator = torch.Generator().manual_seed(0)
        return gradient.abs().mean() * torch.randn(gradient.shape, generator=generator)


class RoundsInDisguise(Noisy):
    """Rounding with a gradient that is not zero and leads nowhere."""

    def forward(self, images):
        return self.known(Shattered.apply(images))


class StraightThrough(Noisy):
    """Rounding with the usual stand-in: its gradient is that of the network without rounding."""

    def forward(self, images):
        return self.known(images + ((images * 15).round() / 15 - images).detach())


class Ripples(Noisy):
    """Fine waves on every pixel: the gradient is right, but a tenth of a grey level further it is
    another, so that an attacker who follows it goes nowhere. The waves do not fit the levels."""

    def forward(self, images):
        return self.known(images + 0.004 * torch.sin(2 * torch.pi * 2417 * images))


class EndsInSoftmax(Noisy):
    def forward(self, images):
        return self.known(images).softmax(1)


@dataclass(frozen=True)
class TowardsTheLeastLikely:
    """The loss of an attack that aims at the farthest class, although any other would do."""

    def __call__(self, logits, labels):
        farthest = logits.detach().scatter(1, labels[:, None], torch.inf).argmin(1)
        return lead_of(logits, farthest, labels)

    def margin(self, logits, labels):
        return margin(logits, labels)


def scaled(factor: float, network=None) -> torch.nn.Module:
    """The same labels from logits so many times as large."""
    network = network or trained_network()
    network[-1].weight.data *= factor
    network[-1].bias.data *= factor
    return network


def saturated() -> torch.nn.Module:
    """So sure of itself that float32 knows no slope any more; the labels are still right."""
    return scaled(1e4)


class Turned(Broken):
    """Descends the loss."""

    def spoil(self, attacked, model, images, labels):
        return (2 * images - attacked).clamp(0, 1)


class DividedTwice(Broken):
    """Takes a number in [0, 1] for grey levels."""

    def spoil(self, attacked, model, images, labels):
        return images + (attacked - images) / 255


class OfAnother(Broken):
    """Attacks another network than the one that is evaluated."""

    def spoil(self, attacked, model, images, labels):
        return PGD(self.epsilon, self.steps)(small_network(7), images, labels)


class ShuffledLabels(Broken):
    def spoil(self, attacked, model, images, labels):
        return PGD(self.epsilon, self.steps)(model, images, labels.roll(1))


@dataclass(frozen=True)
class Idle(APGD):
    """APGD that returns the images as they are."""

    def __call__(self, model, images, labels):
        return images


@dataclass(frozen=True)
class TooFar(Square):
    """Square with twice its epsilon."""

    def __call__(self, model, images, labels):
        return Square(min(1, 2 * self.epsilon), self.queries)(model, images, labels)
