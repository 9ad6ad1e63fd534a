"""Small sound networks of four kinds, and drawn images with nothing wrong about them."""

from dataclasses import replace
from functools import partial

import torch
import torch.nn.functional as F
from planted import fitted
from small import small_network, small_split
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from utils.backbones.row_reader import RowReader
from utils.data.split import Split, to_float
from utils.examine.sections.shortcuts import BORDER

EPSILON = 16 / 255
SIZE = 28


class Reader(nn.Module):
    """The rows of a grey image one by one."""

    def __init__(self):
        super().__init__()
        self.rows, self.head = RowReader(SIZE, 16), nn.Linear(32, 3)

    def forward(self, images):
        return self.head(self.rows(images.expand(-1, 3, -1, -1)))


class Transformer(nn.Module):
    """Sixteen patches, two blocks; images are centred inside."""

    def __init__(self):
        super().__init__()
        self.blocks = VisionTransformer(SIZE, 7, 1, 3, embed_dim=32, depth=2, num_heads=2)

    def forward(self, images):
        return self.blocks((images - 0.45) / 0.2)


def trained(network, split: Split, steps: int = 60, rate: float = 0.01):
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(network(to_float(split.images)), split.labels).backward()
        optimizer.step()
    return network.eval()


SOUND = {  # the network by its seed, and how it is trained
    "convolutional": (small_network, trained),
    "transformer": (lambda _: Transformer(), partial(trained, rate=0.003)),
    "recurrent": (lambda _: Reader(), trained),
    "adversarially trained": (small_network, partial(fitted, epsilon=EPSILON / 2)),
}


def drawn(count: int, seed: int, doubt: float = 0.0) -> Split:
    """Three classes that differ inside; around them all are alike.

    This share of the images is in doubt: a blend of two classes, with the label of one of them as
    often as it has weight in the blend.
    """
    split, width = small_split(count, SIZE, seed), round(BORDER * SIZE)
    inner = (..., slice(width, -width), slice(width, -width))
    images = small_split(3 * count, SIZE, seed + 1).images[::3].clone()  # of one class
    pixels, labels = blended(split, doubt, seed)
    images[inner] = pixels[inner]
    return replace(split, images=images, labels=labels)


def blended(split: Split, doubt: float, seed: int) -> tuple[Tensor, Tensor]:
    draws = torch.Generator().manual_seed(seed)
    own = 1 - 0.5 * torch.rand(len(split), generator=draws)
    own[torch.rand(len(split), generator=draws) >= doubt] = 1
    weight, other = own[:, None, None, None], split.images.roll(1, 0)  # of another class
    pixels = weight * split.images + (1 - weight) * other
    kept = torch.rand(len(split), generator=draws) < own
    return pixels.to(torch.uint8), torch.where(kept, split.labels, split.labels.roll(1))


def sound_network(kind: str, known: Split, seed: int = 0) -> nn.Module:
    """A network of this kind that has learned from these images."""
    make, train = SOUND[kind]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return train(make(seed), known)
