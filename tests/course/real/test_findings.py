"""What the real sets say, in README and in the guide to the records."""

from toy_study import ROW, result

from utils import HOME
from utils.course.real.findings import FINDINGS, SCORE, findings, summary
from utils.course.real.page import read_results

NUMBER = {"value": 0.5, "low": 0.4, "high": 0.6, "trainings": 3, "patients": 9}


def chest(flags=(), learned: bool = True) -> dict:
    found = result(0.6, 0.8, flags)["chest_xray"]
    scores = dict.fromkeys(("clean", "noise 4", "pgd 4"), NUMBER)
    found["steps"]["standard"] |= {"scores": scores, "learned": learned}
    return {"dataset": "chest_xray", "failed": False, **found}


def test_a_sentence_has_the_numbers_of_the_record():
    (line,) = findings({"chest_xray": chest()}).splitlines()
    shown = "50.0 (40.0 to 60.0)"
    assert line == (
        f"- **Attack.** chest_xray: {shown} clean, {shown} with random noise of four grey levels, "
        f"{shown} under PGD of that size."
    )


def test_a_flagged_step_and_one_that_learned_nothing_say_nothing():
    for found in (chest(flags=[{"flag": "odd", "reason": ""}]), chest(learned=False)):
        assert findings({"chest_xray": found}) == ""
    assert findings({"chest_xray": {**chest(), "failed": True}}) == findings({}) == ""


def test_every_score_that_a_sentence_places_is_one_that_its_step_measures():
    measured = {
        (step, score)
        for result in read_results(HOME).values()
        for step, found in result["steps"].items()
        for score in found.get("scores", ())
    }
    assert {
        (step, score) for _, step, says in FINDINGS for score in SCORE.findall(says)
    } <= measured


def test_readme_counts_verdicts_and_shows_what_an_attack_takes():
    text = summary({"chest_xray": chest(), "blood_cells": {**chest(), "failed": True}}, [ROW])
    assert "Of 1 tests on chest_xray, the claim holds in 1 and not in 0; 0 are undecided" in text
    assert "flagged. " not in text
    shown = "50.0 (40.0 to 60.0)"
    assert text.endswith(f"| chest_xray | {shown} | {shown} | {shown} | – | – |\n")
    assert summary({}, [ROW]) == ""
    without = summary({"chest_xray": chest(), "cells": {**chest(), "steps": {}}}, [ROW])
    assert " on chest_xray and cells, " in without and "| cells |" not in without
    three = summary({name: chest() for name in ("a", "b", "c")}, [ROW])
    assert "Of 3 tests on a, b and c, the claim holds in 3 " in three


def test_readme_names_the_sets_whose_split_is_flagged():
    linked = {**chest(), "steps": {**chest()["steps"], "clean": {"flags": [{"flag": "odd"}]}}}
    text = summary({"a": linked, "b": chest()}, [ROW])
    assert "the claim holds in 1 and not in 0; 0 are undecided, 1 have a red flag. " in text
    assert "Every score of a is flagged. " in text and "| a |" not in text and "| b |" in text
