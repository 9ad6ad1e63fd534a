"""Which labels are wrong, and how many: confident learning (Northcutt 2021)."""

import numpy as np

from utils.evaluation.intervals import Interval, around, resamples

ROUNDING = 1e-6  # a probability this far below its limit still reaches it


def label_error_scores(labels, probabilities) -> np.ndarray:
    """For each image how suspicious its label is, from 0 to 1, by out-of-fold `probabilities`.

    High where another label is more likely than the given one. Each probability is measured by its
    mean over the images with that label, so that a class on which the networks are less sure is
    not suspicious as a whole.
    """
    return scores_by_label(labels, probabilities)[np.arange(len(labels)), labels]


def scores_by_label(labels, probabilities) -> np.ndarray:
    """How suspicious each label would be, a column for each, if the image had it (Northcutt 2021).

    The probabilities do not depend on the label of the image itself, as they are out of fold.
    """
    labels, probabilities = np.asarray(labels), np.asarray(probabilities)
    own = labels[:, None] == np.arange(probabilities.shape[1])
    if own.any(0).all():  # a class without images has no mean
        usual = (probabilities * own).sum(0) / own.sum(0)
        probabilities = probabilities - usual + usual.max()
        probabilities = probabilities / probabilities.sum(1, keepdims=True)
    second, first = np.sort(probabilities, 1)[:, -2:].T[:, :, None]
    highest_other = np.where(probabilities < first, first, second)
    return 0.5 + (highest_other - probabilities) / 2


def wrong_label_share(labels, probabilities, groups=None, seed: int = 0) -> Interval:
    """The share of wrong labels: what lies off the diagonal of the confident joint.

    The joint counts the images by given label (row) and true one (column). An image counts for a
    class where out-of-fold `probabilities` reach the mean over the images with that label; for the
    likeliest class, where they reach it for several. Rows are then scaled to the labels that were
    given, so that the images of which no class is sure count as well.

    The interval is over patients. It knows nothing of a network that is unsure for another reason:
    where errors of the network look like errors of the labels, the estimate is too high.
    """
    groups = np.arange(len(labels)) if groups is None else np.asarray(groups)
    tables, given = _by_group(labels, probabilities, groups)
    weights = np.vstack([np.ones(len(tables), int), resamples(len(tables), seed)])
    joints = _scaled(np.tensordot(weights, tables, 1), weights @ given)
    shares = 1 - np.trace(joints, axis1=1, axis2=2) / joints.sum((1, 2))
    return around(shares[0], shares[1:])


def _by_group(labels, probabilities, groups) -> tuple[np.ndarray, np.ndarray]:
    """For each patient the confident images by given and true label, and all by given label."""
    labels, probabilities = np.asarray(labels), np.asarray(probabilities, float)
    classes = probabilities.shape[1]
    own = labels[:, None] == np.arange(classes)
    counts = own.sum(0)
    means = (probabilities * own).sum(0) / counts.clip(1)
    sure = (probabilities >= means - ROUNDING) & (counts > 0)
    true = np.where(sure, probabilities, -1).argmax(1)
    names, member = np.unique(groups, return_inverse=True)
    tables, given = np.zeros((len(names), classes, classes)), np.zeros((len(names), classes))
    np.add.at(tables, (member, labels, true), sure.any(1))
    np.add.at(given, (member, labels), 1)
    return tables, given


def _scaled(tables: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Rows with as many images as there are labels; at least one of each class is right."""
    diagonal = np.eye(tables.shape[-1], dtype=bool)
    tables = np.where(diagonal, tables.clip(1), tables)
    return tables / tables.sum(-1, keepdims=True) * given[..., None]
