"""The report: page, facts and summary."""

import hashlib

from folders import two_classes
from pieces import counted_pieces, killed_and_resumed

from utils.audit import CHECKS, audit


def test_the_page_needs_no_network_and_has_every_check(audited):
    _, found, _ = audited
    page = found.page.read_text()
    assert "<script" not in page and "http" not in page and 'src="data:image/png' in page
    assert "contains images" in page and all(title in page for title in CHECKS)


def digest(report):
    files = [report / name for name in ("report.html", "findings.json")]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def audit_in_pieces(folder, cache, kill) -> int:
    """How many pieces were read; the process is killed at one of them."""
    with counted_pieces(cache, kill) as pieces:
        audit(f"folder:{folder}", size=32, out=f"{cache}_report")
    return len(pieces)


def test_killed_and_started_again_ends_with_the_same_report(tmp_path):
    folder = two_classes(tmp_path / "f", 15)
    (tmp_path / "never_report").mkdir()
    again = killed_and_resumed(audit_in_pieces, folder, tmp_path / "killed")
    never = audit_in_pieces(folder, tmp_path / "never", 0)
    assert (again, never) == (3, 6)
    assert digest(tmp_path / "killed_report") == digest(tmp_path / "never_report")
    # It holds patients' pictures, in a folder that was there before, too.
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "never_report").iterdir()} == {0}
