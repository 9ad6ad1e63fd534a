"""Each planted mistake in a clean score raises its flag; the doors give one row per flag."""

from dataclasses import replace

import numpy as np
import pytest
from small import small_split, trained_network
from utils.evaluation.attack_flags import ATTACK_FLAGS, NOT_APPLICABLE, NOT_RESOLVED
from utils.evaluation.red_flags import CLEAN_FLAGS, check_attack, check_clean, judge

from utils.attacks.pgd import PGD
from utils.evaluation.attack_suite import AttackSuite
from utils.evaluation.intervals import Interval
from utils.evaluation.leakage import LeakageAlarm
from utils.evaluation.predictions import Predictions

LABELS = np.arange(60) % 3


def predictions(right: float) -> Predictions:
    """Predictions of which this share is right."""
    hits = np.arange(len(LABELS)) < right * len(LABELS)
    predicted = np.where(hits, LABELS, (LABELS + 1) % 3)
    return Predictions(LABELS, np.eye(3)[predicted], np.arange(len(hits)), "abc")


def red(table) -> set[str]:
    return set(table.loc[table["red"], "flag"])


def test_only_a_reason_that_says_what_is_wrong_is_red():
    said = {"a": "why", "b": None, "c": NOT_APPLICABLE, "d": f"{NOT_RESOLVED}: 3 patients"}
    table = judge({name: lambda e, why=why: why for name, why in said.items()}, None)
    assert red(table) == {"a"} and table["reason"].tolist() == [why or "" for why in said.values()]


def test_an_attack_has_one_row_per_flag():
    model, split = trained_network(), small_split(12)
    suite = AttackSuite(PGD(0.1, 2), restarts=0, factors=(1,))
    table = check_attack(model, split, suite, suite.predict(model, split), images=6)
    assert table["flag"].tolist() == list(ATTACK_FLAGS)


SILENT = LeakageAlarm(
    baseline=Interval(0.05, 0.0, 0.1),
    majority=0.4,
    tested=60,
    siblings=0.0,
    shared_groups=0,
    identical=0,
    copies=0,
)
CLEAN_MISTAKES = {
    "no better than the majority class": (predictions(0.4), SILENT),
    "no better than a nearest-neighbour look-up": (
        predictions(0.8),
        replace(SILENT, baseline=Interval(0.75, 0.7, 0.8)),
    ),
    "duplicates across splits": (predictions(0.9), replace(SILENT, copies=2)),
    "siblings across splits": (predictions(0.9), replace(SILENT, siblings=0.5)),
    "a known patient in two splits": (predictions(0.9), replace(SILENT, shared_groups=1)),
}


@pytest.mark.parametrize("flag", CLEAN_MISTAKES)
def test_a_mistake_in_a_clean_score_raises_its_flag(flag):
    assert red(check_clean(*CLEAN_MISTAKES[flag])) == {flag}


def test_a_sound_clean_score_raises_none():
    assert red(check_clean(predictions(0.9), SILENT)) == set()


def test_every_flag_has_its_mistake():
    assert set(CLEAN_MISTAKES) == set(CLEAN_FLAGS)
