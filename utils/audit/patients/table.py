"""The patient of each image, as a table that `load` takes for a data set and splits by patient."""

import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from utils.audit.finding import Finding, count_of
from utils.audit.folder import ImageFolder
from utils.files import atomic_write, digest, file_digest

TABLE = "patients.csv"
WRITTEN = f".{TABLE}.sha256"  # the digests of the tables that audits have written here
CHECK = "Patients"  # the finding that comes with the table


def attach_patient_table(found: Finding, folder: ImageFolder, out: Path) -> Finding:
    """The finding about patients, with its table written beside the report.

    A file there that no audit has written, or that was edited since, is left alone.
    """
    path = Path(out).absolute() / TABLE
    table = table_of_groups(folder) if found.severity != "failed" else pd.DataFrame()
    content = table.to_csv(index=False).encode() if len(table) else b""
    known = path.exists() and path.read_bytes() == content  # a new date would cause a new reading
    if path.exists() and not known and not _is_ours(path, folder):
        kept = f" {TABLE} was beside this report already, and was left alone."
        return replace(found, advice=found.advice + kept)
    if not content:
        path.unlink(missing_ok=True)  # outdated: these groups are not found any more
        return found
    if not known:
        _note(path, content)
        with atomic_write(path) as unfinished:
            unfinished.write_bytes(content)
    lost = int((folder.facts["label"] != "")[_once_per_volume(folder)].sum()) - len(table)
    missing = f" Not in the table: {count_of(lost, 'file')} with a name that is no text."
    missing *= bool(lost)
    return replace(found, patient_table=path, advice=found.advice + missing)


def table_of_groups(folder: ImageFolder) -> pd.DataFrame:
    """One row per labelled image, or file of many images; empty without classes, or if patients
    cannot be separated."""
    names = folder.patient_names
    if not len(names):
        return pd.DataFrame()
    paths = [str(Path(file).absolute()) for file in folder.files]
    table = pd.DataFrame({"path": paths, "label": folder.facts["label"], "patient": names})
    table["source"] = folder.patient_sources
    table["sure"] = np.where(folder.are_sure, "yes", "no")
    if (folder.parts != "").any():
        table["split"] = folder.parts
    table = table[_once_per_volume(folder) & table["path"].map(_is_text) & (table["label"] != "")]
    return table if table["label"].nunique() > 1 else pd.DataFrame()


def _once_per_volume(folder: ImageFolder) -> pd.Series:
    """Which rows to keep so that a file of many images is named once."""
    facts = folder.facts
    volumes = facts["frames"] > 1 if "frames" in facts else pd.Series(False, facts.index)
    return ~(volumes & facts["file"].duplicated())


def _is_text(name: str) -> bool:
    """File names may hold bytes that a table cannot."""
    return name == name.encode(errors="ignore").decode()


def as_parameter(path: Path) -> str:
    """The option of the command `run`, quoted for a shell."""
    return f"-p {shlex.quote(f'DATASET={path}')}"


def digest_of(path: Path | None) -> str | None:
    return path and file_digest(path)


def _is_ours(path: Path, folder: ImageFolder) -> bool:
    """Whether an earlier audit has written this table, unedited since, and it is not what was
    audited now."""
    audited = Path(folder.name)
    if audited.exists() and audited.samefile(path):
        return False
    noted = path.with_name(WRITTEN)
    return noted.exists() and digest_of(path) in noted.read_text(errors="replace").split()


def _note(path: Path, content: bytes) -> None:
    """Before the table itself: killed in between, the table here is that of the line before."""
    digests = [digest_of(path), digest(content)] if path.exists() else [digest(content)]
    with atomic_write(path.with_name(WRITTEN)) as unfinished:
        unfinished.write_text("\n".join(digests), encoding="utf-8")
