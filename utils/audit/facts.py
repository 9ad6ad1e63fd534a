"""What a report states, as JSON for programs; the same folder always gives the same facts."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from utils.audit.baseline import USUAL, usual_ranges
from utils.audit.finding import Finding, exit_code, most_severe
from utils.audit.folder import ImageFolder
from utils.audit.patients.table import TABLE, digest_of
from utils.audit.tables import image_table
from utils.audit.verdict import first_steps, not_made, verdict


def facts_of_audit(folder: ImageFolder, findings: Sequence[Finding]) -> dict:
    """All findings, the verdict and what to do first, in the words of the page."""
    return {
        "audited": _plain(folder.name),
        "verdict": verdict(findings),
        "not made": not_made(findings),
        "do first": [step._asdict() for step in first_steps(findings)],
        "severity": most_severe(finding.severity for finding in findings),
        "exit code": exit_code(findings),
        "images": len(folder),
        "set aside": len(folder.refused),
        "classes": [_plain(name) for name in folder.class_names],
        "compared at": folder.pixels.shape[-1],
        "files below": _plain(folder.base),
        USUAL: usual_ranges(image_table(folder, findings)),
        TABLE: digest_of(table_of_patients(findings)),
        "findings": [_facts(folder, finding) for finding in findings],
    }


def table_of_patients(findings: Sequence[Finding]) -> Path | None:
    """Where the table of patients lies, if one was written."""
    return next((found.patient_table for found in findings if found.patient_table), None)


def _facts(folder: ImageFolder, finding: Finding) -> dict:
    table = finding.table.astype(object).map(_cell)
    return {
        "title": finding.title,
        "severity": finding.severity,
        "measured": _plain(finding.measured),
        "meaning": finding.meaning,
        "what to do": finding.advice,
        "table": table.to_dict("records"),
        "flagged": [_plain(file) for file in folder.relative_files[list(finding.flagged)]],
        "files": {name: len(table) for name, table in finding.files.items()},
    }


def _cell(value):
    """Numbers stay numbers; what is missing is null."""
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return None
    return value.item() if isinstance(value, np.generic) else (
        value if isinstance(value, (bool, int, float)) else _plain(value)
    )  # fmt: skip


def _plain(text) -> str:
    """File names may hold bytes that are no text."""
    return str(text).encode("utf-8", "backslashreplace").decode()
