"""Images that show something else entirely: what a classifier should refuse to answer."""

import numpy as np
import torch
from sklearn.datasets import load_sample_images
from torch import Tensor
from torchvision.transforms.v2.functional import resize, rgb_to_grayscale

from utils.splits import Split

SIDE = 200  # pixels of the pieces that are cut from a photograph


def photographs(like: Split, count: int = 40, seed: int = 0) -> Split:
    """Pieces of the photographs that scikit-learn ships, as large and grey as `like`.

    Their labels mean nothing; all are the first class.
    """
    rng, pictures = np.random.default_rng(seed), load_sample_images().images
    pieces = [_piece(pictures[number % len(pictures)], rng) for number in range(count)]
    images = resize(torch.stack(pieces), list(like.images.shape[2:]), antialias=True)
    if like.images.shape[1] == 1:
        images = rgb_to_grayscale(images)
    return Split(images, torch.zeros(count, dtype=torch.long), like.class_names)


def _piece(picture: np.ndarray, rng: np.random.Generator) -> Tensor:
    top, left = (rng.integers(length - SIDE) for length in picture.shape[:2])
    piece = picture[top : top + SIDE, left : left + SIDE].transpose(2, 0, 1)
    return torch.from_numpy(np.ascontiguousarray(piece))
