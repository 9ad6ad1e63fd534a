"""Attackers side by side: what is counted, and whose questions."""

import numpy as np
import pytest
import torch
from small import small_split, trained_network

from utils.attacks.black_box.square import Square
from utils.attacks.pgd import PGD
from utils.attacks.random_noise import RandomSigns
from utils.data.split import to_float
from utils.evaluation.inference import attacked_images, predict
from utils.evaluation.threats import Threat, carry_out, reached, threat_table

MODEL, OTHER, SPLIT = trained_network(), trained_network(1), small_split(24, seed=7)
STEPS = 3


def outcome(attack, at_hand=None):
    return carry_out(Threat("all", "pixels", attack, at_hand), MODEL, SPLIT)


def test_the_predictions_and_images_are_those_of_the_attack_alone():
    attack = PGD(0.05, STEPS)
    found = outcome(attack)
    np.testing.assert_array_equal(
        found.predictions.probabilities, predict(MODEL, SPLIT, attack).probabilities
    )
    assert torch.equal(found.images, attacked_images(MODEL, SPLIT, attack))


def test_passes_are_counted_per_image():
    """Each step of PGD is one pass forward and one backward; noise needs none."""
    found = outcome(PGD(0.05, STEPS))
    assert found.questions == found.gradients == STEPS and found.seconds > 0
    assert found.needed is None
    noise = outcome(RandomSigns(0.05))
    assert noise.questions == noise.gradients == 0 and 0 < noise.similarity < 1


def test_an_attack_on_another_model_does_not_question_this_one():
    found = outcome(PGD(0.05, STEPS), at_hand=OTHER)
    assert found.questions == 0 and found.gradients == STEPS
    assert torch.equal(found.images, attacked_images(OTHER, SPLIT, PGD(0.05, STEPS)))


def test_questions_until_each_image_fell_are_kept():
    found = outcome(Square(0.1, 20))
    assert not found.gradients
    fell = np.isfinite(found.needed)
    assert (fell == ~found.predictions.right).all() and fell.any() and not fell.all()
    asked = np.where(fell, found.needed, 20).sum() + len(SPLIT)  # and the clean images, once
    assert found.questions == pytest.approx(asked / len(SPLIT))


def test_the_table_has_a_row_for_each_attacker():
    table = threat_table({"noise": outcome(RandomSigns(0.05)), "PGD": outcome(PGD(0.3, STEPS))})
    assert list(table.index) == ["noise", "PGD"]
    assert table.loc["PGD", "questions"] == str(STEPS)
    assert table.loc["PGD", "images"] == len(SPLIT)
    left = [float(text.split()[0]) for text in table["balanced accuracy left (%)"]]
    assert left[0] > left[1]


def test_a_target_is_reached_where_the_model_predicts_it():
    target = 1
    hits = reached(MODEL, SPLIT, PGD(0.3, 10, target=target), target)
    assert hits[SPLIT.labels == target].float().mean() > 0.8  # most are there already
    images = PGD(0.3, 10, random_start=False, target=target)(
        MODEL, to_float(SPLIT.images), SPLIT.labels
    )
    assert (hits == (MODEL(images).argmax(1) == target)).float().mean() > 0.8
