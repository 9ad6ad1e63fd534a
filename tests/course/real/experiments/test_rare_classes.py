"""Rare classes of a small set: four recipes on the same patients."""

import pytest

from utils.course.real.experiments import rare_classes as module
from utils.course.real.experiments.rare_classes import rare_classes


def test_each_step_of_the_chain_is_a_difference_of_its_recipes(study, monkeypatch):
    for name, value in {"TRAININGS": 3, "SHORT": 2, "LONG": 3, "IMBALANCE": 6}.items():
        monkeypatch.setattr(module, name, value)
    found = rare_classes(study, study.parts.files.train)
    score = {name: row["value"] for name, row in found["scores"].items()}
    for name, first, second in (
        ("RECT minus ETF", "ETF + RECT, 2 epochs", "ETF, 2 epochs"),
        ("RECT minus class weights", "ETF + RECT, 2 epochs", "class weights, 2 epochs"),
        ("RECT minus ETF, long training", "ETF + RECT, 3 epochs", "ETF, 3 epochs"),
    ):
        row = found["differences"][name]
        assert row["value"] == pytest.approx(score[first] - score[second])
        assert row["trainings"] == 3
    most, *_, least = sorted(found["images"], reverse=True)
    assert most == 6 * least
    assert found["differences"]["RECT minus ETF, rarer half"]["patients"] == 12  # a class of three
