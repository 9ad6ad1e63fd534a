"""Red flags are one line for who trusts, and a table with reasons for who asks."""

import re

import pandas as pd
from bs4 import BeautifulSoup

from utils import HOME
from utils.course import flag_tables
from utils.evaluation.flags.advice import ADVICE
from utils.evaluation.flags.judging import NOT_APPLICABLE, NOT_RESOLVED


def test_flags_are_one_line_that_names_those_raised():
    rows = [("a", True, "why"), ("b", False, f"{NOT_RESOLVED}: few"), ("c", True, "how")]
    flags = pd.DataFrame(rows, columns=["flag", "red", "reason"])
    line = flag_tables.flag_line(flags)
    assert repr(line) == "3 checks, 1 not resolved, a, c raised"
    assert "RED: why" in line._repr_html_()
    plain = flags.assign(red=False, reason=["", NOT_APPLICABLE, ""])
    assert repr(flag_tables.flag_line(plain[:1])) == "1 check, none raised"
    assert repr(flag_tables.flag_line(plain)) == "3 checks, none raised"


def test_the_line_says_how_many_checks_could_not_tell():
    rows = [(name, False, f"{NOT_RESOLVED}: few") for name in "ab"] + [("c", False, "")]
    flags = pd.DataFrame(rows, columns=["flag", "red", "reason"])
    line = flag_tables.flag_line(flags)
    assert repr(line) == "3 checks, 2 not resolved, none raised"
    assert f"<summary>{line!r}</summary>" in line._repr_html_()


def test_raised_flags_are_red_also_where_two_models_have_the_same_and_names_are_no_code():
    rows = [("a", True, "<b>why"), ("a", False, ""), ("a", True, "how"), ("b", False, "")]
    flags = pd.DataFrame(rows, columns=["flag", "red", "reason"], index=[0, 1, 0, 1])
    page = flag_tables.flag_line(flags)._repr_html_()
    cells = BeautifulSoup(page, "html.parser")("td", class_="raised")
    assert [cell.get_text() for cell in cells] == ["RED: <b>why.", "RED: how."]
    assert re.search(r"td\.raised\s*{\s*color: #c62828", page) and "<b>" not in page
    style = (HOME / "utils/course/site/site.css").read_text(encoding="utf-8")
    assert "td.raised { color: var(--alarm); }" in style
    assert page == flag_tables.flag_line(flags)._repr_html_()


def test_a_long_reason_and_a_long_list_of_flags_are_shown_to_their_end():
    rows = [(f"flag {k}", True, f"reason {k} " + "and so on " * 20 + "END") for k in range(80)]
    page = flag_tables.flag_line(
        pd.DataFrame(rows, columns=["flag", "red", "reason"])
    )._repr_html_()
    assert page.count("END") == 80 and "..." not in page


def test_a_red_flag_has_its_reason():
    open_ = f"{NOT_RESOLVED}: too few patients (3)"
    rows = [("a", True, "why"), ("b", False, ""), ("c", False, NOT_APPLICABLE), ("d", False, open_)]
    table = flag_tables.flag_table(pd.DataFrame(rows, columns=["flag", "red", "reason"]))
    assert table["verdict"].tolist() == ["RED: why.", "not raised", NOT_APPLICABLE, open_]


def test_a_red_flag_of_the_course_has_its_advice():
    name = "the same image gets different predictions"
    flags = pd.DataFrame(
        [(name, True, "why"), (name, False, "")], columns=["flag", "red", "reason"]
    )
    red, other = flag_tables.flag_table(flags)["verdict"]
    assert red == f"RED: why. {ADVICE[name]}" and other == "not raised"
