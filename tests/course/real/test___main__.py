"""The command of the real sets."""

import pytest

from utils.course.real import __main__ as command


def test_measures_the_named_sets_and_steps(monkeypatch, capsys):
    calls = []

    def measure(name, root, only, report):
        calls.append((name, root, only))
        report("clean", {"CPU seconds": 1.5})
        return "record"

    monkeypatch.setattr(command, "measure", measure)
    command.main(["chest_xray", "--data-root", "/data", "--only", "clean,standard"])
    assert calls == [("chest_xray", "/data", ["clean", "standard"])]
    assert capsys.readouterr().out == "  clean: 1.5 s of one core\nchest_xray: record\n"


def test_an_unknown_set_ends_with_the_known_ones(capsys):
    with pytest.raises(SystemExit):
        command.main(["chest"])
    assert "unknown chest; choose from pneumoniamnist, chest_xray" in capsys.readouterr().err
