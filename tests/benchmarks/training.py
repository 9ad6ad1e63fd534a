"""How much of a training is not training: the parts of the loop, by CPU seconds.

    make bench

Steps on tensors that are ready (forward, backward, optimizer) are what no loop can do without, and
nor can one that chooses its best epoch do without predictions for validation. The parts are timed
inside one training, because two whole trainings, one bare, differ by more than the loop adds.
"""

import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from unittest.mock import patch

import pandas as pd
import torch
from side_by_side import keep, run

from utils.backbones.classifier import build
from utils.data.loading import load
from utils.data.split import Splits
from utils.training import trainer
from utils.training.config import TrainConfig
from utils.training.loop import train_or_load

EPOCHS, BACKBONES = 2, ("resnet18_narrow", "tinynet_e", "resnet18")
PARTS = {  # the function of the trainer that takes the time
    "validation": (trainer, "predict"),
    "conversion": (trainer, "to_float"),
    "augmentation": (trainer, "augment"),
    "steps": (trainer.Trainer, "_step"),
}


@dataclass
class Clock:
    """CPU seconds in all calls of a function."""

    seconds: float = 0.0

    def around(self, function):
        @wraps(function)
        def timed(*values, **options):
            started = time.process_time()
            found = function(*values, **options)
            self.seconds += time.process_time() - started
            return found

        return timed


def parts(backbone: str, splits: Splits, config: TrainConfig) -> dict:
    """Each part as a share of the whole training, files and all."""
    model = build(backbone, splits.train.classes, splits.train.size)
    clocks = {name: Clock() for name in PARTS}
    with ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
        for name, (owner, function) in PARTS.items():
            timed = clocks[name].around(getattr(owner, function))
            stack.enter_context(patch.object(owner, function, timed))
        started = time.process_time()
        train_or_load(model, splits, config, Path(folder))
        whole = time.process_time() - started
    shares = {name: 100 * clock.seconds / whole for name, clock in clocks.items()}
    shares["steps"] -= shares["conversion"] + shares["augmentation"]  # made inside a step
    shares["all else"] = 100 - sum(shares.values())
    row = {"backbone": backbone, "augmented": "yes" if config.augment else "no"}
    row["epoch, seconds"] = round(whole / config.epochs, 1)
    return row | {f"{name} (%)": round(share, 1) for name, share in shares.items()}


def training_table(backbones: tuple[str, ...] = BACKBONES) -> pd.DataFrame:
    torch.set_num_threads(1)
    splits = load("brain_phantom", 64)
    ways = [TrainConfig(EPOCHS, 64, augment=augment) for augment in (False, True)]
    table = pd.DataFrame(parts(each, splits, way) for each in backbones for way in ways)
    keep(
        "training",
        "The training loop",
        f"""{EPOCHS} epochs of {len(splits.train):,} images of 64 pixels in batches of 64, with
        {len(splits.validation)} images for validation. *Steps* are forward and backward pass and
        optimizer alone: a bare loop would do nothing else. *All else* are order, scores and files.
        Predictions for validation are passes through the network, too; a loop that chooses its
        best epoch cannot do without them.""",
        table,
    )
    return table


if __name__ == "__main__":
    run({"training": training_table})
