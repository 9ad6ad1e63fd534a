"""The report: page, facts and summary."""

import hashlib
import json
import os
import signal
import subprocess
import sys

import pytest
from folders import HOME, two_classes
from forked import forked

from utils.audit import CHECKS, audit
from utils.audit.planted_faults import flagged_files
from utils.data import loading, reader


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


def audit_in_pieces(folder, cache, kill) -> int:
    """How many pieces were read; the process is killed at one of them."""
    read, pieces = reader._read_piece, []

    def counted(*arguments):
        pieces.append(1)
        if len(pieces) == kill:
            os.kill(os.getpid(), signal.SIGKILL)
        return read(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loading, "VARIABLES", cache)
        patch.setattr(reader, "PIECE", 5)
        patch.setattr(reader, "_read_piece", counted)
        audit(f"folder:{folder}", size=32, out=f"{cache}_report")
    return len(pieces)


RESUMED = """
import sys
sys.path[:0] = [{tests!r}, {tests!r} + "/audit"]
from pathlib import Path
from test_report import audit_in_pieces
print(audit_in_pieces(Path(sys.argv[1]), Path(sys.argv[2]), 0))
"""


def test_killed_and_started_again_ends_with_the_same_report(tmp_path):
    """The process that goes on is a new one, in which sets have another order."""
    folder, cache = two_classes(tmp_path / "f", 15), tmp_path / "killed"
    killed = forked(audit_in_pieces, folder, cache, 4)
    killed.join(60)
    assert killed.exitcode == -signal.SIGKILL
    script = RESUMED.format(tests=str(HOME / "tests"))
    again = subprocess.run(
        [sys.executable, "-c", script, folder, cache], cwd=HOME, capture_output=True, text=True,
        timeout=120, env={**os.environ, "PYTHONPATH": str(HOME), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    never = audit_in_pieces(folder, tmp_path / "never", 0)
    assert (again.stdout, never) == ("3\n", 6), again.stderr
    assert digest(tmp_path / "killed_report") == digest(tmp_path / "never_report")
