"""The list for the technical file names questions that exist."""

from utils.examine.examination import QUESTIONS
from utils.examine.reporting.regulation import DUTIES, duties
from utils.examine.section import Section


def test_every_question_of_the_list_exists():
    assert {title for titles in DUTIES.values() for title in titles} <= set(QUESTIONS)


def test_findings_stand_beside_what_they_bear_on():
    table = duties([Section("alarm", "poor").with_title("How good is it?")])
    assert "How good is it? alarm" in table["found here"][0]
    assert (table["found here"] == "not examined").sum() == 2
