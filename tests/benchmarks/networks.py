"""The networks of the benchmarks, trained in several ways and kept in checkpoints/bench."""

from collections.abc import Iterable
from dataclasses import replace

from torch import nn

from utils.attacks.pgd import PGD
from utils.backbones import build
from utils.data.split import Splits
from utils.defences.adversarial_training import AdversarialLoss, TradesLoss
from utils.defences.mart import MartLoss
from utils.run import ROOT
from utils.training.config import TrainConfig
from utils.training.loop import train_or_load
from utils.training.losses import ValidationScore

EPSILON = 4 / 255
BACKBONE, SIZE = "resnet18_narrow", 32  # the network of the chapters, on images half as wide
STANDARD = "standard"
LESSON = PGD(EPSILON, 2, precision="auto")
LOSSES = {
    "PGD training": AdversarialLoss(LESSON, weight=0.7),
    "TRADES": TradesLoss(EPSILON, 2),
    "MART": MartLoss(LESSON),
}
SCORE = ValidationScore(PGD(EPSILON, 5, stop_when_fooled=True, precision="auto"))
PAIR = (STANDARD, "PGD training")


def networks(splits: Splits, ways: Iterable[str] = PAIR, backbone: str = BACKBONE):
    """A network for each way of training, the robust ones from the weights of the standard one."""
    found = {way: build(backbone, splits.train.classes, splits.train.size) for way in ways}
    standard = build(backbone, splits.train.classes, splits.train.size)
    folder = ROOT / "checkpoints/bench"
    train_or_load(standard, splits, TrainConfig(epochs=5), folder)
    for way, network in found.items():
        network.load_state_dict(standard.state_dict())
        if way != STANDARD:
            train_or_load(network, splits, TrainConfig(epochs=3), folder, LOSSES[way], SCORE)
        network.eval()
    return found


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
