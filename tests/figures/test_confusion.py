"""Confusion matrices count images, and do not shout where there are few."""

from dataclasses import replace

import numpy as np
import pytest
from figure_samples import ANSWERS, SUITE, check_drawn
from small import NAMES

from utils import figures
from utils.evaluation.conditions import CLEAN as CLEAN_IMAGES
from utils.evaluation.predictions import Predictions
from utils.figures.confusion import ACROSS, FEWEST_IMAGES

BOTH = {"clean": ANSWERS[CLEAN_IMAGES], "noise": None, "attacked": ANSWERS[SUITE.strongest]}
MODELS = {("resnet", "standard"): BOTH, ("resnet", "fast"): BOTH, ("gru_rows", "standard"): BOTH}
FIGURES = {
    "conditions": lambda: figures.confusions(ANSWERS),
    "models": lambda: figures.confusions_by_model(MODELS),
    "no model": lambda: figures.confusions_by_model({}),
}


@pytest.mark.parametrize("name", FIGURES)
def test_is_drawn(name):
    check_drawn(FIGURES[name]())


def test_class_names_come_from_the_data_in_their_order():
    figure = figures.confusions({"pgd": ANSWERS[CLEAN_IMAGES], "clean": ANSWERS[CLEAN_IMAGES]})
    axis = figure.axes[0]
    assert tuple(label.get_text() for label in axis.get_xticklabels()) == NAMES
    rows = tuple(label.get_text() for label in axis.get_yticklabels())
    assert rows == tuple(f"{name} (10)" for name in NAMES)
    assert not figure.axes[1].get_yticklabels()


def test_the_numbers_are_the_counts_and_their_share_of_the_true_class():
    shown = [text.get_text().split("\n") for text in FIGURES["conditions"]().axes[0].texts]
    counts = ANSWERS[CLEAN_IMAGES].confusion
    assert [int(count) for count, _ in shown] == counts.flatten().tolist()
    shares = 100 * counts / counts.sum(1, keepdims=True)
    assert [share for _, share in shown] == [f"{share:.0f} %" for share in shares.flatten()]


SMALL = ANSWERS[CLEAN_IMAGES].take(np.r_[np.flatnonzero(ANSWERS[CLEAN_IMAGES].labels), 0])
BY_MODEL = {("resnet", "standard"): {"clean": SMALL}}


@pytest.mark.parametrize(
    ("figure", "text"),
    [
        (figures.confusions({"clean": SMALL}), "1\n"),
        (figures.confusions_by_model(BY_MODEL, ("clean",)), "1"),
    ],
    ids=["large", "small"],
)
def test_a_class_of_few_images_is_hatched_and_not_coloured(figure, text):
    axis = figure.axes[0]
    hatched = [patch for patch in axis.patches if patch.get_hatch()]
    assert [patch.get_y() for patch in hatched] == [0] and FEWEST_IMAGES == 10
    colours = axis.collections[0].get_array().reshape(3, 3)
    assert not colours[0].any() and colours[1:].sum() > 0
    assert axis.texts[0].get_text().startswith(text)


def test_many_classes_show_counts_alone():
    names = tuple("abcdefg")
    many = Predictions(np.arange(7), np.eye(7), np.arange(7), names)
    texts = [text.get_text() for text in figures.confusions({"x": many}).axes[0].texts]
    assert set(texts) == {"0", "1"}


def test_more_conditions_than_fit_go_on_below():
    axes = figures.confusions(ANSWERS).axes
    assert len(ANSWERS) > ACROSS == 4 and len(axes) % ACROSS == 0
    assert sum(axis.axison for axis in axes) == len(ANSWERS)


def test_titles_say_the_accuracy():
    found = replace(ANSWERS[CLEAN_IMAGES])
    assert figures.confusions({"a_b": found}).axes[0].get_title() == "a b: 100 %"


def test_each_network_has_a_line_with_its_trainings_clean_and_attacked():
    axes = [axis for axis in FIGURES["models"]().axes if axis.axison]
    titles = [axis.get_title() for axis in axes]
    one, two = (["standard\nclean", "standard\nattacked"], ["fast\nclean", "fast\nattacked"])
    assert titles == [*one, *two, *one]
    assert [axis.get_ylabel() for axis in axes if axis.get_ylabel()] == ["resnet", "gru rows"]
    counts = ANSWERS[SUITE.strongest].confusion.flatten().astype(int).tolist()
    assert [int(text.get_text()) for text in axes[3].texts] == counts
    assert [label.get_text() for label in axes[0].get_yticklabels()] == list(NAMES)


def test_a_small_matrix_is_coloured_by_the_share_of_its_row():
    shown = FIGURES["models"]().axes[1].collections[0].get_array().reshape(3, 3)
    counts = ANSWERS[SUITE.strongest].confusion
    np.testing.assert_allclose(shown, 100 * counts / counts.sum(1, keepdims=True))
