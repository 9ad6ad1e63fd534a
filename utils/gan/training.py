"""A generator that draws an image of a class from noise, and how it is trained."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from utils.gan.game import NAMES, Game, GANConfig, kept_generators, unmoved
from utils.gan.networks import Discriminator, Generator, softly_changed
from utils.splits import Split, as_pixels, batches

FEWEST = 8  # images of a class: fewer are learned by heart
STEEP = 0.3  # how dear it is for the discriminator to be steep at real images
EVERY = 8  # steps: so rarely, and then so much more, it pays for that
WATCHED = 96  # fakes of which the diversity is taken after each epoch


class Drawing(Game):
    """The discriminator learns to tell real from drawn, the generator to deceive it."""

    def __init__(self, split: Split, config: GANConfig, device: torch.device):
        facts = (split.classes, split.size, split.images.shape[1], config.width)
        with torch.random.fork_rng():
            torch.manual_seed(config.seed)
            generator, discriminator = Generator(*facts, config.latent), Discriminator(*facts)
        places = {"device": device, "memory_format": torch.channels_last}  # 1.5 times as fast
        super().__init__(generator.to(**places), discriminator.to(**places), config)
        self.real = split.to(device)

    def epoch(self) -> dict[str, float]:
        """One pass over the real images; how often the discriminator was right, both losses."""
        self.generator.train()
        sums, steps = torch.zeros(4, device=self.real.images.device), 0
        for images, labels in batches(self.real, self.config.batch_size, shuffle=True):
            sums += self.turn(as_pixels(images), labels, smoothed=steps % EVERY == 0)
            steps += 1
        return {**dict(zip(NAMES, (sums / steps).tolist(), strict=True)), **self.watched()}

    def turn(self, images: Tensor, labels: Tensor, smoothed: bool) -> Tensor:
        """One step of each player: hinge losses (Lim 2017)."""
        fakes = self.generator(
            torch.randn(len(labels), self.config.latent).to(labels.device), labels
        )
        shown = softly_changed(images).requires_grad_(smoothed)
        genuine = self.discriminator(shown, labels)
        drawn = self.discriminator(softly_changed(fakes.detach()), labels)
        caught = F.relu(1 - genuine).mean() + F.relu(1 + drawn).mean()
        dear = EVERY * STEEP * steepness(genuine, shown) if smoothed else 0
        self.step("discriminator", caught + dear)
        with unmoved(self.discriminator):
            deceived = -self.discriminator(softly_changed(fakes), labels).mean()
            self.step("generator", deceived)
        self.follow()
        right = [(genuine > 0).float().mean(), (drawn < 0).float().mean()]
        return torch.stack([caught, deceived, *right]).detach()

    def watched(self) -> dict[str, float]:
        """How much fakes of a class differ from each other, where 1 is how much real ones do.

        Near 0 the generator has collapsed: it draws the same image again and again.
        """
        some = self.real.limit(WATCHED)
        with torch.no_grad():
            fakes = self.average.draw(some.labels, torch.Generator().manual_seed(0))
        of_real = diversity(as_pixels(some.images), some.labels)
        return {"diversity": diversity(fakes, some.labels) / of_real}


def generators(split: Split, config: GANConfig, folder: Path, device="cpu") -> tuple[dict, list]:
    """The generator at each snapshot, by its epochs, and the history, one row per epoch."""
    _check(split)
    game = Drawing(split, config, torch.device(device))
    return kept_generators(game, folder, {"training data": split.fingerprint, "recipe": 2})


def steepness(said: Tensor, images: Tensor) -> Tensor:
    """Half the squared slope of what is said of real images: R1 (Mescheder 2018)."""
    (slope,) = torch.autograd.grad(said.sum(), images, create_graph=True)
    return slope.square().sum((1, 2, 3)).mean() / 2


def diversity(images: Tensor, labels: Tensor) -> float:
    """The standard deviation of a pixel among the images of its class, mean of all."""
    of_class = [images[labels == label] for label in labels.unique()]
    return float(torch.stack([each.std(0, unbiased=False).mean() for each in of_class]).mean())


def _check(split: Split) -> None:
    for name, count in zip(split.class_names, split.counts.tolist(), strict=True):
        if count < FEWEST:
            raise ValueError(
                f"class {name!r} has {count} images; a generator needs {FEWEST} or more of each"
            )
