"""A diffusion model: it draws images class by class, by removing noise in small steps (Ho 2020).

It works on coordinates: how far an image reaches in each of the main directions of the training
images. Noise in them looks like a body already; the network adds the class, in seconds (latent
diffusion, Rombach 2022, with a linear encoder).
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from utils.contamination.generators.gan import refuse_small_classes
from utils.contamination.generators.gan_trainer import generator_snapshots, running_average
from utils.data.split import Split, to_float
from utils.training.optimization import OPTIMIZERS

BLOCKS = 3  # of the network
OCTAVES = 6  # of sines and cosines that tell it the time


@dataclass(frozen=True)
class DiffusionConfig:
    """Everything that decides how a diffusion model is trained, and how it draws."""

    snapshots: tuple[int, ...] = (20,)  # epochs after which the model is saved
    passes: int = 10  # over the images, in each epoch
    batch_size: int = 128
    learning_rate: float = 2e-3
    directions: int = 128  # that are learned; in the others the model draws plain noise
    width: int = 256  # of the network
    steps: int = 30  # from noise to an image
    averaging: float = 0.998  # of the weights, step by step; the average is what draws
    seed: int = 0

    def __post_init__(self):
        if not self.snapshots or sorted(set(self.snapshots)) != list(self.snapshots):
            raise ValueError(f"snapshots are numbers of epochs in order, got {self.snapshots}")
        if min(self.snapshots[0], self.passes, self.directions, self.steps) < 1:
            raise ValueError(f"snapshots, passes, directions and steps begin at 1, got {self}")


class Denoiser(nn.Module):
    """What to remove from noisy coordinates (n, inputs), at a time from 0 to 1, of a class."""

    def __init__(self, inputs: int, classes: int, width: int):
        super().__init__()
        self.register_buffer("waves", math.pi * 2.0 ** torch.arange(OCTAVES))
        self.time = nn.Linear(2 * OCTAVES, width)
        self.embedding = nn.Embedding(classes, width)
        self.first = nn.Linear(inputs, width)
        self.blocks = nn.ModuleList(Block(width) for _ in range(BLOCKS))
        self.last = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, inputs))

    def forward(self, noisy: Tensor, time: Tensor, labels: Tensor) -> Tensor:
        angles = time[:, None] * self.waves
        code = self.time(torch.cat([angles.sin(), angles.cos()], 1)) + self.embedding(labels)
        hidden = self.first(noisy)
        for block in self.blocks:
            hidden = hidden + block(hidden, code)
        return self.last(hidden)


class Block(nn.Module):
    """Two layers, in which time and class scale and shift every number."""

    def __init__(self, width: int):
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.style = nn.Linear(width, 2 * width)
        self.layers = nn.Sequential(
            nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width)
        )

    def forward(self, hidden: Tensor, code: Tensor) -> Tensor:
        scale, shift = self.style(code).chunk(2, 1)
        return self.layers((1 + scale) * self.norm(hidden) + shift)


class DiffusionModel(nn.Module):
    """Draws images of the classes and the size of `split`, whose main directions it knows."""

    def __init__(self, split: Split, config: DiffusionConfig):
        super().__init__()
        self.classes, self.shape, self.steps = split.classes, split.images.shape[1:], config.steps
        rows = to_float(split.images).flatten(1)
        _, lengths, directions = torch.linalg.svd(rows - rows.mean(0), full_matrices=False)
        kept = max(1, int((lengths > 1e-4 * lengths[0]).sum()))
        self.register_buffer("mean", rows.mean(0))
        self.register_buffer("directions", directions[:kept].clone())
        self.register_buffer("spread", lengths[:kept] / math.sqrt(len(split)))
        self.learned = min(config.directions, kept)
        self.denoiser = Denoiser(self.learned, split.classes, config.width)

    def encode(self, images: Tensor) -> Tensor:
        """The learned coordinates of images in [0, 1], each with a spread of one."""
        rows = images.flatten(1) - self.mean
        return rows @ self.directions[: self.learned].T / self.spread[: self.learned]

    def decode(self, coordinates: Tensor, noise: Tensor) -> Tensor:
        """Images in [0, 1]; noise takes the place of the coordinates that were not learned."""
        rows = (torch.cat([coordinates, noise], 1) * self.spread) @ self.directions
        return (rows + self.mean).clamp(0, 1).unflatten(1, self.shape)

    def draw(self, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Images of these classes; the same generator, in the same state, draws the same.

        Every step estimates the clean image and the noise, and mixes them with less noise (DDIM,
        Song 2021).
        """
        noise = torch.randn(len(labels), len(self.spread), generator=generator).to(labels.device)
        noisy, rest = noise[:, : self.learned], noise[:, self.learned :]
        for now, then in pairwise(torch.linspace(1, 0, self.steps + 1).to(labels.device)):
            removed = self.denoiser(noisy, now.expand(len(labels)), labels)
            clean, left = unmixed(noisy, removed, now)
            noisy = mixed(clean, left, then)
        return self.decode(noisy, rest)

    def redraw(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Real images in [0, 1] that pass through the coordinates, as fakes do: a control."""
        count = len(self.spread) - self.learned
        noise = torch.randn(len(images), count, generator=generator).to(images.device)
        return self.decode(self.encode(images), noise)


def mixed(clean: Tensor, noise: Tensor, time: Tensor) -> Tensor:
    """The clean coordinates at time 0, nothing but noise at time 1; the spread stays one."""
    angle = time * math.pi / 2
    return angle.cos() * clean + angle.sin() * noise


def unmixed(noisy: Tensor, removed: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
    """The clean coordinates and the noise, if the network is right about what to remove."""
    angle = time * math.pi / 2
    return (
        angle.cos() * noisy - angle.sin() * removed,
        angle.sin() * noisy + angle.cos() * removed,
    )


def to_remove(clean: Tensor, noise: Tensor, time: Tensor) -> Tensor:
    """What the network is to learn; `unmixed` turns it back into both (Salimans 2022)."""
    angle = time * math.pi / 2
    return angle.cos() * noise - angle.sin() * clean


class DiffusionTrainer:
    """A diffusion model, the average of its weights, and its optimizer."""

    def __init__(self, split: Split, config: DiffusionConfig, device: torch.device):
        self.config = config
        with torch.random.fork_rng():
            torch.manual_seed(config.seed)
            self.average = DiffusionModel(split, config).to(device).eval()  # what draws
        self.network = self.average.denoiser
        self.averages = running_average(self.network, config.averaging)
        self.average.denoiser = self.averages.module
        self.optimizer = OPTIMIZERS["adamw"](
            self.network.parameters(), lr=config.learning_rate, weight_decay=0.0
        )
        self.labels = split.labels.to(device)
        self.rows = self.average.encode(to_float(split.images.to(device)))

    @property
    def parts(self) -> dict:
        """All that resuming needs."""
        return {"network": self.network, "averages": self.averages, "optimizer": self.optimizer}

    def epoch(self) -> dict[str, float]:
        """Some passes over the real images: the mean loss."""
        losses = [
            self.train_step(self.rows[some], self.labels[some])
            for _ in range(self.config.passes)
            for some in torch.randperm(len(self.rows)).split(self.config.batch_size)
        ]
        return {"loss": float(torch.stack(losses).mean())}

    def train_step(self, clean: Tensor, labels: Tensor) -> Tensor:
        """One step: mix the images with noise, and learn what to remove."""
        time = torch.rand(len(clean), 1).to(clean.device)
        noise = torch.randn(clean.shape).to(clean.device)
        found = self.network(mixed(clean, noise, time), time[:, 0], labels)
        loss = F.mse_loss(found, to_remove(clean, noise, time))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.averages.update_parameters(self.network)
        return loss.detach()


def train_diffusion(
    split: Split, config: DiffusionConfig, folder: Path, device="cpu"
) -> tuple[dict, list]:
    """The model at each snapshot, by its epochs, and the history, one row per epoch."""
    refuse_small_classes(split)
    trainer = DiffusionTrainer(split, config, torch.device(device))
    facts = {"training data": split.content_hash(), "recipe": "diffusion 1"}
    return generator_snapshots(trainer, folder, facts)
