"""How much of a training is not training: epochs of the loop beside bare steps.

    make bench

A bare epoch takes the same steps on tensors that are ready: no shuffling, no conversion, no
evaluation, no file. The loop does all of that, and scores validation after every epoch.
"""

import tempfile
import time
from pathlib import Path

import pandas as pd
import torch
import torch.nn.functional as F
from torch import nn

from utils.backbones import build
from utils.data.loading import load
from utils.data.split import Splits, batches, to_float
from utils.run import autocast
from utils.training.config import TrainConfig
from utils.training.loop import train_or_load
from utils.training.optimization import OPTIMIZERS

EPOCHS, REPEATS = 2, 5
CONFIG = TrainConfig(EPOCHS, 64, 1e-3, augment=False)


def bare(model: nn.Module, splits: Splits, config: TrainConfig) -> float:
    optimizer = OPTIMIZERS[config.optimizer](model.parameters(), lr=config.learning_rate)
    ready = [
        (to_float(images).contiguous(memory_format=torch.channels_last), labels)
        for images, labels in batches(splits.train, config.batch_size, shuffle=True)
    ]
    model.train()
    started = time.perf_counter()
    for _ in range(config.epochs):
        for images, labels in ready:
            with autocast(images.device, config.precision):
                value = F.cross_entropy(model(images).float(), labels)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
    return (time.perf_counter() - started) / config.epochs


def loop(model: nn.Module, splits: Splits, config: TrainConfig) -> float:
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        train_or_load(model, splits, config, Path(folder))
        return (time.perf_counter() - started) / config.epochs


def loop_augmented(model: nn.Module, splits: Splits, config: TrainConfig) -> float:
    return loop(model, splits, TrainConfig(**{**vars(config), "augment": True}))


WAYS = {"bare": bare, "loop": loop, "loop, augmented": loop_augmented}


def training_table(backbone: str, precision: str) -> pd.DataFrame:
    splits = load("brain_phantom", 64)
    config = TrainConfig(**{**vars(CONFIG), "precision": precision})
    seconds = {name: [] for name in WAYS}
    for _ in range(REPEATS):  # in turn, so that a busy moment hits all alike
        for name, way in WAYS.items():
            model = build(backbone, splits.train.classes, splits.train.size)
            seconds[name].append(way(model, splits, config))
    fastest = {name: min(values) for name, values in seconds.items()}
    rows = [
        {"backbone": backbone, "precision": precision, "epoch by": name, "seconds": seconds}
        | {"share of the bare speed": f"{fastest['bare'] / seconds:.1%}"}
        for name, seconds in fastest.items()
    ]
    return pd.DataFrame(rows).round({"seconds": 3})


if __name__ == "__main__":
    count = len(load("brain_phantom", 64).train)
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}, {count} images\n")
    for backbone in ("resnet18", "resnet18_narrow", "tinynet_e"):
        for precision in ("bfloat16", "float32"):
            print(training_table(backbone, precision).to_string(index=False), "\n")
