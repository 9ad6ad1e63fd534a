"""The networks of the benchmarks, trained in several ways and kept in checkpoints/bench."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import torch
from small import small_network
from torch import Tensor, nn

from utils.attacks.pgd import PGD
from utils.backbones.classifier import build
from utils.data.loading import load
from utils.data.split import Split, Splits
from utils.defences.losses.adversarial_training import AdversarialLoss, TradesLoss
from utils.defences.losses.mart import MartLoss
from utils.evaluation.inference import predict
from utils.evaluation.metrics import balanced_accuracy
from utils.run import ROOT
from utils.training.config import TrainConfig
from utils.training.loop import train_or_load
from utils.training.losses import ValidationScore

EPSILON = 4 / 255
BACKBONE, SIZE = "resnet18_narrow", 32  # the network of the chapters, on images half as wide
TEST_PATIENTS = 200
STANDARD = "standard"
LESSON = PGD(EPSILON, 2, precision="auto")
LOSSES = {
    "PGD training": AdversarialLoss(LESSON, weight=1.0, grow=2),
    "TRADES": TradesLoss(EPSILON, 2),
    "MART": MartLoss(LESSON),
}
SCORE = ValidationScore(PGD(EPSILON, 5, stop_when_fooled=True, precision="auto"))
PAIR = (STANDARD, "PGD training")
CONFIG = TrainConfig(10, learning_rate=6e-3, schedule="one_cycle")
HARDENED = replace(CONFIG, epochs=8, learning_rate=3e-3)
TEXTURES, PLAIN = ("flat", "rows", "columns", "checks"), 24  # levels of grey


def drawn_splits() -> Splits:
    """What the networks learn from, and enough test patients for every script."""
    return load("brain_phantom", SIZE, test_patients=TEST_PATIENTS)


def chosen_images(splits: Splits, count: int) -> Split:
    """So many test images, equally many of each class; an error where there are fewer."""
    found = splits.test.balanced(count)
    if len(found) != count:
        raise ValueError(f"{count} test images wanted, {len(found)} found")
    return found


def networks(
    splits: Splits,
    ways: Iterable[str] = PAIR,
    new: Callable[[Splits], nn.Module] | None = None,
    epochs: tuple[int, int] = (CONFIG.epochs, HARDENED.epochs),
) -> dict[str, nn.Module]:
    """A network for each way of training, the robust ones from the weights of the standard one.

    An attack on a network that has learned nothing has nothing to do: that is an error.
    """
    new = new or _narrow
    standard, folder = new(splits), ROOT / "checkpoints/bench"
    train_or_load(standard, splits, replace(CONFIG, epochs=epochs[0]), folder)
    found = {}
    for way in ways:
        found[way] = new(splits)
        found[way].load_state_dict(standard.state_dict())
        if way != STANDARD:
            config = replace(HARDENED, epochs=epochs[1])
            train_or_load(found[way], splits, config, folder, LOSSES[way], SCORE)
        check_learned(way, found[way].eval(), splits.validation)
    return found


def check_learned(way: str, model: nn.Module, split: Split, lead: float = 0.05) -> None:
    """An error unless its balanced accuracy leads that of a constant answer, 1 / classes."""
    score = float(balanced_accuracy(predict(model, split).confusion))
    constant = 1 / split.classes
    if score < constant + lead:
        raise ValueError(f"{way}: {score:.0%} where a constant answer has {constant:.0%}")


def _narrow(splits: Splits) -> nn.Module:
    return build(BACKBONE, splits.train.classes, splits.train.size)


def very_small(splits: Splits) -> nn.Module:
    """One convolution: thousands of queries take seconds."""
    return small_network(classes=splits.train.classes)


def graded_splits(train: int = 2000, test: int = 200) -> Splits:
    """Four textures from invisible to plain, so that epsilon hides about half of them."""
    counts = (train, train // 4, test)
    return Splits(*(_graded(count, seed) for seed, count in enumerate(counts)))


def _graded(count: int, seed: int, size: int = 16) -> Split:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % len(TEXTURES)
    turns = torch.arange(size) // 2 % 2 * 2 - 1  # -1 and 1, each for two pixels
    rows, columns = turns[:, None].expand(size, size), turns.expand(size, size)
    textures = torch.stack([torch.ones_like(rows), rows, columns, rows * columns])[labels]
    strength = PLAIN * torch.rand(count, 1, 1, generator=generator)
    images: Tensor = 110 + 30 * torch.rand(count, size, size, generator=generator)
    images = (images + strength * textures).to(torch.uint8)[:, None]
    return Split(images, labels, TEXTURES, groups=torch.arange(count))


def one_against_others(splits: Splits) -> Splits:
    """Two classes: the first against all others."""
    names = ("first", "other")
    return Splits(
        **{
            name: replace(split, labels=split.labels.clamp_max(1), class_names=names)
            for name, split in splits.items()
        }
    )


def accuracy(model: nn.Module, images, labels) -> float:
    """Share of images that are predicted rightly, in float32."""
    return float((model(images).argmax(1) == labels).float().mean())
