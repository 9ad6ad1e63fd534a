"""Repair of a split: what is most suspicious goes, or gets another label.

Chance and the oracle are suspicions like any other: what a repair is worth lies between them.
"""

from dataclasses import replace

import numpy as np
import torch
from torch import Generator, Tensor

from utils.contamination.base import KINDS, kinds_of
from utils.data.split import Split


def drop_suspects(split: Split, suspicion, share: float, seed: int = 0) -> Split:
    """The split without this share of it."""
    kept = torch.ones(len(split), dtype=torch.bool)
    kept[_worst(split, suspicion, share, seed)] = False
    return split.take(torch.nonzero(kept)[:, 0])


def relabel_suspects(split: Split, suspicion, share: float, probabilities, seed: int = 0) -> Split:
    """This share of the split with the likeliest label: `probabilities` of networks that had not
    learned from these images.
    """
    rows, labels = _worst(split, suspicion, share, seed), split.labels.clone()
    labels[rows] = torch.tensor(np.array(probabilities))[rows].argmax(1)
    return replace(split, labels=labels)


def highest_scores(suspicion, share: float, seed: int = 0) -> Tensor:
    """The places of this share of the images, worst first; between equals chance decides."""
    if not 0 <= share < 1:
        raise ValueError(f"a share of all images is from 0 to below 1, got {share}")
    suspicion = torch.tensor(np.array(suspicion, float))
    if not suspicion.isfinite().all():
        raise ValueError("a suspicion must be a finite number")
    order = torch.randperm(len(suspicion), generator=Generator().manual_seed(seed))
    worst_first = order[suspicion[order].argsort(descending=True, stable=True)]
    return worst_first[: round(share * len(suspicion))]


def _worst(split: Split, suspicion, share: float, seed: int) -> Tensor:
    if len(suspicion) != len(split):
        raise ValueError(f"{len(split)} images, but {len(suspicion)} suspicions")
    return highest_scores(suspicion, share, seed)


def random_scores(split: Split, seed: int = 0) -> np.ndarray:
    """The control that knows nothing."""
    return np.random.default_rng(seed).random(len(split))


def oracle_scores(split: Split, kind: str) -> np.ndarray:
    """The control that knows the truth about one of KINDS."""
    return (kinds_of(split) == KINDS.index(kind)).numpy().astype(float)
