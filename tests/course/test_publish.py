"""Tables of results, made from records that the test writes."""

import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from small import random_predictions

from utils.course.publish import (
    main,
    publish,
    published_records,
    results_page,
    summary_table,
    with_claims,
)
from utils.course.records import WITHDRAWN
from utils.evaluation.comparisons.claims import Claim
from utils.evaluation.conditions import Condition
from utils.evaluation.intervals import Interval
from utils.evaluation.metrics import balanced_accuracy
from utils.run import start_run

PGD = Condition("pgd", 4 / 255)
PAGE = "a\n<!-- claims -->\nold\n<!-- /claims -->\nb\n"
NEAREST = "no better than a nearest-neighbour look-up"


def flag(name, variant=None, red=True):
    return {"variant": variant, "flag": name, "red": red, "reason": "told"}


def finished(name, seed=0, dataset="chest_xray", flags=(), **variants):
    run = start_run(name, dataset, seed)
    run.save_predictions(variants)
    found = [str(c) for conditions in variants.values() for c in conditions]
    run.record(conditions=found, flags=list(flags), parameters={"SEED": seed})


def balanced(found):
    return f"{100 * balanced_accuracy(found.confusion):.1f}"


@pytest.fixture
def home(assets):
    """A repository with three records of real images and one of drawn ones, all committed."""
    clean, attacked = random_predictions(0), random_predictions(1, skill=0)
    for seed in (0, 1):
        models = {name: {"clean": clean, PGD: attacked} for name in ("standard", "adversarial")}
        flags = [flag("odd", "adversarial"), flag("fine", "standard", red=False)]
        finished("resnet_atk", seed, flags=flags if seed else (), **models)
    finished("resnet", flags=[flag(NEAREST)], standard={"clean": clean})
    finished("resnet", dataset="brain_phantom", standard={"clean": clean})
    home = assets.parent
    (home / "README.md").write_text(PAGE)
    for arguments in (["init", "-q"], ["add", "-f", "."]):
        subprocess.run(["git", *arguments], cwd=home, check=True)
    return home


def test_reads_the_records_of_real_images_that_git_knows(home):
    finished("rnn", standard={"clean": random_predictions(0)})
    names = [(record.name, record.facts["seed"]) for record in published_records(home)]
    assert names == [("resnet", 0), ("resnet_atk", 0), ("resnet_atk", 1)]


def test_the_page_has_a_line_for_each_model_of_each_run(home):
    page = results_page([], published_records(home)).partition("## All models")[2]
    lines = [line for line in page.split("\n") if "|" in line]
    clean = f"{balanced(random_predictions(0))} ("
    assert len(lines) == 2 + 1 + 2 + 2
    assert lines[2].startswith("| resnet, 0 | standard | 20 | ") and lines[2].endswith(
        f"| – | – | – | {100 * random_predictions(0).accuracy:.1f} | – | {NEAREST} |"
    )
    cells = [cell.strip() for cell in lines[3].split("|")]
    assert cells[1:4] == ["resnet_atk, 0", "standard", "20"] and cells[5] == "pgd 4"
    assert cells[4].startswith(clean) and cells[-2] == "none"
    assert cells[-3] == f"{100 * random_predictions(1, skill=0).accuracy:.1f}"
    assert [line.split("|")[-2].strip() for line in lines[5:]] == ["none", "odd"]


def test_the_page_warns_of_classes_with_few_patients(home):
    page = results_page([], published_records(home))
    assert "patients of" not in page  # 20 of each class
    few = random_predictions(0).take(slice(15))
    finished("rnn", dataset="alzheimer_mri", standard={"clean": few})
    subprocess.run(["git", "add", "-f", "."], cwd=home, check=True)
    page = results_page([], published_records(home))
    assert "In some chapters fewer than 10 patients of mild, none, severe.\n" in page
    assert "patients of" not in summary_table(published_records(home))  # rnn was not attacked
    finished("rnn_atk", dataset="alzheimer_mri", standard={"clean": few, PGD: few})
    subprocess.run(["git", "add", "-f", "."], cwd=home, check=True)
    summary = summary_table(published_records(home))
    assert summary.endswith("\nalzheimer_mri: fewer than 10 patients of mild, none, severe.\n")


def test_the_summary_pools_seeds_and_counts_flags(home):
    *_, line = summary_table(published_records(home)).strip().split("\n")
    cells = [cell.strip() for cell in line.split("|")[1:-1]]
    assert cells[0] == "chest_xray, resnet_atk" and cells[-1] == "1"
    assert cells[2] == cells[4] and cells[3] == cells[5] and cells[2] != cells[3]
    score = balanced(random_predictions(0))
    assert cells[2] == f"{score} and {score}"  # two trainings have no interval


def test_rare_classes_count_as_much_as_the_common_one(home):
    rare = random_predictions(0, skill=0).take(np.r_[1:60:3, 0, 2])  # 20 of one class, 2 of others
    always = replace(rare, probabilities=np.tile([0.0, 1.0, 0.0], (22, 1)))
    finished("rnn_atk", dataset="alzheimer_mri", standard={"clean": always, PGD: always})
    subprocess.run(["git", "add", "-f", "."], cwd=home, check=True)
    records = published_records(home)
    long_page = results_page([], records).partition("## All models")[2]
    pages = (summary_table(records), long_page)
    short, long = (
        next(line.split(" | ") for line in page.split("\n") if "rnn_atk" in line) for page in pages
    )
    assert short[1] == "33.3" and short[2].startswith("33.3 (") and short[3].startswith("33.3 (")
    assert long[3].startswith("33.3 (") and long[7:9] == ["90.9", "90.9"]


def test_a_withdrawn_flag_stands_in_one_sentence_and_in_no_table(home):
    (name,) = WITHDRAWN
    finished("rnn", flags=[flag(name, "standard")], standard={"clean": random_predictions(0)})
    subprocess.run(["git", "add", "-f", "."], cwd=home, check=True)
    page = results_page([], published_records(home))
    assert page.count(name) == 1 and "rnn, 0 | standard" in page


def test_fills_the_marked_block_and_nothing_else(home):
    publish(home)
    text = (home / "README.md").read_text()
    assert text.startswith("a\n<!-- claims -->\n| chapter |") and "old" not in text
    assert text.endswith("<!-- /claims -->\nb\n")
    publish(home)
    assert (home / "README.md").read_text() == text
    with pytest.raises(ValueError, match="lacks the lines <!-- claims --> and <!-- /claims -->"):
        with_claims(PAGE.replace("<!-- claims -->", ""), [])


def claim(verdict: str, name: str = "Leak") -> dict:
    found = Claim(name, "It gains.", "accuracy", "known", "new").evaluate(Interval(0.1, 0.05, 0.2))
    return {**found.row, "trainings": 5, "patients": 80, "verdict": verdict}


def run_with_claims(*claims: dict, **parameters) -> None:
    run = start_run("leakage", "brain_phantom")
    run.record(conditions=[], flags=[], parameters=parameters, claims=claims)


def test_claims_come_from_the_run_and_stay_where_there_is_none(home):
    run_with_claims(claim("holds"), claim("holds", "Second"))
    publish(home)
    page, readme = (home / "assets/RESULTS.md").read_text(), (home / "README.md").read_text()
    line = (
        "| leakage | Leak: It gains. | known minus new, accuracy | above 0 | 10.0 (5.0 to 20.0) |"
    )
    assert line in page and line.replace(" known minus new, accuracy |", "") in readme
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
