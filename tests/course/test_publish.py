"""Pages that are made from records which the test writes."""

import json
import shutil

import pytest

from utils.course.publish import filled, main, publish
from utils.evaluation.comparisons.claims import Claim
from utils.evaluation.intervals import Interval
from utils.run import start_run

PAGE = "a\n<!-- claims -->\nold\n<!-- /claims -->\nb\n<!-- real -->\nold\n<!-- /real -->\nc\n"
GUIDE = "a\n<!-- real -->\n<!-- /real -->\nb\n"
NUMBER = {"value": 0.5, "low": 0.4, "high": 0.6, "trainings": 3, "patients": 9}


@pytest.fixture
def home(assets):
    """A repository whose pages have nothing between their marks."""
    home = assets.parent
    assets.mkdir(exist_ok=True)
    (home / "README.md").write_text(PAGE)
    (assets / "README.md").write_text(GUIDE)
    return home


def test_fills_the_marked_blocks_and_nothing_else(home):
    publish(home)
    text = (home / "README.md").read_text()
    assert text.startswith("a\n<!-- claims -->\n| chapter |") and "old" not in text
    assert text.endswith("<!-- /claims -->\nb\n<!-- real -->\n<!-- /real -->\nc\n")
    assert (home / "assets/README.md").read_text() == GUIDE  # nothing was measured
    publish(home)
    assert (home / "README.md").read_text() == text
    with pytest.raises(ValueError, match="lacks the lines <!-- claims --> and <!-- /claims -->"):
        filled(GUIDE, "claims", "")


def test_the_numbers_of_real_images_reach_all_three_pages(home):
    scores = dict.fromkeys(("clean", "noise 4", "pgd 4"), NUMBER)
    record = {"dataset": "chest_xray", "failed": False, "steps": {"standard": {"scores": scores}}}
    path = home / "assets/chest_xray/real/results.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(record))
    publish(home)
    for name in ("README.md", "assets/README.md", "assets/RESULTS.md"):
        assert "50.0 (40.0 to 60.0)" in (home / name).read_text(), name


def test_a_run_on_real_images_stays_out_of_the_pages(home):
    run_with_claims(claim("holds"), dataset="chest_xray")
    publish(home)
    assert "Leak" not in (home / "assets/RESULTS.md").read_text()


def claim(verdict: str, name: str = "Leak") -> dict:
    found = Claim(name, "It gains.", "accuracy", "known", "new").evaluate(Interval(0.1, 0.05, 0.2))
    return {**found.row, "trainings": 5, "patients": 80, "verdict": verdict}


def run_with_claims(*claims: dict, dataset: str = "brain_phantom") -> None:
    run = start_run("leakage", dataset)
    run.record(conditions=[], flags=[], parameters={}, claims=claims)


def test_claims_come_from_the_run_and_stay_where_there_is_none(home):
    run_with_claims(claim("holds"), claim("holds", "Second"))
    publish(home)
    page, readme = (home / "assets/RESULTS.md").read_text(), (home / "README.md").read_text()
    claimed, found = "| leakage | Leak: It gains. |", " 10.0 (5.0 to 20.0) | holds | 5 |"
    assert f"{claimed} known minus new, accuracy | above 0 |{found} 80 |" in page
    assert f"{claimed}{found}\n" in readme
    assert "Second" in page and "Second" not in readme  # there the first of each chapter
    shutil.rmtree(home / "assets/brain_phantom/leakage")  # a fresh clone
    publish(home)
    assert (home / "assets/RESULTS.md").read_text() == page
    assert (home / "README.md").read_text() == readme


def test_an_undecided_claim_is_written_and_then_refused(home):
    run_with_claims(claim("undecided"))
    with pytest.raises(ValueError, match="undecided: leakage: Leak. Change the design"):
        publish(home)
    assert "| undecided |" in (home / "README.md").read_text()


def test_the_command_ends_with_an_error_code(home):
    run_with_claims(claim("undecided"))
    with pytest.raises(SystemExit) as end:
        main(home)
    assert end.value.code.startswith("results: undecided: leakage: Leak")  # printed; status 1
