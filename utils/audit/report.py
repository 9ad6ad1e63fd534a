"""The report: a page for people, the same facts as JSON for programs, a summary for a terminal."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from utils.audit.finding import FACTS, Finding, code_in_words, exit_code, most_severe
from utils.audit.folder import ImageFolder
from utils.audit.page import render_report
from utils.audit.patient_table import TABLE, as_parameter, digest_of
from utils.files import atomic_write, write_json

PAGE = "report.html"


@dataclass(frozen=True, eq=False)
class Audit:
    """What was found in a folder, and where the report lies."""

    delivery: ImageFolder
    findings: Sequence[Finding]
    page: Path

    @property
    def exit_code(self) -> int:
        return exit_code(self.findings)

    @property
    def patients(self) -> Path | None:
        """The table of patients, if there are classes and one can tell who is who."""
        return _patients(self.findings)

    @property
    def table(self) -> pd.DataFrame:
        """One row per check."""
        rows = [(f.title, f.severity, f.measured) for f in self.findings]
        return pd.DataFrame(rows, columns=["check", "severity", "measured"]).set_index("check")

    def summary(self, width: int = 80) -> str:
        """For a terminal of so many columns: what each check says, then what lies where."""
        told = [finding.explained(width) for finding in self.findings]
        told += ["", f"Report      {self.page}  (contains pictures)"]
        if self.patients:
            told += [f"Patients    {self.patients}  (path, label and patient of each image)"]
            told += [f"            split by them: {as_parameter(self.patients)}"]
        return "\n".join([*told, f"Exit code   {code_in_words(self.findings)}"])

    def __getitem__(self, title: str) -> Finding:
        return next(finding for finding in self.findings if finding.title == title)


def write_report(delivery: ImageFolder, findings: Sequence[Finding], folder: Path) -> Path:
    """Page and facts side by side; returns where the page lies."""
    page = render_report(delivery, findings)
    write_json(folder / FACTS, facts_of_audit(delivery, findings))
    with atomic_write(folder / PAGE) as unfinished:
        unfinished.write_text(page, encoding="utf-8", errors="backslashreplace")
    return folder / PAGE


def facts_of_audit(delivery: ImageFolder, findings: Sequence[Finding]) -> dict:
    """The report without pictures; the same folder always gives the same."""
    return {
        "audited": _plain(delivery.name),
        "severity": most_severe(finding.severity for finding in findings),
        "exit code": exit_code(findings),
        "images": len(delivery),
        "set aside": len(delivery.refused),
        "classes": [_plain(name) for name in delivery.class_names],
        "compared at": delivery.images.shape[-1],
        TABLE: digest_of(_patients(findings)),
        "findings": [_facts(delivery, finding) for finding in findings],
    }


def _patients(findings: Sequence[Finding]) -> Path | None:
    return next((found.table_beside for found in findings if found.table_beside), None)


def _facts(delivery: ImageFolder, finding: Finding) -> dict:
    table = finding.table.map(lambda cell: cell if isinstance(cell, int) else _plain(cell))
    return {
        "title": finding.title,
        "severity": finding.severity,
        "measured": _plain(finding.measured),
        "meaning": finding.meaning,
        "what to do": finding.advice,
        "table": table.to_dict("records"),
        "flagged": [_plain(file) for file in delivery.files[list(finding.flagged)]],
    }


def _plain(text) -> str:
    """Names of files may hold bytes that are no text."""
    return str(text).encode("utf-8", "backslashreplace").decode()
