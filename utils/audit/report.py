"""The report: every check run, then tables, a page for people, facts for programs, a summary."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryFile

import pandas as pd

from utils.audit.baseline import compare_with, read_baseline
from utils.audit.checks.manifest import FILE, check_manifest, read_key
from utils.audit.facts import facts_of_audit, table_of_patients
from utils.audit.finding import FACTS, Finding, by_gravity, exit_code, exit_code_in_words
from utils.audit.folder import ImageFolder, read_folder
from utils.audit.patients.table import CHECK, as_parameter, attach_patient_table
from utils.audit.tables import image_table, tables_of, write_tables
from utils.audit.verdict import first_steps, verdict
from utils.data.loading import cache_of
from utils.data.names import refuse_empty
from utils.data.source import source_of
from utils.files import atomic_write, only_for_owner, private_folder, write_json
from utils.run import ROOT

PAGE = "report.html"
OTHER_FILES = ("leaks.csv", "duplicates.csv", "labels.csv")  # only where there is something


@dataclass(frozen=True, eq=False)
class Audit:
    """What was found in a folder, as tables; and where the report lies, if one was written."""

    folder: ImageFolder
    findings: Sequence[Finding]
    page: Path | None = None

    @property
    def exit_code(self) -> int:
        return exit_code(self.findings)

    @property
    def verdict(self) -> str:
        """May we train on it?"""
        return verdict(self.findings)

    @property
    def patients(self) -> Path | None:
        """The table of patients, if there are classes and patients can be separated."""
        return table_of_patients(self.findings)

    @property
    def table(self) -> pd.DataFrame:
        """One row per check."""
        rows = [(f.title, f.severity, f.measured) for f in self.findings]
        return pd.DataFrame(rows, columns=["check", "severity", "measured"]).set_index("check")

    @cached_property
    def images(self) -> pd.DataFrame:
        """One row per image: facts, every score, and the checks that name it."""
        return image_table(self.folder, self.findings)

    @property
    def files(self) -> dict[str, pd.DataFrame]:
        """Every table that a report has beside it, by the name of its file."""
        return tables_of(self.folder, self.findings)

    def summary(self, width: int = 80) -> str:
        """For a terminal with `width` columns: the verdict first, then the findings by gravity."""
        lines = [f"Verdict     {self.verdict}"]
        lines += [f"Do first    {step.title}: {step.advice}" for step in first_steps(self.findings)]
        lines += ["", *(finding.as_text(width) for finding in by_gravity(self.findings)), ""]
        if self.page:
            lines += [f"Report      {self.page}  (contains images)"]
            lines += [f"Tables      {', '.join(self.files)} beside it"]
        if self.patients:
            lines += [f"Patients    {self.patients}  (path, label and patient of each image)"]
            lines += [f"            split by them: {as_parameter(self.patients)}"]
        return "\n".join([*lines, f"Exit code   {exit_code_in_words(self.findings)}"])

    def __getitem__(self, title: str) -> Finding:
        return next(finding for finding in self.findings if finding.title == title)


def audit(
    name: str,
    root: str | Path | None = None,
    size: int = 64,
    out: str | Path | None = None,
    cache: str | Path | None = None,
    baseline: str | Path | None = None,
    manifest: str | Path | None = None,
) -> Audit:
    """Run every check on the folder or table at a path, or on a data set by its name.

    With a folder `out` the report goes there, and it contains images; without one nothing is
    written but small copies of the images, in the folder `cache`. No file is changed or sent.
    `baseline` is the JSON file of an earlier audit. `manifest` is a file with a secret key: the
    first audit writes a code of every file into `out`, and later ones compare the files with it.
    """
    if not 32 <= size <= 512:
        raise ValueError(f"size must be from 32 to 512 pixels, got {size}")
    refuse_empty(root=root, out=out, cache=cache, baseline=baseline, manifest=manifest)
    new_cache = cache if cache and not Path(cache).is_dir() else None  # others may be read-only
    for place in filter(None, (out, new_cache)):
        _refuse_unwritable(Path(place))
    old = read_baseline(baseline) if baseline else None
    key = read_key(manifest) if manifest else None
    if manifest and not out:
        raise ValueError("a manifest lies beside the report; name a folder out")
    folder = read_folder(name, root, size, cache)
    with only_for_owner():
        return _run(folder, Path(out) if out else None, old, key)


def _run(folder: ImageFolder, out: Path | None, old: dict | None, key: bytes | None) -> Audit:
    """All checks, and what they need of an older audit; the report, if it has a folder."""
    if out:
        private_folder(out)
    from utils.audit.registry import run_checks  # here: the files are read meanwhile

    findings = [
        attach_patient_table(found, folder, out) if out and found.title == CHECK else found
        for found in run_checks(folder)
    ]
    if old is not None:
        images = image_table(folder, findings)
        findings = [compare_with(old, findings, images, folder.class_names), *findings]
    if key is not None:
        findings = [check_manifest(folder, key, out / FILE), *findings]
    return Audit(folder, findings, write_report(folder, findings, out) if out else None)


def default_folder(name: str, root: str | Path | None = None) -> Path:
    """Where the command writes the report of this data set unless another folder is named."""
    return ROOT / "assets" / "audit" / cache_of(source_of(name, root)).name


def _refuse_unwritable(out: Path) -> None:
    """Now rather than after minutes of reading; nothing is made yet."""
    existing = next(path for path in (out.absolute(), *out.absolute().parents) if path.exists())
    try:
        with TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise ValueError(
            f"nothing can be written to {out} ({error.strerror}); choose another folder"
        ) from error


def write_report(folder: ImageFolder, findings: Sequence[Finding], out: Path) -> Path:
    """Write page, facts and tables into the folder `out`; the path of the page."""
    from utils.audit.page import render_report  # here: drawing takes seconds to load

    page = render_report(folder, findings)
    write_tables(tables_of(folder, findings), out, OTHER_FILES)
    write_json(out / FACTS, facts_of_audit(folder, findings))
    with atomic_write(out / PAGE) as unfinished:
        unfinished.write_text(page, encoding="utf-8", errors="backslashreplace")
    return out / PAGE
