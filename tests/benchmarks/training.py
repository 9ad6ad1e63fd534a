"""How much of a training is not training: epochs of the loop beside bare steps.

    make bench

A bare epoch takes the same steps on tensors that are ready: no shuffling, no conversion, no file.
The loop does all of that, and predicts the validation images after every epoch. These passes are
measured alone as well, because no loop that chooses its best epoch can do without them.
"""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from side_by_side import in_turn, keep, run
from torch import Tensor, nn

from utils.attacks.base import eval_mode
from utils.backbones import build
from utils.data.loading import load
from utils.data.split import Splits, batches, to_float
from utils.evaluation.inference import BATCH
from utils.run import autocast
from utils.training.config import TrainConfig
from utils.training.loop import train_or_load
from utils.training.optimization import OPTIMIZERS

EPOCHS, ROUNDS = 2, 3
CONFIG = TrainConfig(EPOCHS, 64, 1e-3, augment=False)
BACKBONES = ("resnet18_narrow", "resnet18", "tinynet_e")


def ready(splits: Splits, config: TrainConfig) -> list[tuple[Tensor, Tensor]]:
    return [
        (to_float(images).contiguous(memory_format=torch.channels_last), labels)
        for images, labels in batches(splits.train, config.batch_size, shuffle=True)
    ]


def bare(model: nn.Module, steps: list, config: TrainConfig) -> None:
    optimizer = OPTIMIZERS[config.optimizer](model.parameters(), lr=config.learning_rate)
    model.train()
    for _ in range(config.epochs):
        for images, labels in steps:
            with autocast(images.device, config.precision):
                value = F.cross_entropy(model(images).float(), labels)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()


def bare_validation(model: nn.Module, parts: list[Tensor], config: TrainConfig) -> None:
    with torch.no_grad(), eval_mode(model), autocast(torch.device("cpu"), config.precision):
        for _ in range(config.epochs):
            for images in parts:
                model(images)


def loop(model: nn.Module, splits: Splits, config: TrainConfig) -> None:
    with tempfile.TemporaryDirectory() as folder:
        train_or_load(model, splits, config, Path(folder))


def shares(backbone: str, splits: Splits, config: TrainConfig, rounds: int) -> dict:
    """The parts of an epoch as shares of a bare one, by the median of the rounds."""
    steps = ready(splits, config)
    parts = [to_float(images) for images in splits.validation.images.split(BATCH)]
    ways = {
        "bare": lambda model: bare(model, steps, config),
        "validation": lambda model: bare_validation(model, parts, config),
        "loop": lambda model: loop(model, splits, config),
        "augmented": lambda model: loop(model, splits, replace(config, augment=True)),
    }

    def on_a_new_network(way):
        return lambda _: way(build(backbone, splits.train.classes, splits.train.size))

    costs = in_turn({name: on_a_new_network(way) for name, way in ways.items()}, rounds)
    validation = np.median(np.divide(costs["validation"].seconds, costs["bare"].seconds))
    speed = {name: costs[name].times_as_fast(costs["bare"]) for name in ("loop", "augmented")}
    return {
        "backbone": backbone,
        "bare epoch, seconds": round(costs["bare"].least / config.epochs, 2),
        "loop, % of the bare speed": round(100 * speed["loop"], 1),
        "at best, with validation": round(100 / (1 + validation), 1),
        "loop with augmentation": round(100 * speed["augmented"], 1),
        "peak memory, bare": round(costs["bare"].peak),
        "peak memory, loop": round(costs["loop"].peak),
    }


def training_table() -> pd.DataFrame:
    splits = load("brain_phantom", 64)
    table = pd.DataFrame([shares(each, splits, CONFIG, ROUNDS) for each in BACKBONES])
    keep(
        "training",
        "The training loop",
        f"""{EPOCHS} epochs of {len(splits.train):,} images of 64 pixels in batches of
        {CONFIG.batch_size}, {len(splits.validation)} images for validation. *At best* is what a
        loop reaches that adds nothing but the forward passes over the validation images.""",
        table,
    )
    return table


if __name__ == "__main__":
    run({"training": training_table})
