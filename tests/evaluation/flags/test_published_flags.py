"""Predictions that do not belong to this model, this attack or these images raise their flag."""

import numpy as np
import pytest
import torch
from planted import EPSILON, SPLIT, SUITE, evaluated, fitted, reason, red, sound
from small import small_network, small_split, trained_network

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


def test_an_attack_on_an_undefended_twin_is_not_the_one_on_the_model():
    model, split = sound("adversarially trained")
    table = evaluated(PGD(EPSILON), model, instead(PGD(EPSILON)), split=split)
    assert ATTACK in red(table)


@pytest.mark.parametrize("seed", range(5))
def test_another_random_start_is_the_same_attack(seed):
    again = {SUITE.condition(): predict(trained_network(), SPLIT, SUITE.attack, seed=seed)}
    assert red(evaluated(SUITE.attack, published=again)) == set()


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


def half_right() -> tuple[torch.nn.Module, Predictions]:
    """A network with errors, and its predictions for the whole test set."""
    network = fitted(small_network(), small_split(60, seed=90), steps=3)
    return network, predict(network, small_split(120, seed=5))


def test_images_chosen_because_they_were_right_are_noticed():
    network, whole = half_right()
    test, suite = small_split(120, seed=5), AttackSuite(PGD(EPSILON, 3), restarts=0)
    assert 0.3 < whole.accuracy < 0.9
    right = test.take(np.flatnonzero(whole.right))
    found = suite.predict(network, right)
    assert ONLY_RIGHT in red(check_attack(network, right, suite, found, whole=whole))
    alone = check_attack(network, right, suite, found)
    assert reason(alone, ONLY_RIGHT).startswith(NOT_RESOLVED)
    fair = test.balanced(48)
    table = check_attack(network, fair, suite, suite.predict(network, fair), whole=whole)
    assert ONLY_RIGHT not in red(table)


def test_a_network_that_errs_nowhere_is_not_chosen_for():
    model = trained_network()
    whole = predict(model, SPLIT)
    assert whole.accuracy == 1
    table = check_attack(model, SPLIT, SUITE, SUITE.predict(model, SPLIT), whole=whole)
    assert reason(table, ONLY_RIGHT) == ""


def test_every_flag_of_publishing_has_its_mistake():
    assert {flag for flag, _ in MISTAKES.values()} | {ONLY_RIGHT} == set(PUBLISHED_FLAGS)
