"""Epoch after epoch, each one reseeded and saved: a training that can be stopped at any moment."""

import time
from collections.abc import Callable

import torch
from torch import nn

from utils.files import locked
from utils.run import progress
from utils.training.checkpoints import Checkpoint

History = list[dict]


def run_epochs(
    checkpoint: Checkpoint,
    parts: dict,
    train_epoch: Callable[[int], dict],
    epochs: int,
    seed: int,
    kept: nn.Module | None = None,
    is_best: Callable[[History], bool] = lambda history: False,
    stops_early: Callable[[History], bool] = lambda history: False,
) -> History:
    """Train from where an earlier call was stopped, or read what it finished; one row per epoch.

    `parts` are all that resuming needs, by name: whatever has a `state_dict`. The weights
    of `kept` after the best epoch are saved. Every epoch reseeds from (seed, epoch), so stopped
    and resumed equals never stopped. One process at a time trains in the folder of the checkpoint;
    others wait and then read.
    """
    with locked(checkpoint.folder):  # a finished training in a folder for reading is read
        checkpoint.verify_config()
        if checkpoint.finished:
            return checkpoint.history
        history = checkpoint.resume(parts)
        with torch.random.fork_rng():
            for epoch in progress(range(len(history), epochs), "epochs"):
                if stops_early(history):
                    break
                started = time.perf_counter()
                torch.manual_seed(100_003 * seed + epoch)
                row = {"epoch": epoch, **train_epoch(epoch)}
                history.append({**row, "seconds": time.perf_counter() - started})
                checkpoint.save(parts, history, kept if is_best(history) else None)
        checkpoint.finish(history)
        return history
