"""A reason is red unless it says that the mistake cannot be there, or cannot be seen."""

import numpy as np
import pytest

from utils.evaluation.flags.judging import (
    HARMLESS,
    NOT_APPLICABLE,
    NOT_RESOLVED,
    evaluate_flags,
    more_than,
    too_few,
)
from utils.evaluation.predictions import Predictions


def test_only_a_reason_that_says_what_is_wrong_is_red():
    said = {"a": "why", "b": None, "c": NOT_APPLICABLE, "d": f"{NOT_RESOLVED}: 3 patients"}
    said["e"] = f"{HARMLESS}: the attack works"
    table = evaluate_flags({name: lambda e, why=why: why for name, why in said.items()}, None)
    assert set(table.loc[table["red"], "flag"]) == {"a"}
    assert table["reason"].tolist() == [why or "" for why in said.values()]


def test_five_patients_can_show_a_difference_and_four_cannot():
    labels, groups = np.zeros(20, int), np.arange(20) // 2
    found = Predictions(labels, np.eye(2)[labels], groups, ("a", "b"))
    assert too_few(found, np.arange(20) < 10) is None
    assert too_few(found, np.arange(20) < 8) == f"{NOT_RESOLVED}: too few patients (4)"


@pytest.mark.parametrize(
    ("found", "of", "beyond"),
    [(1, 1, False), (1, 16, False), (2, 16, False), (3, 16, True), (4, 40, False), (5, 40, True)],
)
def test_a_share_is_beyond_chance_only_with_enough_patients(found, of, beyond):
    """The probability of so many at 5 %: a single one of 16 has .56, three have .043."""
    assert more_than(0.05, np.arange(of) < found, np.arange(of)) == beyond
    alike = np.repeat(np.arange(of), 3)  # three images of each patient tell no more
    assert more_than(0.05, alike < found, alike) == beyond
