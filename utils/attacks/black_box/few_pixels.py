"""An attack on a few pixels, found by queries."""

from dataclasses import dataclass

import torch
from torch import Tensor

from utils.attacks.black_box.queries import BATCH, BlackBox, QueryAttack

CROSSOVER = 0.7  # of the genes change in a generation, so that a good pixel may stay


@dataclass(frozen=True)
class FewPixels(QueryAttack):
    """Differential evolution of where to paint a few pixels, and how bright (Su 2019).

    Makes up to (generations + 1) * population queries about an image.
    """

    pixels: int = 1
    population: int = 50
    generations: int = 20
    target: int | None = None  # a class to reach, instead of one to leave

    def __post_init__(self):
        if self.pixels < 1 or self.population < 4 or self.generations < 0:
            needs = "pixels >= 1, population >= 4, generations >= 0"
            raise ValueError(f"needs {needs}, got {self!r}")

    def search(self, box: BlackBox, images: Tensor) -> Tensor:
        genes = self._first(images)
        margins = torch.full_like(genes[:, :, 0, 0], torch.inf)
        for generation in range(self.generations + 1):
            rows = box.surviving
            if not len(rows):
                break
            trials = genes[rows]
            if generation:
                trials = _next_generation(trials, margins[rows])
            found = self._margins(box, images, rows, trials)
            better = (found < margins[rows])[:, :, None, None]
            genes[rows] = torch.where(better, trials, genes[rows])
            margins[rows] = torch.minimum(found, margins[rows])
        return _paint(images, _fittest(genes, margins))[:, 0]

    def _first(self, images: Tensor) -> Tensor:
        """For each image its own population of pixels: row, column and channels, all in [0, 1]."""
        count, channels = images.shape[:2]
        genes = images.new_empty(count, self.population, self.pixels, 2 + channels).uniform_()
        genes[..., 2:].round_()  # black and white
        return genes

    def _margins(self, box: BlackBox, images: Tensor, rows: Tensor, genes: Tensor) -> Tensor:
        """A few images at a time: all candidates of all images may not fit the memory."""
        few = max(1, BATCH // self.population)
        parts = zip(rows.split(few), genes.split(few), strict=True)
        return torch.cat([box.margins(part, _paint(images[part], own)) for part, own in parts])


def _next_generation(genes: Tensor, margins: Tensor) -> Tensor:
    """Each candidate crossed with the fittest, moved by the difference of two others.

    Values outside [0, 1] are clipped: black and white pixels change an output most.
    """
    population, device = genes.shape[1], genes.device
    one = torch.randint(1, population, margins.shape, device=device)
    two = torch.randint(1, population - 1, margins.shape, device=device)
    two += two >= one  # three different ones: itself, one, two
    image = torch.arange(len(genes), device=device)[:, None]
    itself = torch.arange(population, device=device)
    difference = genes[image, (itself + one) % population]
    difference = difference - genes[image, (itself + two) % population]
    scale = 0.5 + 0.5 * torch.rand_like(margins)[:, :, None, None]
    moved = (_fittest(genes, margins) + scale * difference).clamp(0, 1)
    return torch.where(torch.rand_like(genes) < CROSSOVER, moved, genes)


def _fittest(genes: Tensor, margins: Tensor) -> Tensor:
    return genes.take_along_dim(margins.argmin(1)[:, None, None, None], 1)


def _paint(images: Tensor, genes: Tensor) -> Tensor:
    """Each image with each candidate's pixels: (images, candidates, channels, height, width)."""
    height, width = images.shape[-2:]
    places = genes[..., :2] * genes.new_tensor([height, width])
    rows, columns = places.long().unbind(3)
    rows, columns = rows.clamp_max(height - 1), columns.clamp_max(width - 1)
    candidates = images[:, None].repeat(1, genes.shape[1], 1, 1, 1)
    image = torch.arange(len(genes), device=genes.device)[:, None]
    candidate = torch.arange(genes.shape[1], device=genes.device)
    for pixel in range(genes.shape[2]):  # one after the other: the last one wins everywhere
        place = image, candidate, slice(None), rows[..., pixel], columns[..., pixel]
        candidates[place] = genes[:, :, pixel, 2:]
    return candidates
