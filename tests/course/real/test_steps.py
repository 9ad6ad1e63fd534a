"""A step is taken once, and its numbers survive a file."""

import json

import numpy as np
import pytest
from small import random_predictions

from utils.course.real.steps import (
    SECONDS,
    Steps,
    as_interval,
    as_row,
    counted,
    difference_row,
    is_flagged,
    score_row,
)
from utils.evaluation.intervals import UNDEFINED, Interval
from utils.evaluation.predictions import pool_trainings


def test_a_step_is_taken_once_for_the_same_settings(tmp_path):
    taken = []

    def measured() -> dict:
        taken.append(1)
        return {"scores": {}}

    for settings in ("a", "a", "b"):
        found = Steps(tmp_path, settings).take("label errors", measured)
        assert found["scores"] == {} and found[SECONDS] >= 0
    assert len(taken) == 2


def test_a_step_that_was_killed_leaves_no_record_and_the_earlier_ones(tmp_path):
    steps = Steps(tmp_path, "a")
    steps.take("first", lambda: {"x": 1})
    with pytest.raises(KeyboardInterrupt):
        steps.take("second", _killed)
    assert steps.take("second", lambda: {"x": 2})["x"] == 2
    assert steps.take("first", _killed)["x"] == 1


def _killed() -> dict:
    raise KeyboardInterrupt


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
