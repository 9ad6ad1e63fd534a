"""A conditional GAN: a generator that draws images class by class, and how it is trained."""

from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from utils.contamination.generators.gan_trainer import (
    COLUMNS,
    GANConfig,
    GANTrainer,
    frozen,
    generator_snapshots,
)
from utils.data.split import Split, batches, to_float

MAX_WIDTH = 256  # channels
SLOPE = 0.2  # of the leaky rectifier, below zero
SMALL_WEIGHTS = 0.02  # standard deviation: no opinion at first
MIN_IMAGES_PER_CLASS = 8  # images of a class: fewer are learned by heart
PENALTY = 0.3  # weight of the squared slope of the discriminator at real images
PENALTY_EVERY = 8  # steps: the penalty is computed so rarely, and weighs so much more then
DIVERSITY_IMAGES = 96  # fakes of which the diversity is measured after each epoch


def doublings(size: int) -> int:
    """How often a square of 4 to 7 pixels doubles until it has this size."""
    sizes = {edge * 2**n: n for n in range(3, 6) for edge in range(4, 8) if edge * 2**n <= 128}
    if size not in sizes:
        known = ", ".join(str(each) for each in sorted(sizes))
        raise ValueError(f"images of {size} pixels are not supported; take one of {known}")
    return sizes[size]


