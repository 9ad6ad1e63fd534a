"""Pairs of trainings: pooled where all were tested."""

from small import random_predictions

from utils.course.network_chapters.pairs import pair_facts, pool_shared
from utils.evaluation.conditions import CLEAN, Condition

PGD = Condition("pgd", 4 / 255)
FIRST = {CLEAN: random_predictions(0), PGD: random_predictions(1)}


def test_only_conditions_that_all_trainings_met_are_pooled():
    again = [{CLEAN: random_predictions(2), PGD: random_predictions(3)}, {CLEAN: FIRST[CLEAN]}]
    found = pool_shared(FIRST, again)
    assert len(found[CLEAN].by_training) == 3 and found[PGD] is FIRST[PGD]
    assert pool_shared(FIRST, []) == FIRST


def test_facts_speak_of_one_pair():
    weak, strong, noise = (random_predictions(5, skill=s) for s in (0, 9, 6))
    assert pair_facts(weak, strong, noise).splitlines() == [
        "PGD takes more than noise: True",
        "adversarial training beats standard under PGD: True",
    ]
    assert "not shown" in pair_facts(weak, weak, noise)
    assert "more than noise: False" in pair_facts(strong, strong, weak)
