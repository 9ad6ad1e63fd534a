"""The runner on a toy course: what runs, what is skipped, what a failure or a kill leaves."""

import os
import signal
import subprocess
import sys
import time

import nbformat.v4
import psutil
import pytest

from utils.course import plan
from utils.course.__main__ import main
from utils.course.parameters import typed_parameters
from utils.course.plan import HOME, make_plan, needs_of, read_course, widest
from utils.course.summary import run_summary
from utils.run import folder_of

NOTE = "open('../ran', 'a').write('{name} ')"  # leaves a trace of every execution
TOY = {
    "dataset/prepare_dataset": ["DATASETS = 'brain chest'  # or more\nSEED = 0"],
    "notebooks/resnet": ["EPOCHS = 2\nRATE = 0.1\nDATASET = 'brain'"],
    "notebooks/resnet_atk": ["EPSILONS = [2, 8]\nFAIL = False", "assert not FAIL, 'planted'"],
    "notebooks/results": ["SEED = 0"],
}
HOLD = """
import os, pathlib, time
pathlib.Path('../kernel').write_text(str(os.getpid()))
while pathlib.Path('../hold').exists(): time.sleep(0.1)
"""


def write_notebook(root, name, parameters, *cells):
    tagged = nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})
    rest = [nbformat.v4.new_code_cell(source) for source in cells]
    path = root / f"{name}.ipynb"
    path.parent.mkdir(exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=[tagged, *rest]), path)


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A course of four notebooks that do nearly nothing."""
    for name, cells in TOY.items():
        write_notebook(tmp_path, name, *cells, NOTE.format(name=name.split("/")[1]))
    (tmp_path / "env").mkdir()
    (tmp_path / "env/profiles.yaml").write_text("quick: {}\nfull:\n  resnet: {EPOCHS: 9}\n")
    (tmp_path / "utils").mkdir()
    (tmp_path / "utils/tool.py").write_text("ONE = 1\n")
    monkeypatch.setattr(plan, "ROOT", tmp_path)
    return tmp_path


def start(root, *arguments):
    command = [sys.executable, "-m", "utils.course", "run", *arguments]
    environment = {**os.environ, "SECOND_LOOK_ROOT": str(root), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command,
        cwd=HOME,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def course(root, *arguments):
    """Run it to its end: exit status, what it printed, what it executed."""
    (root / "ran").write_text("")
    process = start(root, *arguments)
    printed, _ = process.communicate(timeout=120)
    return process.returncode, printed, (root / "ran").read_text().split()


def keys(typed=None):
    return {name: job["key"] for name, job in make_plan("quick", typed or {}, []).items()}


def changed(before, after):
    return {name for name in after if before.get(name) != after[name]}


def test_names_tell_what_is_needed(root):
    write_notebook(root, "notebooks/museum", "SEED = 0")
    needs = needs_of(read_course())
    assert needs["resnet_atk"] == ["resnet"] and needs["museum"] == ["prepare_dataset"]
    assert set(needs["results"]) == set(needs) - {"results"} and list(needs)[-1] == "results"
    assert widest(make_plan("quick", {}, [])) == 2
    assert list(make_plan("quick", {}, ["resnet"])) == ["prepare_dataset", "resnet"]


def test_a_parameter_changes_what_knows_it_and_what_follows(root):
    assert changed(keys(), keys({"EPSILONS": "[4]"})) == {"resnet_atk", "results"}
    assert changed(keys(), keys({"EPOCHS": "3"})) == {"resnet", "resnet_atk", "results"}
    assert changed(keys(), keys({"EPOCHS": "2", "RATE": "1e-1"})) == set()


def test_code_and_raw_data_change_the_key_but_prose_and_outputs_do_not(root):
    before = keys()
    path = root / "notebooks/resnet.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell("prose"))
    notebook.cells[1].outputs = [nbformat.v4.new_output("stream", text="1")]
    nbformat.write(notebook, path)
    assert changed(before, keys()) == set()
    (root / "utils/tool.py").write_text("ONE = 2\n")
    assert changed(before, after := keys()) == set(before)
    (root / "dataset/raw_dataset").mkdir()
    (root / "dataset/raw_dataset/image.png").write_text("")
    assert changed(after, later := keys()) == set(before)
    assert changed(later, keys()) == set()


def test_a_profile_may_speak_to_one_notebook(root):
    plan = make_plan("full", {"SEED": "3"}, [])
    assert plan["resnet"]["parameters"] == {"EPOCHS": 9}
    assert plan["results"]["parameters"] == {"SEED": 3}
    assert make_plan("full", {"EPOCHS": "4"}, [])["resnet"]["parameters"] == {"EPOCHS": 4}


@pytest.mark.parametrize(
    ("typed", "parameters"),
    [
        ({"RATE": "1"}, {"RATE": 1.0}),
        ({"RATE": "1e-3"}, {"RATE": 1e-3}),
        ({"DATASET": "folder:/images"}, {"DATASET": "folder:/images"}),
        ({"DATASET": "7"}, {"DATASET": "7"}),
    ],
)
def test_text_becomes_the_type_of_the_default(root, typed, parameters):
    assert make_plan("quick", typed, [])["resnet"]["parameters"] == parameters


@pytest.mark.parametrize(
    ("profile", "typed", "names", "message"),
    [
        ("quick", {"EPOCS": "1"}, [], "'EPOCS'; did you mean EPOCHS[?]$"),
        ("quick", {"epochs": "1"}, [], "'epochs'; did you mean EPOCHS[?]$"),
        (
            "quick",
            {"LR": "1"},
            ["resnet"],
            "'LR'; known are DATASET, DATASETS, EPOCHS, RATE, SEED$",
        ),
        ("quick", {"FAIL": "True"}, ["resnet"], "no notebook of this run knows FAIL; resnet_atk w"),
        ("quick", {"EPOCHS": "abc"}, [], "resnet takes EPOCHS as int.*'abc'"),
        ("quick", {"EPOCHS": "True"}, [], "resnet takes EPOCHS as int"),
        ("quick", {"EPSILONS": "[1"}, [], "resnet_atk takes EPSILONS as list"),
        ("quick", {}, ["nothing"], "unknown notebook: 'nothing'; known are prepare_dataset"),
        ("quick", {}, ["resnett"], "unknown notebook: 'resnett'; did you mean resnet[?]$"),
        ("huge", {}, [], "unknown profile: 'huge'; known are full, quick"),
    ],
)
def test_a_mistake_is_named_before_anything_starts(root, profile, typed, names, message):
    with pytest.raises(ValueError, match=message):
        make_plan(profile, typed, names)


def test_a_profile_with_an_unknown_name_is_refused(root):
    (root / "env/profiles.yaml").write_text("quick: {EPOCS: 1}\n")
    with pytest.raises(ValueError, match="EPOCS"):
        make_plan("quick", {}, [])


def test_a_profile_may_speak_to_notebooks_that_do_not_run(root):
    (root / "env/profiles.yaml").write_text("quick: {FAIL: true}\n")
    assert list(make_plan("quick", {}, ["resnet"])) == ["prepare_dataset", "resnet"]


def test_what_a_run_needs_may_know_a_parameter_that_it_does_not(root):
    assert make_plan("quick", {"RATE": "1"}, ["resnet_atk"])["resnet"]["parameters"] == {"RATE": 1}


@pytest.mark.parametrize(
    ("typed", "prepared"),
    [
        ({}, "chest cells"),
        ({"DATASET": "folder:/mine"}, "folder:/mine"),
        ({"DATASET": "chest", "DATASETS": "chest brain"}, "chest brain"),
    ],
)
def test_the_data_set_of_the_chapters_is_what_is_prepared(root, typed, prepared):
    profile = "quick: {prepare_dataset: {DATASETS: chest cells}}\n"
    (root / "env/profiles.yaml").write_text(profile)
    for names in ([], ["prepare_dataset"]):
        plan = make_plan("quick", typed, names)
        assert plan["prepare_dataset"]["parameters"] == {"DATASETS": prepared}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to call from, with folders and a table of images in it."""
    for name in ("mine", "my images", "my"):
        (tmp_path / name).mkdir()
    (tmp_path / "table.csv").touch()
    (tmp_path / "spaceless").symlink_to("my images")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("texts", "meant"),
    [
        (["RATE=a=b"], {"RATE": "a=b"}),
        (["DATASET=brain_phantom"], {"DATASET": "brain_phantom"}),
        (["DATASET=folder:mine"], {"DATASET": "folder:HERE/mine"}),
        (["DATASET=folder:table.csv"], {"DATASET": "folder:HERE/table.csv"}),
        (["DATASET=folder:HERE/mine/"], {"DATASET": "folder:HERE/mine"}),
        (["DATASET=folder:spaceless"], {"DATASET": "folder:HERE/spaceless"}),
        (["DATASETS=folder:mine chest_phantom"], {"DATASETS": "folder:HERE/mine chest_phantom"}),
        (
            ["DATASET=folder:my images", "DATASETS=brain_phantom"],
            {"DATASET": "folder:HERE/my images", "DATASETS": "brain_phantom"},
        ),
    ],
)
def test_a_folder_is_the_one_seen_by_who_typed_it(here, texts, meant):
    texts = [text.replace("HERE", str(here)) for text in texts]
    meant = {name: value.replace("HERE", str(here)) for name, value in meant.items()}
    assert typed_parameters(texts) == meant


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("EPOCHS", "a parameter is written NAME=value, got 'EPOCHS'"),
        ("DATASET=folder:gone", "DATASET: /.*/gone is neither a folder nor a .csv table$"),
        ("DATASET=mine", "DATASET: unknown data set 'mine'; did you mean folder:mine[?]"),
        ("DATASET=", "DATASET: unknown data set ''; choose from"),
        ("DATASETS=", "DATASETS: unknown data set ''; choose from"),
        ("DATASET=folder:my images", "spaces separate data sets.*my images' holds one"),
        ("DATASETS=folder:my images", "unknown data set 'images'.*spaces separate data sets"),
        ("DATASETS=folder:gone images", "/gone is neither.*spaces separate data sets"),
    ],
)
def test_a_data_set_that_is_not_there_is_refused_where_it_was_typed(here, text, message):
    with pytest.raises(ValueError, match=message):
        typed_parameters([text])


