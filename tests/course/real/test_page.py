"""The section about real images, and the sentence of README."""

import json

from toy_study import ROW, result

from utils.course.real.page import (
    external_table,
    published_line,
    read_results,
    real_section,
    with_summary,
)

NUMBER = {"value": 0.5, "low": 0.4, "high": 0.6, "trainings": 3, "patients": 9}


def chest() -> dict:
    found = result(0.6, 0.8)["chest_xray"]
    found["steps"]["clean"] = {"scores": {"accuracy": NUMBER}, "flags": []}
    found["steps"]["other patients"] = {"differences": {"held out minus official": NUMBER}}
    return {"dataset": "chest_xray", "failed": False, **found}


def failed() -> dict:
    return {"dataset": "blood_cells", "failed": True, "steps": chest()["steps"]}


def test_nothing_measured_nothing_written():
    assert real_section({}, [ROW], []) == ""
    readme = "a <!-- real -->before<!-- /real --> b"
    assert with_summary(readme, {}, [ROW]) == readme


def test_a_network_that_learned_nothing_is_published_as_a_failure():
    page = real_section({"blood_cells": failed()}, [ROW], [])
    assert "**blood_cells failed.**" in page and "learned nothing" in page
    assert "50.0 (40.0 to 60.0)" not in page and "holds here too" not in page


def test_scores_claims_gaps_and_projects_stand_on_the_page():
    page = real_section({"chest_xray": chest()}, [ROW], [])
    assert "| clean, accuracy | 50.0 (40.0 to 60.0) |" in page
    assert "| Four grey levels: It takes. | chest_xray | above 50 | 70.0 (60.0 to 80.0) | " in page
    assert "holds here too" in page and "image scaling" in page


def test_a_gap_stands_beside_what_an_attack_takes():
    (line,) = external_table({"chest_xray": chest()}).splitlines()[2:]
    assert line == (
        "| chest_xray | held out minus official | 50.0 (40.0 to 60.0) | 70.0 (60.0 to 80.0) |"
    )
    assert external_table({}) == ""


def test_the_published_benchmark_stands_beside_its_own_set_alone():
    assert published_line({"chest_xray": chest()}) == ""
    line = published_line({"pneumoniamnist": chest()})
    assert "accuracy 50.0 (40.0 to 60.0)" in line and "94.4" in line and "official order" in line


def test_the_sentence_of_readme_counts_verdicts():
    readme = "a <!-- real -->before<!-- /real --> b"
    text = with_summary(readme, {"chest_xray": chest(), "blood_cells": failed()}, [ROW])
    assert text.startswith("a <!-- real -->On 1 real sets, 1 of 1 tests") and "before" not in text
    assert text.endswith("0 do not, and the others are undecided.<!-- /real --> b")
    assert with_summary("no marks", {"chest_xray": chest()}, [ROW]) == "no marks"


def test_records_are_read_by_set(tmp_path):
    path = tmp_path / "assets/chest_xray/real/results.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(chest()))
    assert list(read_results(tmp_path)) == ["chest_xray"]
