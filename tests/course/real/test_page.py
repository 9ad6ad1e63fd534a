"""The section about real images."""

import json

from toy_study import ROW, result

from utils.course.real.page import (
    corruption_table,
    external_table,
    published_line,
    read_results,
    real_section,
    untested_line,
)
from utils.course.real.tested_claims import TESTS, UNTESTED, judged_claims

NUMBER = {"value": 0.5, "low": 0.4, "high": 0.6, "trainings": 3, "patients": 9}


def chest() -> dict:
    found = result(0.6, 0.8)["chest_xray"]
    found["steps"]["clean"] = {"scores": {"accuracy": NUMBER}, "flags": []}
    found["steps"]["other patients"] = {"differences": {"held out minus official": NUMBER}}
    return {"dataset": "chest_xray", "failed": False, **found}


def failed() -> dict:
    """A set whose network learned nothing."""
    steps = chest()["steps"]
    steps["clean"]["learned"] = False
    return {"dataset": "blood_cells", "failed": True, "steps": steps}


def test_nothing_measured_nothing_written():
    assert real_section({}, [ROW]) == ""


def test_a_network_that_learned_nothing_is_published_as_a_failure():
    page = real_section({"blood_cells": failed()}, [ROW])
    assert "**blood_cells failed** (clean)." in page and "learned nothing" in page
    assert "50.0 (40.0 to 60.0)" not in page and "holds here too" not in page


def test_a_step_that_failed_keeps_the_others():
    found = chest()
    found["steps"]["hardened"] = {"scores": {"clean": NUMBER}, "learned": False}
    page = real_section({"chest_xray": found}, [ROW])
    assert "**chest_xray failed** (hardened)." in page and "| hardened: clean" not in page
    assert "| clean, accuracy | 50.0 (40.0 to 60.0) |" in page


def test_scores_claims_gaps_and_projects_stand_on_the_page():
    page = real_section({"chest_xray": chest()}, [ROW])
    assert "| clean, accuracy | 50.0 (40.0 to 60.0) |" in page
    assert "| Four grey levels: It takes. | chest_xray | above 50 | 70.0 (60.0 to 80.0) | " in page
    assert "holds here too" in page and "image scaling" in page


def test_a_gap_stands_beside_what_an_attack_takes():
    (line,) = external_table({"chest_xray": chest()}).splitlines()[2:]
    assert line == (
        "| chest_xray | held out minus official | 50.0 (40.0 to 60.0) | 70.0 (60.0 to 80.0) |"
    )
    assert external_table({}) == ""
    unnamed = {"pneumoniamnist": chest()}  # other images of a patient can be in its training
    assert external_table(unnamed) == ""


def test_the_published_benchmark_stands_beside_its_own_set_alone():
    assert published_line({"chest_xray": chest()}) == ""
    found = chest()
    found["steps"]["clean"]["scores"]["AUC"] = NUMBER
    found["steps"]["official test"] = {"scores": {
        f"{part} images like an official test file": {**NUMBER, "value": value}
        for part, value in (("test", 0.55), ("train", 0.45))
    }}  # fmt: skip
    line = published_line({"pneumoniamnist": found})
    assert "AUC 50.0 (40.0 to 60.0), accuracy 50.0 (40.0 to 60.0)" in line and "94.4" in line
    assert "for 55.0 (40.0 to 60.0) % the nearest" in line
    assert "for 45.0 (40.0 to 60.0) % of as many training images" in line
    found["steps"]["clean"]["flags"] = [{"flag": "odd"}]
    line = published_line({"pneumoniamnist": found})
    assert "accuracy 50.0" not in line and "so we do not compare them with" in line


def test_a_family_that_does_not_occur_in_a_set_has_a_dash():
    sets = {"cells": ("Stain",), "brains": ("Ghosting",), "letters": ()}
    results = {
        name: {"steps": {"corrupted": {"differences": {f"clean minus {f}": NUMBER for f in families}
                                       | {"file minus small": NUMBER}}} if families else {}}
        for name, families in sets.items()
    }  # fmt: skip
    assert corruption_table(results).splitlines() == [
        "| points lost | cells | brains |",
        "| --- | --- | --- |",
        "| Stain | 50.0 (40.0 to 60.0) | – |",
        "| Ghosting | – | 50.0 (40.0 to 60.0) |",
    ]
    assert corruption_table({"letters": results["letters"]}) == ""
    flagged = {"corrupted": {**results["cells"]["steps"]["corrupted"], "flags": [{"flag": "odd"}]}}
    assert corruption_table({"cells": {"steps": flagged}}) == ""


def test_every_claim_is_above_or_below():
    tested = judged_claims([ROW], {"chest_xray": chest()})
    above, *below = untested_line(tested).split("\n- ")
    assert f"Of the {len(TESTS) + len(UNTESTED)} claims of the course 1 stand above" in above
    listed = "".join(below).count(" (")
    assert f"and {listed} are not tested" in above and listed == len(TESTS) + len(UNTESTED) - 1
    (pending,) = (line for line in below if line.startswith("not measured yet: "))
    assert pending.count(" (") == len(TESTS) - 1 and "resnet_atk (Four grey" not in pending


def test_records_are_read_by_set(tmp_path):
    path = tmp_path / "assets/chest_xray/real/results.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(chest()))
    assert list(read_results(tmp_path)) == ["chest_xray"]
