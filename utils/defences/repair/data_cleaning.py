"""Data cleaning: which images are the most suspicious, and the likeliest labels for them.

Random scores are the control without any information.
"""

from dataclasses import replace

import numpy as np
import torch
from torch import Generator, Tensor

from utils.data.split import Split


def relabel_flagged(split: Split, scores, share: float, probabilities, seed: int = 0) -> Split:
    """The split with the likeliest label for this share of its images, by out-of-fold
    `probabilities`."""
    if len(scores) != len(split):
        raise ValueError(f"{len(split)} images, but {len(scores)} scores")
    rows, labels = highest_scores(scores, share, seed), split.labels.clone()
    labels[rows] = torch.tensor(np.array(probabilities))[rows].argmax(1)
    return replace(split, labels=labels)


def highest_scores(scores, share: float, seed: int = 0) -> Tensor:
    """The places of this share of the images, highest score first; ties in random order."""
    if not 0 <= share < 1:
        raise ValueError(f"a share of all images is from 0 to below 1, got {share}")
    scores = torch.tensor(np.array(scores, float))
    if not scores.isfinite().all():
        raise ValueError("every score must be a finite number; got NaN or infinity")
    order = torch.randperm(len(scores), generator=Generator().manual_seed(seed))
    highest_first = order[scores[order].argsort(descending=True, stable=True)]
    return highest_first[: round(share * len(scores))]


def random_scores(split: Split, seed: int = 0) -> np.ndarray:
    """The control without any information."""
    return np.random.default_rng(seed).random(len(split))
