"""The command line: what it lists, what its help says, how it ends."""

import os
import subprocess
import sys
import tomllib

import pytest
from PIL import Image
from toy_course import course

from utils import HOME
from utils.course import __main__
from utils.course.__main__ import main


@pytest.fixture(autouse=True)
def typed(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["second-look"])


def ended(*arguments):
    """The exit code of a command, typed within this process."""
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    return end.value.code


def test_a_run_without_its_data_never_starts(root):
    status, printed, ran = course(root, "-p", "DATASET=folder:/nowhere")
    assert (status, ran) == (1, []) and not (root / "assets").exists()
    assert printed.startswith("second-look: DATASET: /nowhere is neither a folder nor a .csv")


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["list", "prepare_dataset"], "    DATASETS = 'brain chest'  # or more\n    SEED = 0\n"),
        (["list", "notebooks/resnet.ipynb"], "resnet  (needs prepare_dataset)\n    EPOCHS = 2\n"),
        (["list"], "results  (needs "),
        (["list", "--paths", "resnet"], "notebooks/resnet.ipynb\n"),
    ],
)
def test_lists_parameters_with_their_comments(root, capsys, arguments, shown):
    main(arguments)
    printed = capsys.readouterr().out
    assert shown in printed and ("resnet_atk" in printed) == (arguments == ["list"])


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("run", "None: the whole course"),
        ("run", "such as EPOCHS=3 or DATASET=PATH"),
        ("run", "Options of Snakemake follow --"),
        ("run", 'second-look run resnet -p DATASET="my images"'),
        ("list", "notebook only these"),
        ("list", "second-look list --paths"),
        ("audit", "0 nothing above a note, 1 warnings, 2 alarms, 3 not audited"),
        ("audit", "a .csv table"),
        ("audit", 'second-look audit "/data/my images"'),
        ("audit", "it runs no Python file that lies there"),
    ],
)
def test_help_says_what_can_be_typed(capsys, command, shown):
    assert ended(command, "--help") == 0
    assert shown in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("first", "name"),
    [("/bin/second-look", "second-look"), ("/u/course/__main__.py", "python -m utils.course")],
)
def test_help_names_the_command_as_it_was_typed(monkeypatch, capsys, first, name):
    monkeypatch.setattr(sys, "argv", [first])
    assert ended("list", "--help") == 0
    printed = capsys.readouterr().out
    assert f"usage: {name} list" in printed and f"  {name} list --paths" in printed


def test_the_console_command_is_this_one():
    project = tomllib.loads((HOME / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"] == {"second-look": "utils.course.__main__:main"}


@pytest.mark.parametrize("verb", ["run", "list"])
def test_a_misspelt_notebook_ends_with_a_guess(root, verb):
    assert "unknown notebook: 'resnett'; did you mean resnet?" in ended(verb, "resnett")


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["run", "--cores", "0"], "--cores: a whole number from 1 is needed, got '0'"),
        (["run", "--cores", "two"], "--cores: a whole number from 1 is needed, got 'two'"),
        (["list", "--", "--jobs", "2"], "only run takes options after --"),
        (["audit"], "required: PATH"),
        ([], "required: run|list|audit"),
    ],
)
def test_a_mistyped_command_ends_with_three_and_a_reason(capsys, arguments, shown):
    assert ended(*arguments) == 3
    assert shown in capsys.readouterr().err


@pytest.mark.parametrize("path", ["folder:", "", "folder:~no_such_user/x", "/" + "x" * 5000])
def test_a_path_that_is_none_is_not_audited(capsys, path):
    assert ended("audit", path) == 3
    assert "not audited" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text", ["EPOCHS={[]: 1}", "DATASET=folder:" + "x" * 5000, "DATASET=folder:", "DATASET="]
)
def test_a_strange_value_is_refused_in_one_line(root, text):
    refused = ended("run", "-p", text)
    assert refused.startswith("second-look: ") and "\n" not in refused


def test_ctrl_c_ends_without_a_traceback(monkeypatch, capsys):
    def interrupted(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr(__main__, "_list", interrupted)
    assert ended("list") == 130
    assert capsys.readouterr().err == "\nsecond-look: stopped; start again to resume\n"


def test_listing_the_course_does_not_wait_for_torch():
    code = (
        "import sys, utils.course.__main__ as m; m.main(['list']); sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=HOME, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_reader_that_stops_early_is_no_error():
    piped = f"{sys.executable} -m utils.course list | head -n 1"
    done = subprocess.run(piped, shell=True, cwd=HOME, capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("prepare_dataset") and done.stderr == ""


@pytest.mark.slow
def test_audits_a_plain_path_and_runs_no_code_that_lies_there(tmp_path, monkeypatch):
    """The installed command is a script elsewhere; only `python -m` looks into the folder."""
    folder = tmp_path / "my images"
    for number in range(4):
        picture = folder / "ab"[number % 2] / f"{number}.png"
        picture.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (40, 40), 40 * number).save(picture)
    noise = Image.effect_noise((200, 200), 60)
    noise.save(folder / "a/damaged.jpg", quality=95)  # decoded again by a process of its own
    intact = (folder / "a/damaged.jpg").read_bytes()
    (folder / "a/damaged.jpg").write_bytes(intact[:9000] + bytes(4096) + intact[13096:])
    for name in ("json", "numpy", "torch", "cv2", "utils", "sitecustomize"):
        (folder / f"{name}.py").write_text(f"open({str(tmp_path / 'executed')!r}, 'w')")
    script = tmp_path / "bin/second-look"
    script.parent.mkdir()
    script.write_text("from utils.course.__main__ import main\nmain()\n")
    done = subprocess.run(
        [sys.executable, script, "audit", ".", "--out", tmp_path / "report"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(HOME), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode in (0, 1, 2), done.stderr
    page = (tmp_path / "report/report.html").read_text(encoding="utf-8")
    assert "part of the JPEG data is missing" in page
    monkeypatch.chdir(tmp_path)
    assert ended("audit", "my images", "--out", "again", "--cache", "copies") == done.returncode
    assert not (tmp_path / "executed").exists()
