"""A game of two networks: one makes images, the other tells them from real ones.

A loop of its own, for two networks with two goals do not fit into that for one.
"""

import copy
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from utils.files import atomic_write, read_tensors
from utils.run import progress
from utils.training.checkpoints import Checkpoint, locked, short_name
from utils.training.loop import OPTIMIZERS

NAMES = ("discriminator_loss", "generator_loss", "real_recognised", "fakes_recognised")


@dataclass(frozen=True)
class GANConfig:
    """Everything that decides how a generator is trained."""

    snapshots: tuple[int, ...] = (10, 20, 40)  # epochs after which the generator is kept
    batch_size: int = 16
    learning_rate: float = 3e-4  # of the generator
    faster: float = 4.0  # the discriminator learns so much faster
    width: int = 16  # channels at full size
    latent: int = 64
    averaging: float = 0.995  # of the weights, step by step; the average is what draws
    seed: int = 0

    def __post_init__(self):
        if not self.snapshots or sorted(set(self.snapshots)) != list(self.snapshots):
            raise ValueError(f"snapshots are numbers of epochs in order, got {self.snapshots}")
        if self.snapshots[0] < 1 or self.batch_size < 2 or self.learning_rate <= 0:
            raise ValueError(f"snapshots, batch size or learning rate is too small: {self}")


class GANTrainer:
    """Both networks, the average of the generator's weights, and what moves them."""

    def __init__(self, generator: nn.Module, discriminator: nn.Module, config: GANConfig):
        self.config, self.generator, self.discriminator = config, generator, discriminator
        self.averages = AveragedModel(generator, avg_fn=self._mixed, use_buffers=True)
        self.average = self.averages.module.eval()  # what draws
        slow = config.learning_rate
        rates = {"generator": slow, "discriminator": config.faster * slow}
        self.moves = {
            name: OPTIMIZERS["adam"](player.parameters(), lr=rates[name], betas=(0.0, 0.99))
            for name, player in self.players.items()
        }

    def epoch(self) -> dict[str, float]:
        """One pass over the real images, and what is to be known of it."""
        raise NotImplementedError

    @property
    def players(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "discriminator": self.discriminator}

    @property
    def parts(self) -> dict:
        """All that resuming needs."""
        moves = {f"{name}'s optimizer": optimizer for name, optimizer in self.moves.items()}
        return {**self.players, "averages": self.averages, **moves}

    def step(self, name: str, loss: Tensor) -> None:
        self.moves[name].zero_grad()
        loss.backward()
        self.moves[name].step()

    def follow(self) -> None:
        """Take the average of the generator's weights a little further."""
        self.averages.update_parameters(self.generator)

    def _mixed(self, mean: Tensor, newest: Tensor, steps: Tensor) -> Tensor:
        """The first steps are forgotten sooner: else the average of a short training would
        mostly be the random weights from which it began."""
        share = min(self.config.averaging, (1 + int(steps)) / (10 + int(steps)))
        return share * mean + (1 - share) * newest


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Gradients pass through, and none are computed for its weights: half of the time."""
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)


def generator_snapshots(game: GANTrainer, folder: Path, asked: dict) -> tuple[dict, list[dict]]:
    """The generator at each snapshot, by its epochs, and the history, one row per epoch.

    Played where this very game was not played before; killed, it goes on where it was.
    `asked` says what, beside the configuration, makes it this very game.
    """
    configuration = {**asdict(game.config), "snapshots": list(game.config.snapshots)}
    asked = {"configuration": configuration, **asked}
    checkpoint = Checkpoint(Path(folder) / short_name(asked), asked)
    with locked(checkpoint.folder):
        history = _played(game, checkpoint)
        return {
            epochs: _kept(game, checkpoint, epochs) for epochs in game.config.snapshots
        }, history


def _played(game: GANTrainer, checkpoint: Checkpoint) -> list[dict]:
    checkpoint.verify_config()
    if checkpoint.finished:
        return checkpoint.history
    history, config = checkpoint.resume(game.parts), game.config
    with torch.random.fork_rng():
        for epoch in progress(range(len(history), config.snapshots[-1]), "epochs"):
            started = time.perf_counter()
            torch.manual_seed(100_003 * config.seed + epoch)
            row = {"epoch": epoch, **game.epoch()}
            _refuse_lost(row, game, checkpoint)
            history.append({**row, "seconds": time.perf_counter() - started})
            if epoch + 1 in config.snapshots:
                with atomic_write(_file(checkpoint, epoch + 1)) as path:
                    weights = game.average.state_dict()
                    save_file({name: each.contiguous() for name, each in weights.items()}, path)
            checkpoint.save(game.parts, history, is_best=False)
    checkpoint.finish(history)
    return history


def _refuse_lost(row: dict[str, float], game: GANTrainer, checkpoint: Checkpoint) -> None:
    lost = [name for name, value in row.items() if not math.isfinite(value)]
    if not all(value.isfinite().all() for value in game.average.parameters()):
        lost.append("weights")
    if lost:
        raise FloatingPointError(
            f"no numbers any more: {', '.join(lost)}, in epoch {row['epoch'] + 1}; lower the "
            f"learning rate ({game.config.learning_rate}); the snapshots before are kept in "
            f"{checkpoint.folder}"
        )


def _kept(game: GANTrainer, checkpoint: Checkpoint, epochs: int) -> nn.Module:
    generator = copy.deepcopy(game.average)
    generator.load_state_dict(read_tensors(_file(checkpoint, epochs)))
    return generator.eval()


def _file(checkpoint: Checkpoint, epochs: int) -> Path:
    return checkpoint.folder / f"generator_{epochs}.safetensors"
