"""A change of any size stays within it, and its picture says what the model predicts."""

from dataclasses import replace

import pytest
import torch
from figure_samples import check_drawn, words
from small import small_split, trained_network

from utils.course.playground.attack_size import AttackSize
from utils.evaluation.inference import predict


@pytest.fixture(scope="module")
def explored():
    return AttackSize.of(trained_network(), small_split(), each=1)


def test_starts_from_images_that_are_classified_correctly(explored):
    assert explored.images.counts.tolist() == [1, 1, 1]
    assert predict(explored.model, explored.images).right.all()


def test_a_model_that_is_never_right_is_refused():
    always_wrong = replace(small_split(), labels=(small_split().labels + 1) % 3)
    with pytest.raises(ValueError, match="train it longer"):
        AttackSize.of(trained_network(), always_wrong)


@pytest.mark.parametrize("epsilon", [0, 1, 4, 16])
def test_changes_no_pixel_by_more_than_epsilon(explored, epsilon):
    found = explored.attacked(epsilon, 2)
    clean = found.pop("clean").images.int()
    assert torch.equal(clean, explored.images.images[[1]].int())
    for split in found.values():
        assert (split.images.int() - clean).abs().max() == epsilon


def test_the_attack_takes_all_its_steps(explored):
    """Stopped at its first success, it would leave little but its random start."""
    found = explored.attacked(64, 1)
    label = found["clean"].labels[0]
    shares = {n: predict(explored.model, s).probabilities[0][label] for n, s in found.items()}
    assert shares["attacked"] < 0.1 < shares["noise"]


@pytest.mark.parametrize("epsilon", [0, 1, 16])
def test_the_picture_follows_epsilon(explored, epsilon):
    figure = explored.figure(epsilon, 1)
    check_drawn(figure)
    shown = next(text for text in words(figure) if text.startswith("change"))
    assert shown.startswith(f"change, ±{epsilon} ")
