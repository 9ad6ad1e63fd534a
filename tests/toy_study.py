"""A small real set, slices of a few patients, and results of a set, for tests/course/real."""

from pathlib import Path

import torch
from small import NAMES, soft_pictures
from torch import nn

from utils.backbones.classifier import Classifier, build
from utils.course.real.brain_slices import Heads
from utils.course.real.sets import RealSet
from utils.data.split import Split
from utils.evaluation.inference import features
from utils.training.features import StageMeans, folded_probe

ROW = {
    **{"chapter": "resnet_atk", "name": "Four grey levels", "what": "It takes.", "margin": 0.5},
    **{"metric": "balanced accuracy", "A": "clean", "B": "PGD", "direction": "greater"},
    **{"about": "network", "value": 0.7, "verdict": "holds"},
}


def result(low: float, high: float, flags=(), trainings: int = 3) -> dict:
    number = {"value": (low + high) / 2, "low": low, "high": high}
    number |= {"trainings": trainings, "patients": 100}
    step = {"differences": {"clean minus PGD": number}, "flags": list(flags)}
    return {"chest_xray": {"steps": {"standard": step}}}


SIZE, FILE = 16, 48
REAL = RealSet(
    *("toy", "xray", FILE, SIZE),
    frozen_size=32,
    backbone="resnet10_narrow",
    weights="random",
    trainings=2,
    epochs=1,
    attacked=12,
    worst=6,
    corrupted=6,
    share=0.8,
    hides=True,
)


def pictures(count: int, seed: int, size: int = FILE) -> Split:
    """Three classes by brightness and stripes, too faint for a change of four grey levels."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 3
    images = 90 + 30 * torch.rand(count, 1, size, size, generator=generator)
    images[labels == 1] += 8
    for line in range(3):
        images[labels == 2, :, line::6] += 14
    groups = torch.arange(count) + 1000 * seed
    names = tuple(f"{'NORMAL2-' if place % 2 else 'IM-'}{place}.png" for place in range(count))
    return Split(images.to(torch.uint8), labels, NAMES, groups, files=names)


def network(train: Split, seed: int) -> Classifier:
    """Random convolutions, and a head that has learned from them."""
    torch.manual_seed(seed)
    backbone = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten()
    )
    model = Classifier(backbone, nn.Linear(128, 3)).eval()
    model.head = folded_probe(features(model, train), train, (1.0,)).head
    return model


def toy_heads(folder: Path, patients: int = 12, slices: int = 6) -> Heads:
    """Bright patients are demented, and the slices of a patient differ little."""
    labels = torch.arange(patients) % 2
    own = soft_pictures(patients, 32).float() * 0.6 + 40 * labels.view(-1, 1, 1, 1)
    each = own.repeat_interleave(slices, 0)
    generator = torch.Generator().manual_seed(0)
    each = each + 8 * torch.rand(each.shape, generator=generator)
    groups = torch.arange(patients).repeat_interleave(slices)
    images = each.clamp(0, 255).to(torch.uint8)
    split = Split(images, labels[groups], ("none", "dementia"), groups)
    cells = StageMeans(build("resnet10_narrow", 2, 32).backbone, cells=2)
    network = Classifier(cells, nn.Linear(cells.num_features, 2), frozen=True).eval()
    return Heads(split, network, folder, folds=3, strengths=(1e-2,))
