"""A small network of ours, trained on the same images: the yardstick beside the examined model."""

import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import Tensor, nn

from utils.backbones.classifier import build
from utils.data.split import Split, Splits
from utils.evaluation.findings.headline import chance_of, headline_of
from utils.evaluation.inference import predict
from utils.evaluation.kept_batches import kept_tensor
from utils.evaluation.metrics import score_of
from utils.training.config import TrainConfig
from utils.training.finding_losses import FindingsCrossEntropy
from utils.training.loop import train_or_load
from utils.training.losses import CrossEntropy
from utils.training.trainer import Trainer

BACKBONE = "resnet10_narrow"
CONFIG = TrainConfig(epochs=5, batch_size=32, learning_rate=6e-3, schedule="one_cycle")
MIN_IMAGES, MAX_IMAGES = 200, 1000  # images of its training
SMALLEST = 32  # pixels
TIMED = 64  # images of an epoch that is timed
HELD_OUT = 0.15  # of the patients: they choose the epoch


def reference_network(
    known: Split, seconds: float, seed: int = 0, keep: Path | None = None
) -> nn.Module | None:
    """The network after as long a training as the seconds allow; None if they allow none, the
    images are too small for it, or it learns nothing. With a folder `keep`, a stopped one resumes.
    """
    if known.size < SMALLEST:
        return None
    splits = _splits(known, seed)
    config = replace(CONFIG, seed=seed)

    def affordable() -> Tensor:
        return torch.tensor(seconds / (config.epochs * _seconds_per_image(splits, config)))

    pixels = (known.images, known.labels)
    within = kept_tensor(keep, *pixels, affordable, seed, "reference", seconds).item()
    count = int(min(MAX_IMAGES, within, len(splits.train)))
    if count < MIN_IMAGES:
        return None
    splits = replace(splits, train=splits.train.limit(count, seed))
    network = _new(known, seed)
    with TemporaryDirectory() as folder:
        train_or_load(network, splits, config, keep or Path(folder), _loss(known))
    found = predict(network, splits.validation)
    return network if score_of(found, headline_of(found)).low > chance_of(found) else None


def _splits(known: Split, seed: int) -> Splits:
    patients = np.unique(known.patients)
    held_out = np.random.default_rng(seed).permutation(patients)[: int(HELD_OUT * len(patients))]
    inside = np.isin(known.patients, held_out)
    parts = (known.take(np.flatnonzero(rows)) for rows in (~inside, inside))
    return Splits(*parts, test=known.take(torch.arange(0)))


def _new(known: Split, seed: int) -> nn.Module:
    return build(BACKBONE, known.classes, known.size, seed=seed)


def _loss(known: Split):
    return FindingsCrossEntropy() if known.has_findings else CrossEntropy()


def _seconds_per_image(splits: Splits, config: TrainConfig) -> float:
    """Of one epoch of training, measured on a network that is thrown away."""
    few = replace(splits, train=splits.train.limit(TIMED), validation=splits.validation.limit(1))
    trainer = Trainer(_new(splits.train, 0), few, config, _loss(splits.train), _no_score)
    started = time.perf_counter()
    trainer.epoch(0)
    return (time.perf_counter() - started) / len(few.train)


def _no_score(model: nn.Module, validation: Split, found) -> dict:
    return {"score": 0.0}
