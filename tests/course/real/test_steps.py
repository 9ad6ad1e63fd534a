"""The numbers of a step survive a file, and what may not be compared is known."""

import json

import numpy as np
import pytest
from small import random_predictions

from utils.course.real.steps import (
    SECONDS,
    as_interval,
    as_row,
    counted,
    difference_of,
    difference_row,
    is_flagged,
    score_row,
    sound,
    timed,
)
from utils.evaluation.intervals import UNDEFINED, Interval, largest_unseen_share
from utils.evaluation.predictions import pool_trainings


def test_a_step_says_what_it_cost():
    found = timed(lambda: {"scores": {}})
    assert found.pop(SECONDS) >= 0 and found == {"scores": {}}


def test_what_learned_nothing_is_no_result():
    steps = {"clean": {"learned": True}, "hardened": {"learned": False}, "backdoor": {}}
    results = {"a": {"failed": False, "steps": steps}, "b": {"failed": True, "steps": steps}}
    assert list(sound(results)) == ["a"] and list(sound(results)["a"]["steps"]) == [
        "clean",
        "backdoor",
    ]


def test_a_step_that_rests_on_another_has_its_flags_and_falls_with_it():
    flags = [{"flag": "odd"}]

    def gain(**hardened) -> dict:
        steps = {"hardened": hardened, "hardened gain": {"scores": {}}}
        return sound({"a": {"failed": False, "steps": steps}})["a"]["steps"]

    assert gain(flags=flags)["hardened gain"] == {"scores": {}, "flags": flags}
    assert gain(flags=[])["hardened gain"] == {"scores": {}}
    assert gain(learned=False) == {}


def test_a_flag_of_the_split_holds_for_every_score_of_the_set():
    flags, nothing = [{"flag": "odd"}], {"scores": {"pgd 4": {"value": 0.0}}}
    steps = {"clean": {"flags": flags}, "ensemble": {"scores": {}}, "standard": nothing}
    found = sound({"a": {"failed": False, "steps": steps}})["a"]["steps"]
    assert all(is_flagged(step) for step in found.values())
    assert "flags" not in found["ensemble"]  # a reason is listed once
    steps["clean"] = {"flags": []}
    found = sound({"a": {"failed": False, "steps": steps}})["a"]["steps"]
    assert not any(is_flagged(step) for step in found.values())


def test_an_interval_without_width_gives_way_to_the_bound_of_its_patients():
    def step(low: float, high: float, *zeros: tuple[int, float]) -> dict:
        gap = {"value": 0.0, "low": low, "high": high, "patients": 43}
        scores = {f"{n}, {end}": {"value": 0.0, "high": end, "patients": n} for n, end in zeros}
        return {"differences": {"gap": gap}, "scores": scores}

    unseen = largest_unseen_share(43)
    assert difference_of(step(-1e-17, 0.0), "gap") == (0, -unseen, unseen)
    assert difference_of(step(0.0, 0.0, (43, 0.15), (9, 0.4)), "gap") == (0, -0.15, 0.15)
    assert difference_of(step(0.0, 0.0, (43, 0.0)), "gap").high == unseen
    assert difference_of(step(-0.1, 0.2, (43, 0.15)), "gap") == (0, -0.1, 0.2)
    assert np.isnan(difference_of(step(None, None), "gap").low)
    assert difference_of({}, "gap") is None


def test_an_interval_survives_json_even_where_it_has_no_ends():
    for interval in (Interval(0.5, 0.25, 0.75), Interval(0.5, np.nan, np.nan), UNDEFINED):
        again = as_interval(json.loads(json.dumps(as_row(interval), allow_nan=False)))
        assert np.array_equal(again, interval, equal_nan=True)


def test_a_flag_counts_unless_the_attack_leaves_nothing():
    flags, left = [{"flag": "odd"}], {"scores": {"pgd 4": {"value": 0.0}}}
    assert is_flagged({"flags": flags}) and not is_flagged({"flags": []})
    assert not is_flagged({"flags": flags, **left})
    left["scores"]["pgd 4"]["value"] = 0.01
    assert is_flagged({"flags": flags, **left})


def test_a_difference_is_that_of_the_scores_and_counts_trainings():
    first = pool_trainings([random_predictions(seed) for seed in range(3)])
    second = pool_trainings([random_predictions(seed, skill=0) for seed in range(3, 6)])
    gap = difference_row(first, second)
    assert gap["value"] == pytest.approx(score_row(first)["value"] - score_row(second)["value"])
    assert gap["trainings"] == counted(first)["trainings"] == 3
    assert difference_row(first, 0.25)["value"] == pytest.approx(score_row(first)["value"] - 0.25)