def test_a_run_without_its_data_never_starts(root):
    status, printed, ran = course(root, "-p", "DATASET=folder:/nowhere")
    assert (status, ran) == (1, []) and not (root / "assets").exists()
    assert printed == "course: DATASET: /nowhere is neither a folder nor a .csv table\n"


def test_a_derived_parameter_is_refused(root):
    write_notebook(root, "notebooks/museum", "EPSILON = 8 / 255")
    with pytest.raises(ValueError, match="must be a literal"):
        read_course()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["list", "prepare_dataset"], "    DATASETS = 'brain chest'  # or more\n    SEED = 0\n"),
        (["list", "notebooks/resnet.ipynb"], "resnet  (needs prepare_dataset)\n    EPOCHS = 2\n"),
        (["list"], "results  (needs "),
        (["list", "--paths", "resnet"], "notebooks/resnet.ipynb\n"),
    ],
)
def test_lists_parameters_with_what_is_written_beside_them(
    root, monkeypatch, capsys, arguments, told
):
    monkeypatch.setattr("utils.course.__main__.ROOT", root)
    main(arguments)
    printed = capsys.readouterr().out
    assert told in printed and ("resnet_atk" in printed) == (arguments == ["list"])


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("run", "None: the whole course"),
        ("run", "such as EPOCHS=3"),
        ("run", "Options of Snakemake follow --"),
        ("list", "notebook only these"),
        ("audit", "0 nothing above a note, 1 warnings, 2 alarms, 3 not audited"),
        ("audit", "a .csv table"),
    ],
)
def test_help_says_what_can_be_typed(capsys, command, told):
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0 and told in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("arguments", [["run", "resnett"], ["list", "resnett"]])
def test_a_misspelt_notebook_ends_with_a_guess(root, capsys, arguments):
    with pytest.raises(SystemExit, match="unknown notebook: 'resnett'; did you mean resnet[?]"):
        main(arguments)


