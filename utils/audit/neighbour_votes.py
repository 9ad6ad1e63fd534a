"""Votes of the most similar images of other patients, where no linear head can tell the classes."""

from dataclasses import dataclass

import numpy as np

from utils.audit.folder import ImageFolder
from utils.evaluation.metrics import balanced_accuracy

NEIGHBOURS = 10  # nearest images of other patients
SHUFFLES = 20


@dataclass(frozen=True)
class NeighbourVote:
    """How well neighbours of other patients predict the labels, and each image's votes.

    `shuffled` are the balanced accuracies after labels were permuted between patients.
    """

    accuracy: float
    shuffled: tuple[float, ...]
    own: np.ndarray  # share of the votes for the label of each image
    predicted: np.ndarray  # class

    @property
    def is_informative(self) -> bool:
        return self.accuracy > max(self.shuffled)


def neighbour_vote(folder: ImageFolder) -> NeighbourVote:
    labels, neighbours = folder.labels, _neighbours(folder)
    rng = np.random.default_rng(0)
    shuffles = (_shuffle_between_patients(labels, folder.groups, rng) for _ in range(SHUFFLES))
    shares = _vote_shares(labels, neighbours)
    return NeighbourVote(
        _balanced_accuracy(labels, neighbours),
        tuple(_balanced_accuracy(shuffled, neighbours) for shuffled in shuffles),
        shares[np.arange(len(labels)), labels],
        shares.argmax(1),
    )


def vote_in_words(vote: NeighbourVote, folder: ImageFolder) -> str:
    return (
        f"The {NEIGHBOURS} most similar images of other groups predict the class with a balanced "
        f"accuracy of {vote.accuracy:.0%}; with labels permuted between groups "
        f"{np.mean(vote.shuffled):.0%} (at most {max(vote.shuffled):.0%} in {SHUFFLES} tries). "
        f"Groups are {folder.group_description}."
    )


def _shuffle_between_patients(
    labels: np.ndarray, groups: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """The labels of each patient, kept together, on the images of other patients."""
    order = np.argsort(groups, kind="stable")
    by_patient = np.split(labels[order], np.flatnonzero(np.diff(groups[order])) + 1)
    shuffled = np.empty_like(labels)
    shuffled[order] = np.concatenate([by_patient[n] for n in rng.permutation(len(by_patient))])
    return shuffled


def _neighbours(folder: ImageFolder) -> np.ndarray:
    """For each image the most similar images of other groups; -1 if there are fewer."""
    groups, links = folder.groups, folder.links
    across = groups[links.neighbours] != groups[:, None]
    ratios = np.where(across & np.isfinite(links.ratios), links.ratios, np.inf)
    order = np.argsort(ratios, axis=1, kind="stable")[:, :NEIGHBOURS]
    chosen = np.take_along_axis(links.neighbours, order, 1)
    return np.where(np.isfinite(np.take_along_axis(ratios, order, 1)), chosen, -1)


def _vote_shares(labels: np.ndarray, neighbours: np.ndarray) -> np.ndarray:
    """The share of the votes for each class, weighted by how rare the class is."""
    counts = np.bincount(labels)
    votes = labels[neighbours][:, :, None] == np.arange(len(counts))
    weighted = (votes & (neighbours >= 0)[:, :, None]).sum(1) / np.maximum(counts, 1)
    return weighted / np.maximum(weighted.sum(1, keepdims=True), 1e-12)


def _balanced_accuracy(labels: np.ndarray, neighbours: np.ndarray) -> float:
    shares = _vote_shares(labels, neighbours)
    classes = shares.shape[1]
    pairs = np.bincount(classes * labels + shares.argmax(1), minlength=classes**2)
    return float(balanced_accuracy(pairs.reshape(classes, classes)))
