"""The command from end to end, its exit codes, and what it says where nothing was examined."""

import json
import stat
from types import SimpleNamespace

import pytest
import torch
from folders import class_folders

from utils.course.__main__ import main
from utils.examine import command_line, examination

CODE = """
import torch
from torch import nn

class Bright(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, images):
        second = self.weight * 20 * (images.mean((1, 2, 3)) - 0.5)
        return torch.stack([-second, second], 1)
"""


@pytest.fixture
def case(tmp_path, monkeypatch):
    monkeypatch.setattr(examination, "MOST_ATTACKED", 24)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.py").write_text(CODE)
    class_folders(tmp_path / "data", ("a", "b"), each=6)
    return tmp_path


def run(*arguments):
    with pytest.raises(SystemExit) as stopped:
        main(["examine", *map(str, arguments)])
    return stopped.value.code


def test_a_model_is_examined_and_the_report_written(case, capsys):
    torch.save({"weight": torch.ones(1)}, case / "w.pt")
    (case / "data" / "a" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    code = run("model.py:Bright", "--weights", "w.pt", "--data", case / "data", "--size", 16)
    printed = capsys.readouterr().out
    facts = json.loads((case / "report" / "report.json").read_text())
    assert code == facts["exit code"] == 2 and "Verdict" in printed and "index.html" in printed
    assert facts["files not read"] == 1 and facts["count"] == 12
    assert not (case / "report" / "unfinished").exists()
    assert stat.S_IMODE((case / "report").stat().st_mode) == 0o700  # it holds images


def test_class_names_in_the_summary_move_no_cursor(monkeypatch, capsys):
    report = SimpleNamespace(summary=lambda _: "always b\x1b]0;owned\x07\nExit code", exit_code=1)
    monkeypatch.setattr(command_line, "_examined", lambda *_, **__: (report, "report/index.html"))
    assert run("model.py:Bright", "--data", "data") == 1
    assert capsys.readouterr().out.startswith("always b\\x1b]0;owned\\x07\nExit code\nReport ")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("nothing.py:Bright", "--data", "data"), "is no file"),
        (("model.py:Bright", "--data", "nowhere/at/all"), "nowhere"),
        (("model.py:Bright", "--data", "data", "--std", "0"), "std > 0"),
        (("model.py:Bright", "--data", "data", "--minutes", "-1"), "minutes"),
        (("model.py:Bright", "--data", "data", "--activation", "relu"), "softmax, sigmoid"),
        (("model.py:Bright", "--data", "data", "--classes", "a,c"), "have the class"),
    ],
)
def test_what_cannot_be_examined_ends_with_3_and_one_line(arguments, why, case, capsys):
    assert run(*arguments, "--size", 16) == 3
    error = capsys.readouterr().err
    assert why in error and "Traceback" not in error
