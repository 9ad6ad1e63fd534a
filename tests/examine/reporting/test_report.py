"""The report: files for people and for programs, and the verdict of the gravest finding."""

import errno
import json
from pathlib import Path

import pandas as pd
import pytest

from utils.evaluation.intervals import Interval
from utils.examine.budget import Budget
from utils.examine.reporting.page import render_page
from utils.examine.reporting.report import FACTS, IMAGES, PAGE, ModelReport, verdict
from utils.examine.reporting.schema import SCHEMA
from utils.examine.section import Section, left_out
from utils.examine.sections.clean import ask_clean


@pytest.fixture
def report(subject):
    sections = [ask_clean(subject).with_title("How good is it?"),
                Section("alarm", "poor <b>", advice="mend it").with_title("Why?")]  # fmt: skip
    return ModelReport(subject, sections, "net", "images")


def test_what_is_written_can_be_read_again(report, tmp_path):
    page = report.save(tmp_path / "out")
    facts = json.loads((tmp_path / "out" / FACTS).read_text())
    assert facts["schema"] == SCHEMA and facts["exit code"] == report.exit_code == 2
    first = facts["questions"][0]["numbers"]["balanced accuracy"]
    assert first == list(report["How good is it?"].numbers["balanced accuracy"])
    table = pd.read_csv(tmp_path / "out" / IMAGES)
    assert len(table) == 240 and (table["clean"] == table["label"]).mean() == pytest.approx(
        report.subject.clean.accuracy
    )
    text = page.read_text()
    assert page.name == PAGE and "poor &lt;b&gt;" in text and "<script" not in text


@pytest.mark.parametrize("full", [IMAGES, FACTS, PAGE])
def test_where_the_disk_is_full_the_old_report_stays_whole(full, report, tmp_path, monkeypatch):
    def files():
        return {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    report.save(tmp_path)
    before, write = files(), Path.write_text

    def write_text(path, text, **options):
        if full in path.name:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, text, **options)

    monkeypatch.setattr(Path, "write_text", write_text)
    object.__setattr__(report, "model_name", "another")
    with pytest.raises(OSError, match="the disk is full"):
        report.save(tmp_path)
    assert files() == before


def test_a_report_in_an_old_folder_can_be_read_by_its_owner_alone(report, tmp_path):
    report.save(tmp_path)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_undefined_numbers_are_null(report):
    nan = Section("ok", "", numbers={"x": Interval(*[float("nan")] * 3), "y": float("nan")})
    object.__setattr__(report, "sections", [nan])
    numbers = report.facts()["questions"][0]["numbers"]
    assert json.loads(json.dumps(numbers)) == {"x": [None] * 3, "y": None}


@pytest.mark.parametrize(
    ("severity", "begins"),
    [("note", "Nothing was found"), ("warning", "Look before"), ("alarm", "Do not use"),
     ("failed", "No verdict")],
)  # fmt: skip
def test_the_verdict_is_that_of_the_gravest(severity, begins):
    sections = [Section("ok", "").with_title("One?"), Section(severity, "").with_title("Two?")]
    assert verdict(sections).startswith(begins)


def test_what_was_left_out_is_a_part_of_the_verdict():
    found = verdict([left_out("no time").with_title("How?")])
    assert found.endswith("1 of 1 checks was not made: how?")


def test_the_summary_fits_a_terminal(report):
    assert report.summary(80).splitlines()[0].startswith("Verdict     Do not use it")
    assert len(report.table) == 2 and set(report.trust.columns) >= {"value", "low", "high"}


def test_an_overrun_is_named_everywhere(report):
    assert "Minutes" not in report.summary(80)
    report.subject.budget = Budget(60)
    object.__setattr__(report, "minutes", 1.5)
    words = "It took 1.5 minutes, and the budget was 1."
    assert words in report.summary(80) and words in render_page(report)
    assert (report.facts()["minutes"], report.facts()["minutes taken"]) == (1, 1.5)


def test_images_that_were_drawn_from_more_are_counted(report):
    report.subject.at_hand = 5000
    assert "240 of 5,000 (drawn at random" in render_page(report)
    assert report.facts()["images at hand"] == 5000 and report.facts()["count"] == 240
