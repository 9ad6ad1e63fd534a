"""A run in words."""

import json
import subprocess

import pytest
from toy_course import write_notebook

from utils.course.plan import make_plan
from utils.course.summary import changed_parameters, run_summary
from utils.run import folder_of


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "---> 1 fit()\n\n\x1b[31mValueError\x1b[0m: too few\n",
            "ValueError: too few\n",
        ),
        ("x\nRuntimeError: no fit:\n\tsize a\n\tsize b\n", "RuntimeError: no fit:\n    \tsize a"),
        ("Executing Cell 3\nKilled\n", "Killed"),
        ("ValueError: no class a\x07b\n", "ValueError: no class a\\x07b"),
        ("PapermillExecutionError:\n" + "---> 1 fit()\n" * 9 + "Stop: now\n", "Stop: now\n"),
        ("", "no message"),
    ],
)
def test_names_the_error_of_a_failure(tmp_path, said, told):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/results_page.log").write_text(said)
    printed = run_summary(tmp_path, {}, ["results page"], [])
    assert printed.startswith(f"results page failed: {told}") and "fit()" not in printed
    assert "Executed" not in printed and "traceback" not in printed


def test_names_the_folders_of_this_run_only(root):
    for dataset in ("brain", "chest", folder_of("folder:/mine")):
        (root / "assets" / dataset / "resnet").mkdir(parents=True)
    work = root / "work"
    (work / "notebooks").mkdir(parents=True)
    jobs = make_plan("quick", {"DATASET": "folder:/mine"}, ["resnet"])
    assert run_summary(work, jobs, [], []) == ""
    (work / "notebooks/resnet.ipynb").touch()
    printed = run_summary(work, jobs, [], []).split("\n")
    assert printed[1:] == [f"Figures, records    {root}/assets/{folder_of('folder:/mine')}"]


def test_names_parameters_that_differ_from_the_committed_ones(root):
    assert changed_parameters({"resnet": {}}) == ""  # no git here
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for arguments in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "course"]):
        subprocess.run(["git", *arguments], cwd=root, check=True)
    assert changed_parameters({"resnet": {}}) == ""
    write_notebook(root, "notebooks/resnet", "EPOCHS = 3\nRATE = 0.1\nNEW = 'a'")
    write_notebook(root, "notebooks/new", "SEED = 0")
    told = "Not as committed: resnet EPOCHS=3 (was 2), resnet NEW='a' (was 'absent')"
    assert changed_parameters({"resnet": {}, "new": {}}) == told
    assert changed_parameters({"results": {}}) == ""


def flagged(root, name, *red, sound=("sound",)):
    """A record of this chapter, with checks that are raised and others."""
    folder = root / "assets/brain" / name / "seed_0"
    folder.mkdir(parents=True)
    flags = [{"flag": flag, "red": flag in red, "reason": "why"} for flag in (*red, *sound)]
    facts = {"run": name, "dataset": "brain", "seed": 0, "flags": flags}
    (folder / "record.json").write_text(json.dumps(facts))
    return folder / "record.json"


def test_the_last_lines_name_the_red_flags_of_this_run(root):
    work = root / "work"
    (work / "notebooks").mkdir(parents=True)
    jobs = make_plan("quick", {}, ["resnet", "prepare_dataset"])
    for name in jobs:
        (work / f"notebooks/{name}.ipynb").touch()
    flagged(root, "prepare_dataset")
    flagged(root, "museum", "of another run")
    record = flagged(root, "resnet", "memory", "one \x1b[31m answer")
    last = run_summary(work, jobs, [], []).split("\n")[-2:]
    assert last[0] == "Red flags           4 checks in 2 runs, raised in resnet (seed 0)"
    assert last[1] == r"                    resnet: memory, one \x1b[31m answer"
    record.write_text("{")
    assert "unknown, because" in run_summary(work, jobs, [], []).split("\n")[-1]
    record.unlink()
    last = run_summary(work, jobs, [], []).split("\n")[-1]
    assert last == "Red flags           1 check in 1 run, none raised"
