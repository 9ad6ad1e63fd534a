"""Small answers and pictures that the tests of several figures share."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from small import small_split, trained_network

from utils.attacks.pgd import PGD
from utils.evaluation.attack_suite import AttackSuite
from utils.evaluation.conditions import CLEAN
from utils.evaluation.metrics import score_of

SPLIT = small_split(30)
SUITE = AttackSuite(PGD(0.1, steps=2))
ANSWERS = SUITE.predict(trained_network(), SPLIT)
PIXELS = SPLIT.images[:3] / 255
HEAT = np.random.default_rng(0).random((3, 16, 16)) * np.array([1, 1, 0])[:, None, None]
MASKS = torch.ones(3, 16, 16, dtype=torch.bool)
FEWER = {name: ANSWERS[name] for name in (CLEAN, SUITE.condition(size=0.05), SUITE.strongest)}
HISTORY = [
    {"epoch": e, "train_loss": 1 / (e + 1), "validation_loss": 1.1 / (e + 1), "score": 0.1 * e}
    | {"train_accuracy": 0.2 * e, "validation_accuracy": 0.15 * e}
    for e in range(4)
]
FOUND = np.array([0.9, 0.8, 0.2, 0.1]), np.array([True, False, True, False])


def words(figure) -> set[str]:
    """Every text in a figure."""
    return {text.get_text() for text in figure.findobj(plt.Text)}


def check_drawn(figure) -> None:
    """Laid out without an error, shown in a notebook, and unknown to pyplot."""
    data, _ = figure.mime_bundle()
    assert len(data) == 1 and next(iter(data)) in ("image/png", "image/svg+xml")
    assert not plt.get_fignums()


def check_balanced(draw) -> None:
    """A curve that `draw` makes shows balanced accuracy, beside the share of a constant answer."""
    rare = np.r_[np.flatnonzero(SPLIT.labels), 0]  # one image of the first class
    some = {name: found.take(rare) for name, found in ANSWERS.items()}
    curve = SUITE.curve(some, "pgd")
    axis = draw(curve).axes[0]
    (line,) = (each for each in axis.lines if each.get_label() == "constant answer")
    assert set(line.get_ydata()) == {1 / 3}
    scores = [score_of(curve[size], "balanced accuracy").value for size in sorted(curve)]
    assert list(axis.lines[0].get_ydata()) == pytest.approx(scores)
    assert scores != pytest.approx([curve[size].accuracy for size in sorted(curve)])
    assert axis.get_ylabel() == "balanced accuracy (%)"
