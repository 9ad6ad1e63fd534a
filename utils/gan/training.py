"""The game: the discriminator learns to tell real from drawn, the generator to deceive it.

A loop of its own, for two networks with two goals do not fit into that for one.
"""

import copy
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from utils.checkpoints import Checkpoint, held, short_name
from utils.files import read_tensors, written_whole
from utils.gan.networks import Discriminator, Generator, softly_changed
from utils.run import progress
from utils.splits import Split, as_pixels, batches

FEWEST = 8  # images of a class: fewer are learned by heart
WATCHED = 96  # fakes of which the diversity is taken after each epoch


@dataclass(frozen=True)
class GANConfig:
    """Everything that decides how a generator is trained."""

    snapshots: tuple[int, ...] = (10, 20, 40)  # epochs after which the generator is kept
    batch_size: int = 16
    learning_rate: float = 5e-4  # of both
    width: int = 16  # channels at full size
    latent: int = 64
    averaging: float = 0.995  # of the weights, step by step; the average is what draws
    seed: int = 0

    def __post_init__(self):
        if not self.snapshots or sorted(set(self.snapshots)) != list(self.snapshots):
            raise ValueError(f"snapshots are numbers of epochs in order, got {self.snapshots}")
        if self.snapshots[0] < 1 or self.batch_size < 2 or self.learning_rate <= 0:
            raise ValueError(f"snapshots, batch size or learning rate is too small: {self}")


class Game:
    """Both networks, the average of the generator's weights, and what moves them."""

    def __init__(self, split: Split, config: GANConfig, device: torch.device):
        channels = split.images.shape[1]
        with torch.random.fork_rng():
            torch.manual_seed(config.seed)
            self.generator = Generator(
                split.classes, split.size, channels, config.width, config.latent
            ).to(device)
            self.discriminator = Discriminator(
                split.classes, split.size, channels, config.width
            ).to(device)
        self.average = copy.deepcopy(self.generator).eval()
        self.moves = {
            name: torch.optim.Adam(player.parameters(), config.learning_rate, betas=(0.0, 0.99))
            for name, player in self.players.items()
        }

    @property
    def players(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "discriminator": self.discriminator}

    @property
    def parts(self) -> dict:
        """All that resuming needs."""
        moves = {f"{name}'s optimizer": optimizer for name, optimizer in self.moves.items()}
        return {**self.players, "average": self.average, **moves}

    def step(self, name: str, loss: Tensor) -> None:
        self.moves[name].zero_grad()
        loss.backward()
        self.moves[name].step()


def generators(split: Split, config: GANConfig, folder: Path, device="cpu") -> tuple[dict, list]:
    """The generator at each snapshot, by its epochs, and the history, one row per epoch.

    Trained where this very training was not done before; killed, it goes on where it was.
    """
    _check(split)
    asked = {"configuration": asdict(config), "training data": split.fingerprint, "recipe": 1}
    asked["configuration"]["snapshots"] = list(config.snapshots)
    checkpoint = Checkpoint(Path(folder) / short_name(asked), asked)
    with held(checkpoint.folder):
        game = Game(split, config, torch.device(device))
        history = _played(game, split, config, checkpoint)
        return {epochs: _kept(game, checkpoint, epochs) for epochs in config.snapshots}, history


def _played(game: Game, split: Split, config: GANConfig, checkpoint: Checkpoint) -> list[dict]:
    checkpoint.claim()
    if checkpoint.finished:
        return checkpoint.history
    history = checkpoint.resume(game.parts)
    real = split.to(next(game.generator.parameters()).device)
    with torch.random.fork_rng():
        for epoch in progress(range(len(history), config.snapshots[-1]), "epochs"):
            started = time.perf_counter()
            torch.manual_seed(100_003 * config.seed + epoch)
            row = {"epoch": epoch + 1, **_epoch(game, real, config, epoch), **_watched(game, real)}
            history.append({**row, "seconds": time.perf_counter() - started})
            if epoch + 1 in config.snapshots:
                with written_whole(_file(checkpoint, epoch + 1)) as path:
                    save_file(game.average.state_dict(), path)
            checkpoint.save(game.parts, history, is_best=False)
    checkpoint.finish(history)
    return history


def _epoch(game: Game, real: Split, config: GANConfig, epoch: int) -> dict[str, float]:
    """One pass over the real images; how often the discriminator was right, and both losses."""
    game.generator.train()
    sums, steps = torch.zeros(4, device=real.images.device), 0
    for images, labels in batches(real, config.batch_size, shuffle=True):
        noise = torch.randn(len(labels), config.latent, device=labels.device)
        fakes = game.generator(noise, labels)
        genuine = game.discriminator(softly_changed(as_pixels(images)), labels)
        drawn = game.discriminator(softly_changed(fakes.detach()), labels)
        caught = F.relu(1 - genuine).mean() + F.relu(1 + drawn).mean()
        game.step("discriminator", caught)
        deceived = -game.discriminator(softly_changed(fakes), labels).mean()
        game.step("generator", deceived)
        _averaged(game.average, game.generator, config.averaging)
        right = torch.stack([(genuine > 0).float().mean(), (drawn < 0).float().mean()])
        sums += torch.cat([torch.stack([caught, deceived]), right]).detach()
        steps += 1
    names = ("discriminator_loss", "generator_loss", "real_recognised", "fakes_recognised")
    row = dict(zip(names, (sums / steps).tolist(), strict=True))
    if not all(math.isfinite(value) for value in row.values()):
        raise FloatingPointError(
            f"the loss became {row['generator_loss']} in epoch {epoch + 1}; lower the learning "
            f"rate ({config.learning_rate}); the snapshots before are kept"
        )
    return row


def _averaged(average: Generator, newest: Generator, share: float) -> None:
    with torch.no_grad():
        for mean, value in zip(average.parameters(), newest.parameters(), strict=True):
            mean.lerp_(value, 1 - share)
        for mean, value in zip(average.buffers(), newest.buffers(), strict=True):
            mean.copy_(value)


def _watched(game: Game, real: Split) -> dict[str, float]:
    """How much fakes of a class differ from each other, where 1 is how much real ones do.

    Near 0 the generator has collapsed: it draws the same image again and again.
    """
    some = real.limit(WATCHED)
    with torch.no_grad():
        fakes = game.average.draw(some.labels, torch.Generator().manual_seed(0))
    return {
        "diversity": diversity(fakes, some.labels) / diversity(as_pixels(some.images), some.labels)
    }


def diversity(images: Tensor, labels: Tensor) -> float:
    """The standard deviation of a pixel among the images of its class, mean of all."""
    of_class = [images[labels == label] for label in labels.unique()]
    return float(torch.stack([each.std(0, unbiased=False).mean() for each in of_class]).mean())


def _kept(game: Game, checkpoint: Checkpoint, epochs: int) -> Generator:
    generator = copy.deepcopy(game.average)
    generator.load_state_dict(read_tensors(_file(checkpoint, epochs)))
    return generator.eval()


def _file(checkpoint: Checkpoint, epochs: int) -> Path:
    return checkpoint.folder / f"generator_{epochs}.safetensors"


def _check(split: Split) -> None:
    for name, count in zip(split.class_names, split.counts.tolist(), strict=True):
        if count < FEWEST:
            raise ValueError(
                f"class {name!r} has {count} images; a generator needs {FEWEST} or more of each"
            )
