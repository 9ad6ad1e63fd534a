"""Training two networks against each other: one makes images, the other tells them from real ones.

Beside the classifiers' loop, because two networks with two goals do not fit into that for one.
"""

import copy
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from utils.files import read_tensors
from utils.training.checkpoints import Checkpoint, save_weights, short_name
from utils.training.epochs import History, run_epochs
from utils.training.optimization import OPTIMIZERS, kept_share

COLUMNS = ("discriminator_loss", "generator_loss", "real_recognised", "fakes_recognised")


@dataclass(frozen=True)
class GANConfig:
    """Everything that decides how a generator is trained."""

    snapshots: tuple[int, ...] = (10, 20, 40)  # epochs after which the generator is saved
    batch_size: int = 16
    learning_rate: float = 3e-4  # of the generator
    faster: float = 4.0  # the discriminator's learning rate, in units of the generator's
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
    """Both networks, the average of the generator's weights, and their optimizers."""

    def __init__(self, generator: nn.Module, discriminator: nn.Module, config: GANConfig):
        self.config, self.generator, self.discriminator = config, generator, discriminator
        self.averages = running_average(generator, config.averaging)
        self.average = self.averages.module.eval()  # what draws
        slow = config.learning_rate
        rates = {"generator": slow, "discriminator": config.faster * slow}
        self.optimizers = {
            name: OPTIMIZERS["adamw"](
                network.parameters(), lr=rates[name], betas=(0.0, 0.99), weight_decay=0.0
            )
            for name, network in self.networks.items()
        }

    def epoch(self) -> dict[str, float]:
        """One pass over the real images, and its row of the history."""
        raise NotImplementedError

    @property
    def networks(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "discriminator": self.discriminator}

    @property
    def parts(self) -> dict:
        """All that resuming needs."""
        optimizers = {f"{name}'s optimizer": each for name, each in self.optimizers.items()}
        return {**self.networks, "averages": self.averages, **optimizers}

    def step(self, name: str, loss: Tensor) -> None:
        """One step of the network of this name."""
        self.optimizers[name].zero_grad()
        loss.backward()
        self.optimizers[name].step()

    def update_average(self) -> None:
        self.averages.update_parameters(self.generator)


def running_average(network: nn.Module, longest: float) -> AveragedModel:
    """The mean of the weights, in which each step keeps the share `longest` of the former mean;
    the first steps keep less."""

    def mix(means: list[Tensor], newest: list[Tensor], steps: Tensor) -> None:
        share = kept_share(longest, int(steps))
        for mean, new in zip(means, newest, strict=True):
            if mean.is_floating_point():
                mean.mul_(share).add_((1 - share) * new)  # in place: half of the time
            else:  # counters of batch norm
                mean.copy_(share * mean + (1 - share) * new)

    return AveragedModel(network, multi_avg_fn=mix, use_buffers=True)


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Gradients pass through, and none are computed for its weights: half of the time."""
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)


def generator_snapshots(trainer: GANTrainer, folder: Path, facts: dict) -> tuple[dict, History]:
    """The generator at each snapshot, by its epochs, and the history, one row per epoch.

    Trained now, resumed, or loaded if done before. `facts` are what, beside the configuration,
    makes it this very training.
    """
    config = trainer.config
    configuration = {**asdict(config), "snapshots": list(config.snapshots)}
    facts = {"configuration": configuration, **facts}
    checkpoint = Checkpoint(Path(folder) / short_name(facts), facts)

    def train_epoch(epoch: int) -> dict:
        row = trainer.epoch()
        _refuse_diverged(row, epoch, trainer, checkpoint)
        if epoch + 1 in config.snapshots:
            save_weights(trainer.average, _file(checkpoint, epoch + 1))
        return row

    history = run_epochs(checkpoint, trainer.parts, train_epoch, config.snapshots[-1], config.seed)
    return {epochs: _load(trainer, checkpoint, epochs) for epochs in config.snapshots}, history


def _refuse_diverged(row: dict, epoch: int, trainer: GANTrainer, checkpoint: Checkpoint) -> None:
    diverged = [name for name, value in row.items() if not math.isfinite(value)]
    if not all(value.isfinite().all() for value in trainer.average.parameters()):
        diverged.append("weights")
    if diverged:
        raise FloatingPointError(
            f"no longer finite: {', '.join(diverged)}, in epoch {epoch + 1}; lower the "
            f"learning rate ({trainer.config.learning_rate}); earlier snapshots are kept in "
            f"{checkpoint.folder}"
        )


def _load(trainer: GANTrainer, checkpoint: Checkpoint, epochs: int) -> nn.Module:
    generator = copy.deepcopy(trainer.average)
    generator.load_state_dict(read_tensors(_file(checkpoint, epochs)))
    return generator.eval()


def _file(checkpoint: Checkpoint, epochs: int) -> Path:
    return checkpoint.folder / f"generator_{epochs}.safetensors"
