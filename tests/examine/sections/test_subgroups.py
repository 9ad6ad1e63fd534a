"""A gap between groups is found where there is one, and chance alone raises no warning."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from utils.evaluation.intervals import Interval
from utils.evaluation.metrics import score_of
from utils.examine.sections.subgroups import SCORES, ask_subgroups, largest_gap


def test_a_group_with_wrong_answers_is_warned_of(subject):
    wrong = ~subject.clean.right
    site = np.where(wrong | (np.arange(len(wrong)) % 4 == 0), "B", "A")
    flipped = subject.clean.probabilities.copy()
    flipped[site == "B"] = np.roll(flipped[site == "B"], 1, 1)
    found = replace(subject, columns=pd.DataFrame({"site": site}))
    found.__dict__["clean"] = replace(subject.clean, probabilities=flipped)
    section = ask_subgroups(found)
    assert section.severity == "warning" and "by site" in section.measured


def test_random_groups_are_no_warning(subject):
    rng = np.random.default_rng(0)
    columns = pd.DataFrame({f"coin {k}": rng.choice(["a", "b", "c"], 240) for k in range(6)})
    assert ask_subgroups(replace(subject, columns=columns)).severity == "ok"


def test_numbers_and_names_of_their_own_are_no_groups(subject):
    columns = pd.DataFrame({"number": np.arange(240).astype(str), "same": ["x"] * 240})
    assert ask_subgroups(replace(subject, columns=columns)).severity == "not applicable"
    assert ask_subgroups(subject).severity == "not applicable"


def test_each_group_has_every_score_and_undefined_ones_say_so(subject):
    labels = subject.clean.labels
    names = np.where(labels == 0, "healthy", np.where(np.arange(len(labels)) % 4 < 2, "A", "B"))
    found = ask_subgroups(replace(subject, columns=pd.DataFrame({"site": names})))
    rows = found.table.set_index("group")
    assert list(rows.columns) == ["column", "images", *(f"{name} (%)" for name in SCORES)]
    assert rows.loc["healthy", "missed disease (%)"] == "undefined"
    assert rows.loc["A", "AUC (%)"] == "undefined"  # it has no healthy images
    assert rows.loc["A", "accuracy (%)"] == str(score_of(subject.clean.take(names == "A")))
    assert {f"gap of {score} by site" for score in SCORES} == set(found.numbers)


def test_missed_disease_of_one_group_is_a_warning_though_accuracy_is_alike(subject):
    """In one site disease is missed; in the other, health is."""
    labels = subject.clean.labels
    site = np.where(np.arange(len(labels)) // 3 % 2, "A", "B")
    wrong = np.eye(3)[labels]
    wrong[(site == "A") & (labels == 1)] = [1, 0, 0]
    wrong[(site == "B") & (labels == 0)] = [0, 1, 0]
    found = replace(subject, columns=pd.DataFrame({"site": site}))
    found.__dict__["clean"] = replace(subject.clean, probabilities=wrong)
    section = ask_subgroups(found)
    assert section.severity == "warning" and "of missed disease, by site" in section.measured
    assert section.numbers["gap of accuracy by site"].low == 0


def test_the_interval_of_a_gap_is_wider_the_more_pairs_could_have_been_it():
    found = {"a": Interval(0.9, 0.85, 0.95), "b": Interval(0.6, 0.5, 0.7)}
    one, many = (largest_gap(found, pairs) for pairs in (1, 50))
    assert one.value == many.value == pytest.approx(0.3) and many.low < one.low
    assert one.low == pytest.approx(0.3 - np.hypot(0.05, 0.1))
