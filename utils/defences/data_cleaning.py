"""Data cleaning: the most suspicious images are dropped or relabelled.

Random and oracle scores are the two controls: a useful detector lies between them.
"""

from dataclasses import replace

import numpy as np
import torch
from torch import Generator, Tensor

from utils.contamination.base import KINDS, kinds_of
from utils.data.split import Split


def drop_flagged(split: Split, scores, share: float, seed: int = 0) -> Split:
    """The split without this share of its images, those with the highest scores."""
    kept = torch.ones(len(split), dtype=torch.bool)
    kept[_most_suspicious(split, scores, share, seed)] = False
    return split.take(torch.nonzero(kept)[:, 0])


def relabel_flagged(split: Split, scores, share: float, probabilities, seed: int = 0) -> Split:
    """The split with the likeliest label for this share of its images, by out-of-fold
    `probabilities`."""
    rows, labels = _most_suspicious(split, scores, share, seed), split.labels.clone()
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


def oracle_scores(split: Split, kind: str) -> np.ndarray:
    """The control with the ground truth about one of KINDS."""
    return (kinds_of(split) == KINDS.index(kind)).numpy().astype(float)


def _most_suspicious(split: Split, scores, share: float, seed: int) -> Tensor:
    if len(scores) != len(split):
        raise ValueError(f"{len(split)} images, but {len(scores)} scores")
    return highest_scores(scores, share, seed)
