"""A reason is red unless it says that the mistake cannot be there, or cannot be seen."""

import numpy as np

from utils.evaluation.flags.judging import NOT_APPLICABLE, NOT_RESOLVED, evaluate_flags, too_few
from utils.evaluation.predictions import Predictions


def test_only_a_reason_that_says_what_is_wrong_is_red():
    said = {"a": "why", "b": None, "c": NOT_APPLICABLE, "d": f"{NOT_RESOLVED}: 3 patients"}
    table = evaluate_flags({name: lambda e, why=why: why for name, why in said.items()}, None)
    assert set(table.loc[table["red"], "flag"]) == {"a"}
    assert table["reason"].tolist() == [why or "" for why in said.values()]


def test_five_patients_can_show_a_difference_and_four_cannot():
    labels, groups = np.zeros(20, int), np.arange(20) // 2
    found = Predictions(labels, np.eye(2)[labels], groups, ("a", "b"))
    assert too_few(found, np.arange(20) < 10) is None
    assert too_few(found, np.arange(20) < 8) == f"{NOT_RESOLVED}: too few patients (4)"
