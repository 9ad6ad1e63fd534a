"""An attack on a few pixels, found by asking."""

from dataclasses import dataclass

import torch
from torch import Tensor

from utils.attacks.black_box import BATCH, BlackBox, QueryAttack

CROSSED = 0.7  # of the genes change in a generation, so that a good pixel may stay


@dataclass(frozen=True)
class FewPixels(QueryAttack):
    """Differential evolution of where to paint a few pixels, and how bright (Su 2019).

    Asks up to (generations + 1) * population questions about an image.
    """

    pixels: int = 1
    population: int = 50
    generations: int = 20

    def __post_init__(self):
        if self.pixels < 1 or self.population < 4 or self.generations < 0:
            needs = "pixels >= 1, population >= 4, generations >= 0"
            raise ValueError(f"needs {needs}, got {self!r}")

    def search(self, box: BlackBox, images: Tensor) -> Tensor:
        genes = self._first(images)
        margins = torch.full_like(genes[:, :, 0, 0], torch.inf)
        for generation in range(self.generations + 1):
            which = box.standing
            if not len(which):
                break
            trials = genes[which]
            if generation:
                trials = _bred(trials, margins[which])
            found = self._asked(box, images, which, trials)
            better = (found < margins[which])[:, :, None, None]
            genes[which] = torch.where(better, trials, genes[which])
            margins[which] = torch.minimum(found, margins[which])
        return _painted(images, _fittest(genes, margins))[:, 0]

    def _first(self, images: Tensor) -> Tensor:
        """For each image its own population of pixels: row, column and channels, all in [0, 1]."""
        count, channels = images.shape[:2]
        genes = images.new_empty(count, self.population, self.pixels, 2 + channels).uniform_()
        genes[..., 2:].round_()  # black and white
        return genes

    def _asked(self, box: BlackBox, images: Tensor, which: Tensor, genes: Tensor) -> Tensor:
        """Painted and asked a few images at a time: all candidates of all may be too many."""
        few = max(1, BATCH // self.population)
        parts = zip(which.split(few), genes.split(few), strict=True)
        return torch.cat([box.margins(part, _painted(images[part], own)) for part, own in parts])


def _bred(genes: Tensor, margins: Tensor) -> Tensor:
    """Each one crossed with the fittest moved by the difference of two others.

    What would leave [0, 1] ends on its edge: black and white are what a model minds most.
    """
    population, device = genes.shape[1], genes.device
    one = torch.randint(1, population, margins.shape, device=device)
    two = torch.randint(1, population - 1, margins.shape, device=device)
    two += two >= one  # three different: oneself, one, two
    image = torch.arange(len(genes), device=device)[:, None]
    oneself = torch.arange(population, device=device)
    difference = genes[image, (oneself + one) % population]
    difference = difference - genes[image, (oneself + two) % population]
    scale = 0.5 + 0.5 * torch.rand_like(margins)[:, :, None, None]
    moved = (_fittest(genes, margins) + scale * difference).clamp(0, 1)
    return torch.where(torch.rand_like(genes) < CROSSED, moved, genes)


def _fittest(genes: Tensor, margins: Tensor) -> Tensor:
    return genes.take_along_dim(margins.argmin(1)[:, None, None, None], 1)


def _painted(images: Tensor, genes: Tensor) -> Tensor:
    """Each image with each candidate's pixels: (images, candidates, channels, height, width)."""
    height, width = images.shape[-2:]
    places = genes[..., :2] * genes.new_tensor([height, width])
    rows, columns = places.long().unbind(3)
    rows, columns = rows.clamp_max(height - 1), columns.clamp_max(width - 1)
    painted = images[:, None].repeat(1, genes.shape[1], 1, 1, 1)
    image = torch.arange(len(genes), device=genes.device)[:, None]
    candidate = torch.arange(genes.shape[1], device=genes.device)
    for pixel in range(genes.shape[2]):  # one after the other: the last one wins everywhere
        place = image, candidate, slice(None), rows[..., pixel], columns[..., pixel]
        painted[place] = genes[:, :, pixel, 2:]
    return painted
