"""Predictions that do not belong to this model, this attack or these images raise their flag."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from planted import EPSILON, SPLIT, SUITE, evaluated, reason, red
from small import small_network, trained_network

from utils.attacks.pgd import PGD
from utils.evaluation.attack_suite import AttackSuite
from utils.evaluation.conditions import CLEAN
from utils.evaluation.flags.attack_flags import OTHER_IMAGES
from utils.evaluation.flags.judging import NOT_APPLICABLE, NOT_RESOLVED
from utils.evaluation.flags.published_flags import PUBLISHED_FLAGS, other_images
from utils.evaluation.flags.red_flags import check_attack
from utils.evaluation.inference import predict
from utils.evaluation.predictions import Predictions

MODEL = "published predictions of another model"
ATTACK = "published predictions of another attack"
ONLY_RIGHT = "only images that were right are attacked"


def instead(attack, model=None) -> dict:
    """The predictions under the attack of the suite, found by another one."""
    victim = model or trained_network()
    return {SUITE.condition(): predict(victim, SPLIT, attack)}


MISTAKES = {
    "PGD-2 printed as PGD-20": (ATTACK, lambda: instead(PGD(EPSILON, 2))),
    "half of epsilon": (ATTACK, lambda: instead(PGD(EPSILON / 2))),
    "more than epsilon": (ATTACK, lambda: instead(PGD(1.5 * EPSILON))),
    "another network": (MODEL, lambda: {CLEAN: predict(trained_network(1), SPLIT)}),
    "before the last epochs": (MODEL, lambda: {CLEAN: predict(small_network(), SPLIT)}),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_was_published_is_compared_with_a_second_run(mistake):
    flag, published = MISTAKES[mistake]
    assert flag in red(evaluated(PGD(EPSILON), published=published()))


def test_images_made_for_a_twin_are_not_those_of_the_model():
    model, twin = trained_network(), small_network(7)
    transferred = predict(model, SPLIT, SUITE.attack, seen_by_attacker=twin)
    assert ATTACK in red(evaluated(SUITE.attack, model, {SUITE.condition(): transferred}))


@pytest.mark.parametrize("seed", range(5))
def test_another_random_start_is_the_same_attack(seed):
    again = {SUITE.condition(): predict(trained_network(), SPLIT, SUITE.attack, seed=seed)}
    assert red(evaluated(SUITE.attack, published=again)) == set()


class LuckOfTheBatch(PGD):
    """Goes as far as one draw for the whole batch says, after the draws of the random start."""

    def __call__(self, model, images, labels):
        attacked = super().__call__(model, images, labels)
        return images + torch.rand(()) * (attacked - images)


def test_a_second_run_with_other_luck_is_no_other_attack():
    """All images of a batch share a draw, and a batch of another size gets another one."""
    attack = LuckOfTheBatch(EPSILON)
    found = AttackSuite(attack).predict(trained_network(), SPLIT)
    assert ATTACK not in red(check_attack(trained_network(), SPLIT, AttackSuite(attack), found, 24))


def test_few_patients_cannot_tell_one_attack_from_another():
    few = SPLIT.limit(12)
    assert reason(evaluated(SUITE.attack, split=few), ATTACK).startswith(NOT_RESOLVED)


def test_conditions_about_different_images_end_the_check():
    """The images that were wrong are left out under attack, and stay in the clean row."""
    model = trained_network()
    found = SUITE.predict(model, SPLIT)
    assert other_images(SPLIT, found) is None
    kept = {**found, SUITE.strongest: found[SUITE.strongest].take(slice(0, 50))}
    table = check_attack(model, SPLIT, SUITE, kept)
    assert red(table) == {OTHER_IMAGES} and "50 images of 60" in reason(table, OTHER_IMAGES)
    assert set(table["reason"]) == {NOT_APPLICABLE, reason(table, OTHER_IMAGES)}
    shuffled = found[CLEAN].take(np.arange(60)[::-1])
    assert "another order" in other_images(SPLIT, {CLEAN: shuffled})


def of_which(right: np.ndarray) -> Predictions:
    """Predictions for 120 images of three classes, of which these are right."""
    labels = np.arange(120) % 3
    return Predictions(labels, np.eye(3)[np.where(right, labels, (labels + 1) % 3)], labels, "abc")


WHOLE = of_which(np.arange(120) % 5 > 0)  # four in five, of each class
ALL_RIGHT = of_which(np.ones(120, bool))
CHOSEN = {  # what is attacked, of which test set, and how the reason begins
    "the right ones": (WHOLE.take(WHOLE.right), WHOLE, "all 96 were right, but 80.0%"),
    "the right ones of one class": (
        WHOLE.take(WHOLE.right & (WHOLE.labels == 0)),
        WHOLE,
        "all 32 were right, but 80.0%",
    ),
    "a few by chance": (WHOLE.take(slice(1, 5)), WHOLE, ""),
    "a fair part": (WHOLE.take(slice(0, 40)), WHOLE, ""),
    "of a test set without errors": (ALL_RIGHT.take(slice(0, 60)), ALL_RIGHT, ""),
    "of an unknown test set": (WHOLE.take(WHOLE.right), None, NOT_RESOLVED),
}


@pytest.mark.parametrize("what", CHOSEN)
def test_images_chosen_because_they_were_right_are_noticed(what):
    clean, whole, begins = CHOSEN[what]
    why = PUBLISHED_FLAGS[ONLY_RIGHT](SimpleNamespace(clean=clean, whole=whole)) or ""
    assert why.startswith(begins) and bool(why) == bool(begins)


def test_every_flag_of_publishing_has_its_mistake():
    assert {flag for flag, _ in MISTAKES.values()} | {ONLY_RIGHT} == set(PUBLISHED_FLAGS)