def test_collects_failures_and_skips_what_is_up_to_date(root):
    committed = {path: path.read_bytes() for path in root.glob("*/*.ipynb")}
    status, printed, ran = course(root, "-p", "FAIL=true")
    assert status == 1 and ran == ["prepare_dataset", "resnet"], printed
    assert "resnet_atk failed: AssertionError: planted\n" in printed and "-->" not in printed
    assert "logs/resnet_atk.log" in printed and "logs/resnet_atk.ipynb\n" in printed
    assert "Not run, because they need what failed: results" in printed
    assert "Executed notebooks" in printed and "Results page" not in printed
    status, printed, ran = course(root)
    assert status == 0 and ran == ["resnet_atk", "results"] and "3 of  3" in printed, printed
    assert (root / "assets/course/quick/results.html").exists() and "Results page" in printed
    status, printed, ran = course(root)
    assert (status, ran) == (0, []) and "Results page" in printed
    printed = course(root, "resnet")[1]
    assert "Executed notebooks" in printed and "Results page" not in printed  # of an older run
    assert committed == {path: path.read_bytes() for path in committed}


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


def test_survives_a_kill_of_the_driver(root):
    write_notebook(root, "notebooks/resnet", "EPOCHS = 2", HOLD, NOTE.format(name="resnet"))
    (root / "hold").touch()
    driver = start(root, "resnet")
    wait_for((root / "kernel").exists, 60)
    kernel = int(wait_for((root / "kernel").read_text, 5))
    status, printed, _ = course(root, "resnet")
    assert status == 1 and "another run is at work" in printed
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    wait_for(lambda: not psutil.pid_exists(kernel), 10)
    (root / "hold").unlink()
    status, printed, ran = course(root, "resnet")
    assert status == 0 and ran == ["resnet"], printed


def wait_for(condition, seconds):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)
    return found
