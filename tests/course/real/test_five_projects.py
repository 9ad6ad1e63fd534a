"""Our figures beside those of the five projects come from records."""

from utils import HOME
from utils.course.real.five_projects import QUESTIONS, number, project_rows
from utils.course.real.page import read_results


def step(flags=(), **scores) -> dict:
    row = {"low": 0.4, "high": 0.6, "trainings": 3, "patients": 9}
    return {"scores": {n: {"value": v, **row} for n, v in scores.items()}, "flags": list(flags)}


def test_a_figure_is_that_of_the_record_and_a_dash_where_there_is_none():
    results = {"chest_xray": {"steps": {"clean": step(accuracy=0.5)}}}
    assert number(results, "chest_xray", "clean", "accuracy") == "50.0 (40.0 to 60.0)"
    assert number(results, "chest_xray", "clean", "AUC") == "–"
    assert number(results, "blood_cells", "clean", "accuracy") == "–"


def test_a_flagged_figure_stands_in_no_comparison():
    results = {"chest_xray": {"steps": {"clean": step([{"flag": "odd"}], accuracy=0.5)}}}
    assert number(results, "chest_xray", "clean", "accuracy") == "–"


def test_a_red_flag_is_named_where_a_figure_is_withheld():
    steps = {"standard": step(clean=0.5), "hardened": step([{"flag": "odd"}], clean=0.5)}
    row = next(r for r in project_rows({"blood_cells": {"steps": steps}}) if "cervical" in r[0])
    assert "standard: clean 50.0 (40.0 to 60.0)" in row[3]
    assert row[3].endswith("hardened: not shown, a red flag")


def test_all_five_projects_have_a_row():
    rows = project_rows({"chest_xray": {"steps": {"clean": step(accuracy=0.5)}}})
    assert len(rows) == len(QUESTIONS) and len({row[0] for row in rows}) == 5
    assert any("50.0 (40.0 to 60.0)" in row[3] for row in rows)
    assert rows[0][3] == "–"  # no slices of MRI were measured


def test_only_what_no_step_measures_has_a_dash():
    without = {row[0] for row in project_rows(read_results(HOME)) if row[3] == "–"}
    assert without <= {"fake chest X-rays", "cervical cancer"}
