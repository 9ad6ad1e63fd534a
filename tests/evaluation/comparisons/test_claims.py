"""A claim holds, does not hold or is undecided by its whole interval, and says so."""

import json

import numpy as np
import pytest
from worlds import Trainings, pooled

from utils.evaluation.comparisons.claims import FAILS, HOLDS, UNDECIDED, Claim, judge
from utils.evaluation.comparisons.differences import gain
from utils.evaluation.intervals import Interval
from utils.evaluation.predictions import pool_trainings

NAMES = ("Skill", "The strong method is better.", "accuracy", "strong", "weak")
CASES = [  # direction, margin, interval, verdict
    ("greater", 0.0, (0.1, 0.02, 0.2), HOLDS),
    ("greater", 0.0, (-0.1, -0.2, -0.02), FAILS),
    ("greater", 0.0, (0.1, -0.02, 0.2), UNDECIDED),
    ("greater", 0.05, (0.1, 0.02, 0.2), UNDECIDED),
    ("greater", 0.05, (0.1, 0.06, 0.2), HOLDS),
    ("greater", 0.05, (0.02, 0.01, 0.03), FAILS),
    ("less", 0.0, (-0.1, -0.2, -0.02), HOLDS),
    ("less", 0.05, (-0.1, -0.2, -0.02), UNDECIDED),
    ("less", 0.05, (0.1, 0.05, 0.2), FAILS),
    ("equal", 0.05, (0.01, -0.03, 0.04), HOLDS),
    ("equal", 0.05, (0.01, -0.06, 0.04), UNDECIDED),
    ("equal", 0.05, (0.03, -0.01, 0.06), UNDECIDED),
    ("equal", 0.05, (0.1, 0.06, 0.2), FAILS),
    ("equal", 0.05, (-0.1, -0.2, -0.06), FAILS),
    ("greater", 0.05, (0.0, 0.0, 0.0), UNDECIDED),  # no width is no evidence
    ("greater", 0.05, (1.0, 1.0, 1.0), UNDECIDED),
]
WEAK, STRONG = (Trainings(skill, 0.1, 1, 0.5) for skill in (0.5, 2.0))


def sides(trainings: int, seed: int = 0):
    """Predictions of the strong and of the weak method for the same patients."""
    rng = np.random.default_rng(seed)
    ease = rng.normal(size=200)
    return [pooled(method.right(rng, trainings, 200, ease)) for method in (STRONG, WEAK)]


@pytest.mark.parametrize(("direction", "margin", "interval", "verdict"), CASES)
def test_the_verdict_is_that_of_the_whole_interval(direction, margin, interval, verdict):
    claim = Claim(*NAMES, direction, margin)
    assert claim.evaluate(Interval(*interval), trainings=3, patients=80).verdict == verdict


def test_predictions_are_compared_as_gains_does_and_the_claim_prints_itself():
    strong, weak = sides(5)
    found = Claim(*NAMES).evaluate(strong, weak)
    assert found.interval == gain(weak, strong, "accuracy")
    assert (found.verdict, found.trainings, found.patients) == (HOLDS, 5, 200)
    assert Claim(*NAMES, "less").evaluate(strong, weak).verdict == FAILS
    assert str(found) == (
        "Skill: The strong method is better. Accuracy, strong minus weak: "
        f"{found.interval} points; 5 trainings, 200 patients. Margin 0. The claim holds."
    )


def test_a_number_such_as_chance_can_be_compared_with():
    strong, weak = sides(3)
    better = Claim("Seen", "It is better than chance.", "accuracy", "strong", "chance")
    found = better.evaluate(strong, 0.5)
    assert found.interval.value == pytest.approx(strong.accuracy - 0.5) and found.verdict == HOLDS
    coin = np.random.default_rng(0).random((3, 2000)) < 0.5
    null = Claim("Coin", "No better than chance.", "accuracy", "coin", "chance", "equal", 0.05)
    assert null.evaluate(pooled(coin), 0.5).verdict == HOLDS


@pytest.mark.parametrize("trainings", [1, 2])
def test_a_method_of_fewer_than_three_trainings_is_undecided(trainings):
    strong, weak = sides(trainings)
    found = Claim(*NAMES).evaluate(strong, weak)
    assert found.verdict == UNDECIDED and np.isnan(found.interval.low)
    words = {1: "one training", 2: "2 trainings"}[trainings]
    assert f"(no interval) points; {words}, 200 patients" in str(found)
    assert str(found).endswith("The claim is undecided.")


def test_a_network_is_one_training_and_can_be_judged():
    strong, weak = (side.by_training[0] for side in sides(1))
    found = Claim(*NAMES, about="network").evaluate(strong, weak)
    assert found.verdict == HOLDS and found.trainings == 1
    assert Claim(*NAMES).evaluate(strong, weak).verdict == UNDECIDED


def test_of_data_nothing_is_trained():
    strong, _ = (side.by_training[0] for side in sides(1))
    found = Claim(*NAMES, about="data").evaluate(strong, 0.25)
    assert found.verdict == HOLDS and "points; 200 patients. Margin" in str(found)
    files = Claim(*NAMES, about="data").evaluate(Interval(0.9, 0.8, 1.0))
    assert "90.0 (80.0 to 100.0) points. Margin" in str(files)


def test_a_family_is_judged_together():
    claim = Claim(*NAMES)
    narrow = claim.evaluate(Interval(0.1, 0.01, 0.19), trainings=3)  # p about .03
    wide = claim.evaluate(Interval(0.1, -0.1, 0.3), trainings=3)
    unknown = claim.evaluate(Interval(0.1, np.nan, np.nan), trainings=1)
    assert narrow.verdict == HOLDS
    assert [each.verdict for each in judge([narrow])] == [HOLDS]
    assert [each.verdict for each in judge([narrow, narrow])] == [UNDECIDED] * 2
    assert [each.verdict for each in judge([narrow, unknown])] == [HOLDS, UNDECIDED]
    assert [each.verdict for each in judge([narrow, wide])] == [UNDECIDED] * 2
    assert judge([]) == []


def test_the_row_of_a_record_is_plain_json():
    row = Claim(*NAMES).evaluate(*sides(1)).row
    assert json.loads(json.dumps(row, allow_nan=False)) == row
    assert row["name"] == "Skill" and row["verdict"] == UNDECIDED and row["low"] is None


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"direction": "up"}, "unknown direction 'up'; choose from greater, less, equal"),
        ({"about": "run"}, "unknown about 'run'; choose from method, network, data"),
        ({"direction": "equal"}, "above 0 for 'equal', got 0.0"),
        ({"margin": -1.0}, "a share from 0"),
    ],
)
def test_a_claim_that_cannot_be_judged_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        Claim(*NAMES, **wrong)


def test_an_unknown_metric_and_a_missing_side_are_refused():
    strong, weak = sides(3)
    with pytest.raises(ValueError, match="unknown score 'skill'; choose from accuracy, .*, AUC"):
        Claim("a", "b", "skill", "A", "B").evaluate(strong, weak)
    with pytest.raises(ValueError, match="give predictions or a number for B"):
        Claim(*NAMES).evaluate(pool_trainings([strong]))
