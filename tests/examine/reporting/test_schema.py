"""The schema names every key and every column of a real report, and the manual shows it."""

import json

import pandas as pd
import pytest

from utils import HOME
from utils.examine.examination import QUESTIONS
from utils.examine.reporting.report import FACTS as FACTS_FILE
from utils.examine.reporting.report import IMAGES
from utils.examine.reporting.schema import (
    COLUMNS,
    FACTS,
    NUMBERS,
    PREDICTED,
    QUESTION,
    SCHEMA,
    documentation,
    fits,
)
from utils.examine.section import Section

GROUPS_OF_COLUMNS = ("step: ", "corruption: ", "square: ")


@pytest.fixture(scope="module")
def written(whole_report, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    whole_report.save(folder)
    return folder


def test_the_keys_of_a_report_are_those_of_the_schema(written):
    facts = json.loads((written / FACTS_FILE).read_text())
    assert list(facts) == list(FACTS) and facts["schema"] == SCHEMA
    assert all(list(each) == list(QUESTION) for each in facts["questions"])
    for each in facts["questions"]:
        unknown = [name for name in each["numbers"] if not fits(name, NUMBERS[each["question"]])]
        assert not unknown, each["question"]


def test_every_question_has_its_numbers_in_the_schema():
    assert list(NUMBERS) == list(QUESTIONS)


def test_the_columns_of_the_images_are_those_of_the_schema(written, whole_report):
    table = pd.read_csv(written / IMAGES, dtype=str, keep_default_na=False)
    assert not [name for name in table if not fits(name, COLUMNS)]
    absent = [each for each in COLUMNS if not any(fits(name, [each]) for name in table)]
    assert absent == ["questions"]  # of a black box alone
    for begin in GROUPS_OF_COLUMNS:
        assert any(name.startswith(begin) for name in table)
    predicted = table[[name for name in table if fits(name, PREDICTED)]]
    assert set(predicted.to_numpy().ravel()) <= {"", *whole_report.subject.images.class_names}


def test_a_name_that_is_not_in_the_schema_is_noticed():
    assert fits("corruption: Defocus 3", COLUMNS) and not fits("Defocus 3", COLUMNS)
    assert fits("lost to Gamma", NUMBERS["What does contamination cost?"])
    assert not fits("lost", NUMBERS["What does contamination cost?"])


def test_what_the_minutes_left_out_stands_in_the_report(whole_report):
    found = Section("ok", "All is well.").with_shortened(["20 of 60 images", "20 of 60 images"])
    assert found.shortened == "Shortened to fit the minutes: 20 of 60 images."
    assert found.measured.endswith(found.shortened)
    assert whole_report.over == "" and not any(each.shortened for each in whole_report.sections)


def test_the_manual_shows_the_schema():
    manual = (HOME / "utils/examine/README.md").read_text(encoding="utf-8")
    assert documentation() in manual
