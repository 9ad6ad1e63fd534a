"""A model with one sigmoid for each finding is examined as what it is."""

import pandas as pd
import pytest
from small import findings_network, findings_split

from utils.examine import compare_reports, examine
from utils.examine.outputs import EACH_FINDING, EXCLUSIVE
from utils.examine.reporting.page import model_card

SEES = "Does it see what it should?"
DO_NOT_APPLY = {
    "Does the border decide?", "Does it know when not to answer?", "How small a change is enough?",
    "Does it obey a mark?", "Can one change turn every image?",
    "Does it stay sure under other images?", "Where does it look?",
}  # fmt: skip
OPTIONS = {"attacked": 24, "epsilon": 16 / 255, "minutes": 60}


@pytest.fixture(scope="module")
def findings():
    return findings_split(240, seed=7)


@pytest.fixture(scope="module")
def report(findings):
    return examine(findings_network(), findings, **OPTIONS)


def test_a_sound_model_raises_nothing_and_what_has_no_meaning_says_why(report):
    severities = report.table["severity"]
    unsure = severities.pop("Is it as right as it is sure?")  # its training is short
    assert set(severities) <= {"ok", "note", "skipped", "not applicable"}, report.table
    assert unsure == "warning"
    for title in DO_NOT_APPLY:
        assert severities[title] == "not applicable"
        assert "one label per image" in report[title].measured


def test_scores_are_areas_and_every_finding_has_its_row(report, findings):
    clean = report["How good is it?"]
    assert clean.measured.startswith("AUC")
    assert list(clean.table["finding"]) == list(findings.class_names)
    calibration = report["Is it as right as it is sure?"]
    assert list(calibration.table["finding"]) == list(findings.class_names)
    assert "AUC" in report["What does contamination cost?"].measured


def test_an_attack_succeeds_when_any_finding_is_wrong(report):
    found = report["What can an attacker do?"]
    assert "images with all findings right" in found.measured and "All findings" in found.measured
    assert found.numbers["PGD"].value < found.numbers["noise"].value
    card = model_card(report)
    assert "| all findings right under PGD |" in card  # beside an AUC
    assert "| called healthy, of the images with a finding |" in card


def test_the_report_is_written_and_can_be_compared(report, tmp_path, findings):
    for name in ("old", "new"):
        report.save(tmp_path / name)
    table = pd.read_csv(tmp_path / "old" / "images.csv", keep_default_na=False)
    right = (table["clean"] == table["label"]).mean()
    assert right == report.subject.clean.accuracy
    assert set(table["label"]) >= {"No Finding", "bright|striped"}
    compared = compare_reports(tmp_path / "old", tmp_path / "new")
    assert not compared["differ"].any()


OUTPUTS = {
    "probabilities": (lambda found: found.sigmoid(), EACH_FINDING, "ok"),
    "a softmax": (lambda found: found.softmax(1), EXCLUSIVE, "alarm"),
    "another order": (lambda found: found[:, [1, 2, 0]], "logits", "alarm"),
}


@pytest.mark.parametrize("what", OUTPUTS)
def test_what_the_model_returns_is_recognised(what, findings):
    change, output, severity = OUTPUTS[what]
    network = findings_network()
    examined = examine(lambda images: change(network(images)), findings, questions=[SEES])
    found = examined[SEES]
    assert examined.subject.model.output == output and found.severity == severity
    if what == "another order":
        assert "if its findings are striped, framed, bright" in found.measured
