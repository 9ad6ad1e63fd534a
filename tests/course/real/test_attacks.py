"""Attacks on a study: what stronger attackers leave is less."""

from dataclasses import replace

import numpy as np
import pytest

from utils.course.real.attacks import (
    attacked,
    ensemble,
    hardened_gain,
    other_attackers,
    suite,
    worst_cases,
)


@pytest.fixture(scope="module")
def found(study):
    return attacked(study, "standard")


def test_every_condition_has_a_score_over_all_trainings(found):
    names = set(found["scores"])
    assert {f"{kind} {size}" for kind in ("pgd", "worst case") for size in (1, 2, 4)} <= names
    assert {row["trainings"] for row in found["scores"].values()} == {2}
    assert found["images"] == {"PGD": 12, "worst case": 6}


def test_larger_changes_leave_no_more(found):
    for kind in ("pgd", "worst case"):
        left = [found["scores"][f"{kind} {size}"]["value"] for size in (1, 2, 4)]
        assert left == sorted(left, reverse=True) and left[-1] < found["scores"]["clean"]["value"]


def test_the_worst_case_counts_what_a_small_single_step_has_turned(study):
    model, step = study.standard[0], suite().condition("fgsm", min(suite().sizes))
    found = suite().predict(model, study.few)
    wrong = 1 - np.eye(found[step].classes)[found[step].labels]
    found[step] = replace(found[step], probabilities=wrong / wrong.sum(1, keepdims=True))
    left = worst_cases([model], study, [found])
    assert [each.accuracy for each in left.values()] == [0, 0, 0]


def test_differences_are_those_of_the_scores(found):
    score = {name: row["value"] for name, row in found["scores"].items()}
    gap = found["differences"]["clean minus PGD"]["value"]
    assert gap == pytest.approx(score["clean"] - score["pgd 4"])


def test_the_gain_compares_both_kinds_of_networks(study):
    found = hardened_gain(study)
    clean = [found["scores"][f"{name}, clean, all test images"]["value"]
             for name in ("hardened", "before")]  # fmt: skip
    gap = found["differences"]["hardened minus before, clean"]["value"]
    assert gap == pytest.approx(clean[0] - clean[1])


def test_a_vote_attacked_as_one_model_is_no_stronger_than_through_a_member(study):
    found = ensemble(study)["differences"]
    assert found["through one minus as one"]["value"] >= 0


def test_who_knows_more_leaves_no_more(study):
    found = other_attackers(study)["differences"]
    assert found["stood still minus PGD"]["value"] >= 0
    assert found["rounding minus known"]["value"] >= 0
