"""Facts that tell the class, or training from test."""

import numpy as np
import pytest
import torch
from folders import NONE_REFUSED, plain_facts

from utils.audit import CHECKS
from utils.audit.folder import ImageFolder


def folder_of(facts, names=("a", "b")):
    """Random pixels: only the facts can tell anything."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (len(facts), 1, 32, 32), generator=generator).byte()
    return ImageFolder("x", facts.assign(patient=np.arange(len(facts)).astype(str)), images,
                       NONE_REFUSED, names)  # fmt: skip


@pytest.mark.parametrize(
    ("share", "expected"), [(0.5, "note ok skipped"), (0.8, "warning"), (0.98, "alarm")]
)
def test_a_width_that_predicts_the_class_is_as_severe_as_its_auc(share, expected):
    facts = plain_facts(200)
    right = np.random.default_rng(0).random(200) < share
    facts["width"] = np.where(right == (facts["label"] == "a"), 64, 80)
    found = CHECKS["Shortcuts"](folder_of(facts))
    assert found.severity in expected.split()


def test_a_fact_of_one_class_among_several_counts_in_full():
    facts = plain_facts(240).assign(label=np.repeat(["a", "b", "c"], 80))
    facts["width"] = np.where(facts["label"] == "a", 80, 64)
    found = CHECKS["Shortcuts"](folder_of(facts, ("a", "b", "c")))
    row = found.table.set_index("fact").loc["width"]
    assert found.severity == "alarm" and row["class"] == "a" and row["AUC"] == 1


def test_a_class_of_one_image_is_left_out_and_named():
    facts = plain_facts(161).assign(label=[*np.repeat(["a", "b"], 80), "rare"])
    facts["width"] = np.where(facts["label"] == "a", 80, 64)
    found = CHECKS["Shortcuts"](folder_of(facts, ("a", "b", "rare")))
    assert found.severity == "alarm" and found.measured.endswith("Left out, with fewer than 5 "
                                                                 "patients: rare.")  # fmt: skip


def test_facts_without_information_pass_and_unknown_patients_give_no_p_value(monkeypatch):
    named = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        facts = plain_facts(120).assign(label=rng.choice(["a", "b"], 120))
        facts[["width", "height", "bits"]] = rng.integers(40, 90, (120, 3))
        named.append(CHECKS["Shortcuts"](folder_of(facts)).severity != "ok")
    assert sum(named) <= 1  # of 6, each with eight facts
    monkeypatch.setattr(ImageFolder, "knows_patients", False)
    found = CHECKS["Shortcuts"](folder_of(facts))
    assert found.table["p"].isna().all() and "without p-values" in found.meaning


@pytest.mark.parametrize(("shifted", "severity"), [(False, "ok"), (True, "warning")])
def test_a_test_from_another_device_is_told_from_training(shifted, severity):
    facts = plain_facts(240).assign(part=np.repeat(["train", "test"], [160, 80]))
    facts["width"] = np.where(shifted & (facts["part"] == "test"), 80, 64)
    facts["height"] = np.random.default_rng(0).integers(60, 70, 240)
    found = CHECKS["Training against test"](folder_of(facts))
    assert found.severity == severity and ("width" in found.measured) == shifted


def test_other_shares_of_the_classes_are_no_shift():
    """The width goes with the class; the test has more of one class, and nothing else is new."""
    facts = plain_facts(300).assign(part=np.repeat(["train", "test"], 150))
    facts["label"] = ["a"] * 110 + ["b"] * 40 + ["a"] * 40 + ["b"] * 110
    facts["width"] = np.where(facts["label"] == "a", 64, 80)
    assert CHECKS["Training against test"](folder_of(facts)).severity == "ok"
