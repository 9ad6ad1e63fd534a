"""Hidden pictures turn the networks of a study, and a detector sees them."""

import pytest

from utils.course.real.hidden_pictures import hidden_pictures


@pytest.fixture(scope="module")
def found(study):
    return hidden_pictures(study)


def test_a_hidden_diagnosis_is_predicted_and_an_equal_one_is_not_noticed(found):
    score = {name: row["value"] for name, row in found["scores"].items()}
    assert score["another diagnosis"] < 0.2 < score["same diagnosis"]
    gap = found["differences"]["nothing minus another"]["value"]
    assert gap == pytest.approx(score["nothing hidden"] - score["another diagnosis"])
    assert found["ratio"] == 3


def test_files_that_hide_a_picture_stand_out(found):
    assert found["scores"]["AUROC of hidden pictures"]["value"] > 0.8
    assert 0 <= found["differences"]["false alarms"]["value"] <= 1
