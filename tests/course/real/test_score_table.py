"""All sets in one table."""

from utils.course.real.score_table import (
    FLAG,
    HARMLESS,
    cell,
    flag_lines,
    markdown_table,
    score_table,
)
from utils.course.real.steps import OF_SPLIT

NUMBER = {"value": 0.5, "low": 0.4, "high": 0.6, "trainings": 3, "patients": 9}
FLAGS = [{"flag": "odd", "reason": "because"}]
GOOD = {
    "settings": {"size": 64},
    "steps": {"clean": {"scores": {"accuracy": NUMBER}, "images": {"test": 1200}}},
}
FLAGGED = {"steps": {"standard": {"scores": {"pgd 4": NUMBER}, "flags": FLAGS}}}


def test_a_row_for_each_score_that_some_set_has():
    lines = score_table({"a": GOOD, "b": FLAGGED}).splitlines()
    assert lines[0] == "|  | a | b |" and lines[2].startswith("| images | 1,200 test | ")
    assert lines[3] == "| pixels of the network | 64 | – |"
    assert lines[4] == "| clean, accuracy | 50.0 (40.0 to 60.0) | – |"
    assert lines[5] == f"| PGD 4 | – | 50.0 (40.0 to 60.0) {FLAG} |" and len(lines) == 6


def test_leaky_and_honest_scores_stand_together():
    names = [f"folds by {unit}, {s}" for s in ("accuracy", "AUC") for unit in ("image", "patient")]
    folds = {"steps": {"leakage": {"scores": dict.fromkeys(names, NUMBER)}}}
    rows = [line.split(" | ")[0] for line in score_table({"a": folds}).splitlines()[-4:]]
    said = [row.removeprefix("| ").split(": ") for row in rows]
    assert [name for _, name in said] == names
    assert [kind for kind, _ in said] == ["leaky", "honest"] * 2


def test_a_flag_has_its_reason_below():
    assert flag_lines({"b": FLAGGED}) == f"- {FLAG} b, standard: *odd*: because.\n"
    assert flag_lines({"a": GOOD}) == ""


def test_a_flag_of_the_split_is_said_to_hold_everywhere_and_one_of_nothing_left_is_explained():
    steps = {"clean": {"flags": FLAGS, OF_SPLIT: FLAGS}, "ensemble": {OF_SPLIT: FLAGS}}
    assert flag_lines({"a": {"steps": steps}}) == (
        f"- {FLAG} a, clean and every score of the set: *odd*: because.\n"
    )
    left = {"standard": {"scores": {"pgd 4": {**NUMBER, "value": 0.0}}, "flags": FLAGS}}
    (line,) = flag_lines({"a": {"steps": left}}).splitlines()
    assert line == f"- {HARMLESS} a, standard: *odd*: because."


def test_a_missing_score_is_a_dash():
    assert cell(GOOD, "clean", "AUC") == cell(GOOD, "standard", "pgd 4") == "–"
    assert markdown_table(["x"], [["1"]]) == "| x |\n| --- |\n| 1 |\n"
