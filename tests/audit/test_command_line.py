"""`audit` and its command: nothing is changed, what is printed, and the exit codes."""

import io
import socket
import subprocess
import sys

import pytest
from folders import HOME, picture, two_classes

from utils.audit import CHECKS, NOT_AUDITED, audit
from utils.audit.command_line import printable
from utils.course import __main__


def test_nothing_is_sent_and_nothing_in_the_folder_is_changed(tmp_path, cache, monkeypatch):
    folder = two_classes(tmp_path / "f")
    before = {path: path.read_bytes() for path in folder.rglob("*.png")}

    def refuse(*_):
        raise AssertionError("no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    audit(f"folder:{folder}", size=32, out=tmp_path / "report")
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def command(*arguments):
    """The exit code of the command, run in this process."""
    with pytest.raises(SystemExit) as end:
        __main__.main(["audit", *map(str, arguments)])
    return end.value.code


def test_the_command_prints_a_summary_and_where_the_report_lies(tmp_path, cache, capsys):
    folder = two_classes(tmp_path / "f")
    arguments = (f"folder:{folder}", "--out", tmp_path / "r", "--size", 32)
    assert command(*arguments) == 1  # six images: most checks cannot be made, and that is no pass
    printed = capsys.readouterr().out
    assert printed.startswith("Verdict     Look before you train. ") and "were not made" in printed
    assert str(tmp_path / "r/report.html") in printed and "Class balance" in printed
    (folder / "b/0.png").write_bytes((folder / "a/0.png").read_bytes())
    assert command(*arguments) == 2


def test_a_message_moves_no_cursor_and_fills_no_screen():
    assert printable("class 'a\x1b]0;owned\x07'\nü") == "class 'a\\x1b]0;owned\\x07'\nü"
    assert len(printable("x" * 5000)) < 1100


def test_names_with_control_characters_reach_no_terminal(tmp_path, capsys):
    assert command("one", "\x1b]0;two\x07") == NOT_AUDITED
    assert "\x1b" not in capsys.readouterr().err
    picture(tmp_path / "f" / "a\x1b]0;owned\x07" / "0.png")
    assert command(f"folder:{tmp_path / 'f'}", "--out", tmp_path / "r") == NOT_AUDITED
    assert "\x1b" not in capsys.readouterr().err


def test_class_names_in_the_summary_move_no_cursor(tmp_path, cache, capsys):
    folder = two_classes(tmp_path / "f", 26)
    picture(folder / "c\x1b]0;owned\x07" / "0.png", 99)
    command(folder, "--out", tmp_path / "r", "--size", 32)
    printed = capsys.readouterr().out
    assert r"c\x1b]0;owned\x07" in printed and "\x1b" not in printed and "\x07" not in printed


def test_a_failing_check_ends_with_three_and_hides_no_other(tmp_path, cache, monkeypatch):
    monkeypatch.setitem(CHECKS, "broken", lambda made: 1 / 0)
    assert command(f"folder:{two_classes(tmp_path / 'f')}", "--out", tmp_path / "r") == NOT_AUDITED
    page = (tmp_path / "r/report.html").read_text()
    assert "ZeroDivisionError" in page and "Class balance" in page


def test_a_name_that_no_terminal_can_print_changes_no_exit_code(tmp_path, cache, monkeypatch):
    for name in ("\u0142", "\u0144"):
        picture(tmp_path / "f" / name / "0.png")
    for stream in ("stdout", "stderr"):
        monkeypatch.setattr(sys, stream, io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert command(f"folder:{tmp_path / 'f'}", "--out", tmp_path / "r") == 2
    printed = sys.stdout.buffer.getvalue()
    assert b"Exit code   2" in printed and rb"\u0142" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["folder:/nowhere"], "neither a folder"),
        (["{}/one"], "only one class"),
        (["{}/nothing"], "neither a folder"),
        (["folder:{}/one"], "only one class"),
        (["folder:{}/empty"], "no class folders"),
        (["folder:{}/broken"], "none of 2 files could be read"),
        (["brain_phantom"], "no image files of its own"),
        (["folder:{}/one", "--size", "2"], "size must be"),
        (["folder:{}/one", "--sise", "2"], "unrecognized"),
        (["folder:{}/one", "--out", "{}/none.csv"], "nothing can be written to"),
        (["folder:{}/one", "--out", "{}/none.csv/report"], "nothing can be written to"),
        (["folder:{}/one", "--baseline", ""], "baseline is an empty path"),
        (["folder:{}/one", "--manifest", ""], "manifest is an empty path"),
        (["folder:{}/one", "--cache", " "], "cache is an empty path"),
        (["folder:{}/one", "--out", ""], "out is an empty path"),
        (["folder:{}/none.csv"], "has a header and no row"),
        (["folder:{}/one", "--", "--jobs", "2"], "only run takes options"),
        (["folder:{}/latin.csv"], "latin.csv cannot be read as a table: it is not in UTF-8"),
        (["folder:{}/zero.csv"], "zero.csv names a file with a zero byte"),
        ([], "required"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_audited_ends_with_three_and_a_reason(
    arguments, message, tmp_path, cache, capsys
):
    picture(tmp_path / "one/a/0.png")
    (tmp_path / "empty").mkdir()
    (tmp_path / "none.csv").write_text("path,label\n")
    (tmp_path / "latin.csv").write_bytes(b"path,label\nM\xfcller.png,a\n")
    (tmp_path / "zero.csv").write_bytes(b"path,label\na\0.png,a\n")
    for name in "ab":
        (tmp_path / "broken" / name).mkdir(parents=True)
        (tmp_path / "broken" / name / "x.png").write_bytes(b"")
    assert command(*(argument.format(tmp_path) for argument in arguments)) == NOT_AUDITED
    printed = capsys.readouterr().err
    assert message in printed and "Traceback" not in printed


def test_reports_are_ignored_by_git():
    ignored = subprocess.run(["git", "check-ignore", "assets/audit/x/report.html"], cwd=HOME)
    assert ignored.returncode == 0


def test_the_second_delivery_is_compared_with_the_first(tmp_path, cache, capsys):
    folder, first = two_classes(tmp_path / "f"), tmp_path / "first"
    command(folder, "--out", first, "--size", 32)
    (folder / "b/0.png").write_bytes((folder / "a/0.png").read_bytes())
    again = ("--baseline", first / "findings.json", "--cache", tmp_path / "mine")
    assert command(folder, "--out", tmp_path / "second", "--size", 32, *again) == 2
    printed = " ".join(capsys.readouterr().out.split())
    assert "Duplicates was ok and is alarm." in printed and "7 images, +1 since then" in printed
    assert command(folder, "--baseline", tmp_path / "nowhere.json") == NOT_AUDITED
