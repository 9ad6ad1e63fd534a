"""Claims of the course on real sets."""

import pytest
from toy_study import ROW, result

from utils import HOME
from utils.course.claims import read_claims
from utils.course.real.tested_claims import FLAGGED, TESTS, UNTESTED, claim_of, judged_claims
from utils.evaluation.intervals import Interval


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(0.6, 0.8, "holds here too"), (0.1, 0.3, "does not"), (0.4, 0.6, "undecided")],
)
def test_the_whole_interval_decides(low, high, verdict):
    (found,) = judged_claims([ROW], result(low, high))
    assert (found.verdict, found.dataset, found.chapter) == (verdict, "chest_xray", "resnet_atk")
    assert found.result.interval == Interval((low + high) / 2, low, high)


def test_a_flagged_number_judges_nothing():
    (found,) = judged_claims([ROW], result(0.6, 0.8, flags=[{"flag": "odd", "reason": ""}]))
    assert found.verdict == FLAGGED


def test_what_a_claim_rests_on_must_be_free_of_flags_as_well():
    row = {**ROW, "chapter": "defences", "name": "Lasting defence"}
    number = result(0.6, 0.8)["chest_xray"]["steps"]["standard"]["differences"]["clean minus PGD"]
    for flags, verdict in (([], "holds here too"), ([{"flag": "odd", "reason": ""}], FLAGGED)):
        steps = {"other attackers": {"differences": {"hardened minus rounding": number}}}
        steps["hardened"] = {"flags": flags}
        assert judged_claims([row], {"a": {"steps": steps}})[0].verdict == verdict


def test_a_score_under_one_step_is_withheld_even_where_pgd_leaves_nothing():
    row = {**ROW, "chapter": "efficientnet_atk", "name": "One step", "margin": 0.05}
    for flags, verdict in (([], "holds here too"), ([{"flag": "masked"}], FLAGGED)):
        found = result(0.6, 0.8, flags)
        step = found["chest_xray"]["steps"]["standard"]
        step["scores"] = {"pgd 4": {"value": 0.0}}
        step["differences"]["one step minus PGD"] = step["differences"]["clean minus PGD"]
        one, other = judged_claims([row, ROW], found)
        assert (one.verdict, other.verdict) == (verdict, "holds here too")


def test_patients_who_all_agree_decide_only_beyond_their_bound():
    row = {**ROW, "margin": 0.1}
    for patients, verdict in ((20, "undecided"), (100, "does not")):
        found = result(0.0, 0.0)
        found["chest_xray"]["steps"]["standard"]["differences"]["clean minus PGD"] |= {
            "patients": patients
        }
        assert judged_claims([row], found)[0].verdict == verdict


def test_a_claim_about_a_method_needs_three_trainings():
    method = {**ROW, "about": "method"}
    verdicts = [judged_claims([method], result(0.6, 0.8, (), n))[0].verdict for n in (1, 3)]
    assert verdicts == ["undecided", "holds here too"]


def test_a_set_without_the_number_is_left_out():
    assert judged_claims([ROW], {"blood_cells": {"steps": {}}}) == []


def test_every_claim_of_the_course_is_tested_or_says_why_not():
    claims = {(row["chapter"], row["name"]) for row in read_claims(HOME)}
    assert set(TESTS) | set(UNTESTED) == claims and not set(TESTS) & set(UNTESTED)
    assert all(claim_of(row).name == row["name"] for row in read_claims(HOME))
