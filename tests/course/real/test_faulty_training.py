"""Faulty labels and triggers in a delivery of a study."""

import pytest
import torch

from utils.course.real import faulty_training
from utils.course.real.faulty_training import (
    BEYOND,
    POISON,
    TRUSTED,
    WRONG,
    backdoor,
    label_errors,
    pretrained,
)


def test_wrong_labels_of_easy_images_are_found(study):
    found = label_errors(study)
    assert found["share wrong"] == pytest.approx(WRONG, abs=0.08)
    assert found["scores"]["AUROC of wrong labels"]["value"] > 0.8
    scores = {name: row["value"] for name, row in found["scores"].items()}
    gap = found["differences"]["flagged minus random"]["value"]
    assert gap == pytest.approx(scores["flagged dropped"] - scores["as many dropped at random"])


def test_both_triggers_have_a_control_and_a_repair(study):
    found = backdoor(study)
    assert found["share poisoned"] == POISON and TRUSTED > 0
    score = {name: row["value"] for name, row in found["scores"].items()}
    for name in ("patch", "warp"):
        sides = [score[f"{name}, as delivered: {on}"] for on in ("trigger", "control")]
        gap = found["differences"][f"{name}: with minus without"]["value"]
        assert gap == pytest.approx(sides[0] - sides[1])
        never = [score[f"{name}, never poisoned: {on}"] for on in ("trigger", "control")]
        beyond = found["differences"][f"{name}: {BEYOND}"]
        assert beyond["value"] == pytest.approx(gap - (never[0] - never[1]))
        assert beyond["trainings"] == 2


def test_a_trigger_that_any_head_answers_to_is_no_backdoor(study, monkeypatch):
    """All white is read as some class by every head; no poison is needed for that."""
    monkeypatch.setattr(faulty_training, "TRIGGERS", {"patch": torch.ones_like})
    found = backdoor(study)["differences"]
    whole, beyond = (found[f"patch: {what}"]["value"] for what in ("with minus without", BEYOND))
    assert whole > 0.5 and abs(beyond) < 0.2


def test_probes_of_two_kinds_of_weights_are_compared(study):
    found = pretrained(study)
    assert set(found["scores"]) == {"published weights", "random weights"}
    gap = found["differences"]["published minus random"]
    assert gap["value"] == 0 and gap["trainings"] == 2  # the toy has random weights alone
