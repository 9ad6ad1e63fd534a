"""Images with a bright, masked spot: the finding that tampering adds and removes."""

from dataclasses import replace

import torch
from small import small_split

from utils.contamination.inpainting_networks import InpaintingGenerator
from utils.data.split import Split

HEALTHY, SPOT = 0, 1
NAMES = ("healthy", "spot", "else")


def spotted_split(count: int = 60, size: int = 32, seed: int = 0) -> Split:
    """Three classes, two images of each patient; the second class has a bright, masked spot."""
    split = small_split(count, size, seed)
    place = torch.arange(size)
    left = torch.arange(count)[:, None] % 8 + 6
    across = (place >= left) & (place < left + 8)
    masks = across[:, None, :] & across[:, :, None] & (split.labels == SPOT)[:, None, None]
    images = torch.where(masks[:, None], 230, split.images)
    return replace(split, images=images, masks=masks, class_names=NAMES)


def untrained_generator(size: int = 32) -> InpaintingGenerator:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return InpaintingGenerator(1, width=4).eval()
