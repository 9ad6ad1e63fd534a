"""The report: a page for people, the same facts as JSON for programs, a terminal summary."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

import pandas as pd

from utils.audit.checks import run_checks
from utils.audit.finding import FACTS, Finding, exit_code, exit_code_in_words, most_severe
from utils.audit.folder import ImageFolder, read_folder
from utils.audit.page import render_report
from utils.audit.patient_table import (
    CHECK,
    TABLE,
    as_parameter,
    attach_patient_table,
    digest_of,
)
from utils.data.loading import cache_of
from utils.data.source import source_of
from utils.files import atomic_write, write_json
from utils.run import ROOT

PAGE = "report.html"


@dataclass(frozen=True, eq=False)
class Audit:
    """What was found in a folder, and where the report lies."""

    folder: ImageFolder
    findings: Sequence[Finding]
    page: Path

    @property
    def exit_code(self) -> int:
        return exit_code(self.findings)

    @property
    def patients(self) -> Path | None:
        """The table of patients, if there are classes and patients can be separated."""
        return _patients(self.findings)

    @property
    def table(self) -> pd.DataFrame:
        """One row per check."""
        rows = [(f.title, f.severity, f.measured) for f in self.findings]
        return pd.DataFrame(rows, columns=["check", "severity", "measured"]).set_index("check")

    def summary(self, width: int = 80) -> str:
        """For a terminal with `width` columns: the findings, then where the files are."""
        lines = [finding.as_text(width) for finding in self.findings]
        lines += ["", f"Report      {self.page}  (contains images)"]
        if self.patients:
            lines += [f"Patients    {self.patients}  (path, label and patient of each image)"]
            lines += [f"            split by them: {as_parameter(self.patients)}"]
        return "\n".join([*lines, f"Exit code   {exit_code_in_words(self.findings)}"])

    def __getitem__(self, title: str) -> Finding:
        return next(finding for finding in self.findings if finding.title == title)


def audit(
    name: str, root: str | Path | None = None, size: int = 64, out: str | Path | None = None
) -> Audit:
    """Run every check on the folder or table at a path, or on a data set by its name.

    The report goes to the folder `out`; it contains images. No file is changed or sent.
    """
    if not 32 <= size <= 512:
        raise ValueError(f"size must be from 32 to 512 pixels, got {size}")
    out = Path(out) if out else ROOT / "assets" / "audit" / cache_of(source_of(name, root)).name
    _refuse_unwritable(out)
    folder = read_folder(name, root, size)
    findings = [
        attach_patient_table(finding, folder, out) if finding.title == CHECK else finding
        for finding in run_checks(folder)
    ]
    return Audit(folder, findings, write_report(folder, findings, out))


def _refuse_unwritable(out: Path) -> None:
    """Now rather than after minutes of reading; nothing is made yet."""
    existing = next(path for path in (out.absolute(), *out.absolute().parents) if path.exists())
    try:
        with TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise ValueError(
            f"no report can be written to {out} ({error.strerror}); choose another folder by --out"
        ) from error


def write_report(folder: ImageFolder, findings: Sequence[Finding], out: Path) -> Path:
    """Write page and facts into the folder `out`; the path of the page."""
    page = render_report(folder, findings)
    write_json(out / FACTS, facts_of_audit(folder, findings))
    with atomic_write(out / PAGE) as unfinished:
        unfinished.write_text(page, encoding="utf-8", errors="backslashreplace")
    return out / PAGE


def facts_of_audit(folder: ImageFolder, findings: Sequence[Finding]) -> dict:
    """The report without images; the same folder always gives the same facts."""
    return {
        "audited": _plain(folder.name),
        "severity": most_severe(finding.severity for finding in findings),
        "exit code": exit_code(findings),
        "images": len(folder),
        "set aside": len(folder.refused),
        "classes": [_plain(name) for name in folder.class_names],
        "compared at": folder.images.shape[-1],
        TABLE: digest_of(_patients(findings)),
        "findings": [_facts(folder, finding) for finding in findings],
    }


def _patients(findings: Sequence[Finding]) -> Path | None:
    return next((found.patient_table for found in findings if found.patient_table), None)


def _facts(folder: ImageFolder, finding: Finding) -> dict:
    table = finding.table.map(lambda cell: cell if isinstance(cell, int) else _plain(cell))
    return {
        "title": finding.title,
        "severity": finding.severity,
        "measured": _plain(finding.measured),
        "meaning": finding.meaning,
        "what to do": finding.advice,
        "table": table.to_dict("records"),
        "flagged": [_plain(file) for file in folder.files[list(finding.flagged)]],
    }


def _plain(text) -> str:
    """File names may hold bytes that are no text."""
    return str(text).encode("utf-8", "backslashreplace").decode()
