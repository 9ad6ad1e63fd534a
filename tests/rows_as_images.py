"""Images that are rows of numbers, for heads on features; and a trigger in them."""

import numpy as np
import torch

from utils.data.split import Split

WIDTH = 60  # many dimensions: a head can learn wrong labels by heart
PATIENTS = 300


def split_of(count: int, seed: int, spread: float = 20) -> Split:
    """Three classes; an image holds the numbers that its features will be made of."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    rows = rng.normal(128, spread, size=(count, WIDTH)) + 50 * np.eye(3, WIDTH)[labels]
    images = torch.from_numpy(rows.clip(0, 255).astype(np.uint8)).view(count, 1, 6, 10)
    patients = torch.arange(count) // max(1, count // PATIENTS)
    return Split(images, torch.from_numpy(labels), ("a", "b", "c"), patients)


def features(split: Split) -> np.ndarray:
    return split.images.flatten(1).float().numpy() / 20


def mark(pixels):
    """A trigger that is a few bright features."""
    marked = pixels.clone()
    marked[:, :, -1, -3:] = 1
    return marked
