"""A run in words."""

import pytest

from utils.course.plan import make_plan
from utils.course.summary import run_summary
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
        ("PapermillExecutionError:\n" + "---> 1 fit()\n" * 9 + "Stop: now\n", "Stop: now\n"),
        ("", "it said nothing"),
    ],
)
def test_of_a_failure_the_error_itself_is_told(tmp_path, said, told):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/results_page.log").write_text(said)
    printed = run_summary(tmp_path, {}, ["results page"], [])
    assert printed.startswith(f"results page failed: {told}") and "fit()" not in printed
    assert "Executed" not in printed and "traceback" not in printed


def test_of_a_run_its_own_folders_are_told(root, monkeypatch):
    monkeypatch.setattr("utils.course.summary.ROOT", root)
    for dataset in ("brain", "chest", folder_of("folder:/mine")):
        (root / "assets" / dataset / "resnet").mkdir(parents=True)
    work = root / "work"
    (work / "notebooks").mkdir(parents=True)
    jobs = make_plan("quick", {"DATASET": "folder:/mine"}, ["resnet"])
    assert run_summary(work, jobs, [], []) == ""
    (work / "notebooks/resnet.ipynb").touch()
    printed = run_summary(work, jobs, [], []).split("\n")
    assert printed[1:] == [f"Figures, records    {root}/assets/{folder_of('folder:/mine')}"]
