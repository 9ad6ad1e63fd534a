"""Planted faults are found, and a clean folder raises nothing."""

import pytest

from utils.audit import CHECKS
from utils.audit.finding import EXIT_CODES, SEVERITIES
from utils.audit.folder import read_folder
from utils.audit.planted_faults import Faults, plant_faults, score_findings
from utils.contamination.backdoor import Sinusoid

FACTS = ("unreadable", "wrong name", "copy in the test", "under two classes")


@pytest.mark.parametrize("fault", FACTS)
def test_faults_with_exact_traces_are_all_found(fault, audited):
    faulty, found, clean = audited
    row = score_findings(faulty, found, clean).loc[fault]
    assert row["true positives"] == row["files"] > 0 and row["flagged in the clean folder"] == 0


def test_a_fact_about_the_folder_counts_no_file(audited):
    rows = score_findings(*audited)
    assert rows.loc["saved as colour", "files"] == "a fact, no file"
    assert rows.drop("saved as colour")["files"].map(lambda count: count > 0).all()


@pytest.mark.parametrize(
    ("check", "least"),
    [
        ("Unreadable files", "warning"),
        ("Duplicates", "alarm"),
        ("Leakage between parts", "alarm"),
        ("Shortcuts", "warning"),
        ("Noise", "warning"),
        ("Marks and triggers", "alarm"),
    ],
)
def test_a_planted_fault_raises_its_check_and_a_clean_folder_does_not(check, least, audited):
    _, found, clean = audited
    assert SEVERITIES.index(found[check].severity) >= SEVERITIES.index(least)
    assert EXIT_CODES[clean[check].severity] == 0


@pytest.mark.parametrize(("fault", "precise"), [("noise", 0.8), ("poison", 0.9)])
def test_most_images_flagged_for_noise_or_a_patch_have_it(fault, precise, audited):
    row = score_findings(*audited).loc[fault]
    assert row["true positives"] >= 0.7 * row["files"]
    assert row["true positives"] >= precise * row["flagged"]


def test_flagged_labels_are_wrong_more_often_than_by_chance(audited):
    faulty, found, clean = audited
    row = score_findings(*audited).loc["label error"]
    assert row["true positives"] / row["flagged"] > 2 * row["files"] / len(found.folder)
    assert (
        EXIT_CODES[found["Suspicious labels"].severity] == 0
    )  # a weak indication stops no pipeline


def test_faint_stripes_are_missed_and_the_report_admits_it(splits, tmp_path, cache):
    folder = plant_faults(
        splits, tmp_path / "f", Faults.none(poisoned=0.1, trigger=Sinusoid())
    ).folder
    finding = CHECKS["Marks and triggers"](read_folder(f"folder:{folder}", None, 48))
    assert finding.severity == "ok" and "not found by this check" in finding.meaning