class Generator(nn.Module):
    """Noise (n, latent) and classes (n) to images in [0, 1]; every layer sees the class."""

    def __init__(self, classes: int, size: int, channels: int = 1, width: int = 16, latent=64):
        super().__init__()
        times = doublings(size)
        widths = [min(width * 2**k, MAX_WIDTH) for k in range(times, -1, -1)]
        self.classes, self.latent, self.edge = classes, latent, size // 2**times
        self.embedding = nn.Embedding(classes, latent)
        self.first = nn.Linear(2 * latent, widths[0] * self.edge**2)
        self.layers = nn.ModuleList(UpBlock(*pair, 2 * latent) for pair in pairwise(widths))
        self.last = nn.Conv2d(widths[-1], channels, 3, padding=1)

    def forward(self, noise: Tensor, labels: Tensor) -> Tensor:
        code = torch.cat([noise, self.embedding(labels)], 1)
        maps = self.first(code).unflatten(1, (-1, self.edge, self.edge))
        for layer in self.layers:
            maps = layer(maps, code)
        return self.last(maps).sigmoid()

    def draw(self, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Images of these classes; the same generator, in the same state, draws the same."""
        noise = torch.randn(len(labels), self.latent, generator=generator)
        return self(noise.to(labels.device), labels)


class UpBlock(nn.Module):
    """Double the size, convolve, then scale and shift each channel by the code."""

    def __init__(self, before: int, after: int, code: int):
        super().__init__()
        self.convolution = nn.Conv2d(before, after, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(after, affine=False)
        self.style = nn.Linear(code, 2 * after)

    def forward(self, maps: Tensor, code: Tensor) -> Tensor:
        maps = self.norm(self.convolution(F.interpolate(maps, scale_factor=2)))
        scale, shift = self.style(code)[:, :, None, None].chunk(2, 1)
        return F.leaky_relu((1 + scale) * maps + shift, SLOPE)


class Discriminator(nn.Module):
    """A number per image, higher for a real image *of its class* (Miyato 2018).

    It also sees how much the images of its batch differ, so that it can tell a generator that
    draws the same image again and again (Karras 2018). The penalty R1 in the trainer keeps its
    slope small, in place of spectral norm.
    """

    def __init__(self, classes: int, size: int, channels: int = 1, width: int = 16):
        super().__init__()
        widths = [min(width * 2**k, MAX_WIDTH) for k in range(doublings(size) + 1)]
        self.layers = nn.ModuleList(nn.Conv2d(*pair, 4, 2, 1) for pair in pairwise(widths))
        self.layers.insert(0, nn.Conv2d(channels, widths[0], 3, padding=1))
        self.head = nn.Linear(widths[-1] + 1, 1)
        self.embedding = nn.Embedding(classes, widths[-1])
        for layer in self.layers:
            nn.init.kaiming_normal_(layer.weight, SLOPE)
        nn.init.normal_(self.head.weight, std=SMALL_WEIGHTS)
        nn.init.normal_(self.embedding.weight, std=SMALL_WEIGHTS)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        maps = 2 * images - 1
        for layer in self.layers:
            maps = F.leaky_relu(layer(maps), SLOPE)
        features = maps.sum((2, 3))
        variety = features.std(0, unbiased=False).mean().expand(len(features), 1)
        plain = self.head(torch.cat([features, variety], 1))[:, 0]
        return plain + (features * self.embedding(labels)).sum(1)


def diff_augment(images: Tensor) -> Tensor:
    """Random brightness, contrast, shift and cutout, differentiable (DiffAugment, Zhao 2020).

    Real and fake images both pass through it, so that a small data set is not learned by heart.
    """
    shape, device = (len(images), 1, 1, 1), images.device
    images = images + torch.empty(shape, device=device).uniform_(-0.15, 0.15)
    mean = images.mean((1, 2, 3), keepdim=True)
    images = (images - mean) * torch.empty(shape, device=device).uniform_(0.75, 1.25) + mean
    return _cutout(_shift(images))


def _shift(images: Tensor, share: float = 0.125) -> Tensor:
    turn = torch.eye(2, 3, device=images.device).repeat(len(images), 1, 1)
    turn[:, :, 2].uniform_(-2 * share, 2 * share)
    grid = F.affine_grid(turn, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def _cutout(images: Tensor, share: float = 0.3) -> Tensor:
    edge = max(1, round(share * images.shape[-1]))
    place = torch.arange(images.shape[-1], device=images.device)
    low = torch.randint(-edge // 2, images.shape[-1] - edge // 2, (2, len(images), 1))
    across, down = ((place >= each) & (place < each + edge) for each in low.to(images.device))
    return images * ~(across[:, None, None, :] & down[:, None, :, None])


class ConditionalGAN(GANTrainer):
    """The discriminator learns to tell real images from fakes, the generator to fool it."""

    def __init__(self, split: Split, config: GANConfig, device: torch.device):
        sizes = (split.classes, split.size, split.images.shape[1], config.width)
        with torch.random.fork_rng():
            torch.manual_seed(config.seed)
            generator, discriminator = Generator(*sizes, config.latent), Discriminator(*sizes)
        where = {"device": device, "memory_format": torch.channels_last}  # 1.5 times as fast
        super().__init__(generator.to(**where), discriminator.to(**where), config)
        self.real = split.to(device)

    def epoch(self) -> dict[str, float]:
        """One pass over the real images: both losses, the discriminator's accuracy, diversity."""
        self.generator.train()
        sums, steps = torch.zeros(4, device=self.real.images.device), 0
        for images, labels in batches(self.real, self.config.batch_size, shuffle=True):
            sums += self.train_step(to_float(images), labels, steps % PENALTY_EVERY == 0)
            steps += 1
        means = (sums / steps).tolist()
        return {**dict(zip(COLUMNS, means, strict=True)), "diversity": self.relative_diversity()}

    def train_step(self, images: Tensor, labels: Tensor, penalised: bool) -> Tensor:
        """One step of each network: hinge losses (Lim 2017)."""
        noise = torch.randn(len(labels), self.config.latent).to(labels.device)
        fakes = self.generator(noise, labels)
        shown = diff_augment(images).requires_grad_(penalised)
        on_real = self.discriminator(shown, labels)
        on_fake = self.discriminator(diff_augment(fakes.detach()), labels)
        discriminator_loss = F.relu(1 - on_real).mean() + F.relu(1 + on_fake).mean()
        penalty = PENALTY_EVERY * PENALTY * gradient_penalty(on_real, shown) if penalised else 0
        self.step("discriminator", discriminator_loss + penalty)
        with frozen(self.discriminator):
            generator_loss = -self.discriminator(diff_augment(fakes), labels).mean()
            self.step("generator", generator_loss)
        self.update_average()
        accuracy = [(on_real > 0).float().mean(), (on_fake < 0).float().mean()]
        return torch.stack([discriminator_loss, generator_loss, *accuracy]).detach()

    def relative_diversity(self) -> float:
        """How much fakes of a class differ from each other, where 1 is how much real ones do.

        Near 0 the generator has collapsed: it draws the same image again and again.
        """
        some = self.real.limit(DIVERSITY_IMAGES)
        with torch.no_grad():
            fakes = self.average.draw(some.labels, torch.Generator().manual_seed(0))
        of_real = diversity(to_float(some.images), some.labels)
        return diversity(fakes, some.labels) / of_real


def train_generators(
    split: Split, config: GANConfig, folder: Path, device="cpu"
) -> tuple[dict, list]:
    """The generator at each snapshot, by its epochs, and the history, one row per epoch."""
    refuse_small_classes(split)
    trainer = ConditionalGAN(split, config, torch.device(device))
    return generator_snapshots(
        trainer, folder, {"training data": split.content_hash(), "recipe": 3}
    )


def gradient_penalty(outputs: Tensor, images: Tensor) -> Tensor:
    """Half the squared slope of the outputs at real images: R1 (Mescheder 2018)."""
    (slope,) = torch.autograd.grad(outputs.sum(), images, create_graph=True)
    return slope.square().sum((1, 2, 3)).mean() / 2


def diversity(images: Tensor, labels: Tensor) -> float:
    """The standard deviation of each pixel among the images of a class, averaged over both."""
    of_class = [images[labels == label] for label in labels.unique()]
    return float(torch.stack([each.std(0, unbiased=False).mean() for each in of_class]).mean())


def refuse_small_classes(split: Split) -> None:
    """A generator learns a class of few images by heart."""
    for name, count in zip(split.class_names, split.counts.tolist(), strict=True):
        if count < MIN_IMAGES_PER_CLASS:
            raise ValueError(
                f"class {name!r} has {count} images; a generator needs "
                f"{MIN_IMAGES_PER_CLASS} or more"
            )
