"""The report: page, facts and summary."""

import hashlib
import json
import os
import signal
import subprocess
import sys

from folders import HOME, two_classes

from utils.audit import CHECKS
from utils.audit.planted_faults import flagged_files


def test_the_page_needs_no_network_and_the_facts_hold_no_picture(audited):
    _, found, _ = audited
    page = found.page.read_text()
    assert "<script" not in page and "http" not in page and 'src="data:image/png' in page
    assert "contains images" in page and all(title in page for title in CHECKS)
    facts = json.loads((found.page.parent / "findings.json").read_text())
    assert facts["exit code"] == 2 and facts["severity"] == "alarm"
    assert [finding["title"] for finding in facts["findings"]] == list(CHECKS)
    assert "base64" not in json.dumps(facts)
    flagged = {one["title"]: set(one["flagged"]) for one in facts["findings"]}
    noisy = {found.folder.base + file for file in flagged["Noise"]}  # relative in the report
    assert noisy == flagged_files(found, "Noise")


def digest(report):
    files = [report / name for name in ("report.html", "findings.json")]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


KILLED = """
import sys, os, signal, pathlib
from utils.audit import audit
from utils.data import loading, reader
loading.VARIABLES, reader.PIECE = pathlib.Path(sys.argv[2]), 5
read, pieces = reader._read_piece, []
def counted(*arguments):
    pieces.append(1)
    if len(pieces) == int(sys.argv[4]):
        os.kill(os.getpid(), signal.SIGKILL)
    return read(*arguments)
reader._read_piece = counted
audit("folder:" + sys.argv[1], size=32, out=sys.argv[3])
print(len(pieces))
"""


def test_killed_and_started_again_ends_with_the_same_report(tmp_path):
    folder = two_classes(tmp_path / "f", 15)

    def start(cache, kill):
        command = [sys.executable, "-c", KILLED, folder, tmp_path / cache, tmp_path / f"{cache}_r"]
        return subprocess.run(
            [*map(str, command), str(kill)], cwd=HOME, capture_output=True, text=True, timeout=120,
            env={**os.environ, "PYTHONPATH": str(HOME), "OMP_NUM_THREADS": "1"},
        )  # fmt: skip

    assert start("killed", 4).returncode == -signal.SIGKILL
    again, never = start("killed", 0), start("never", 0)
    assert (again.stdout, never.stdout) == ("3\n", "6\n"), again.stderr
    assert digest(tmp_path / "killed_r") == digest(tmp_path / "never_r")
