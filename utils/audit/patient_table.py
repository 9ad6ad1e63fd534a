"""Who belongs together, as a table that the course takes for a data set and deals by patient."""

import hashlib
import json
import shlex
from dataclasses import replace
from pathlib import Path

import pandas as pd

from utils.audit.finding import FACTS, Finding, count_of
from utils.audit.folder import ImageFolder
from utils.files import atomic_write

TABLE = "patients.csv"
CHECK = "Patients"  # the finding that hands the table over


def attach_patient_table(found: Finding, delivery: ImageFolder, folder: Path) -> Finding:
    """The finding about patients, with its table written beside the report.

    What somebody else has written there, or changed, is left alone.
    """
    path = Path(folder).absolute() / TABLE
    table = table_of_groups(delivery) if found.severity != "failed" else pd.DataFrame()
    content = table.to_csv(index=False).encode() if len(table) else b""
    known = path.exists() and path.read_bytes() == content  # a new date would have it read anew
    if path.exists() and not known and not _ours(path, delivery):
        left = f" {TABLE} lies beside this report already, and was left alone."
        return replace(found, advice=found.advice + left)
    if not content:
        path.unlink(missing_ok=True)  # these groups are not found any more
        return found
    if not known:
        with atomic_write(path) as unfinished:
            unfinished.write_bytes(content)
    lost = int((delivery.facts["label"] != "").sum()) - len(table)
    missing = f" Not in the table: {count_of(lost, 'file')} whose name is no text." * bool(lost)
    return replace(found, table_beside=path, advice=found.advice + missing)


def table_of_groups(delivery: ImageFolder) -> pd.DataFrame:
    """One row per image with a label; empty where no classes or no patients are told apart."""
    called = delivery.patient_names
    if not len(called):
        return pd.DataFrame()
    paths = [str(Path(file).absolute()) for file in delivery.files]
    table = pd.DataFrame({"path": paths, "label": delivery.facts["label"], "patient": called})
    if (delivery.parts != "").any():
        table["split"] = delivery.parts
    table = table[table["path"].map(_is_text) & (table["label"] != "")]
    return table if table["label"].nunique() > 1 else pd.DataFrame()


def _is_text(name: str) -> bool:
    """Names of files may hold bytes that no table can."""
    return name == name.encode(errors="ignore").decode()


def as_parameter(path: Path) -> str:
    """What the command `run` takes, quoted for a shell."""
    return f"-p {shlex.quote(f'DATASET=folder:{path}')}"


def digest_of(path: Path | None) -> str | None:
    return path and hashlib.sha256(path.read_bytes()).hexdigest()


def _ours(path: Path, delivery: ImageFolder) -> bool:
    """Whether an earlier audit has written this table, nobody has changed it since, and it is not
    what was audited now."""
    audited = Path(delivery.name)
    if audited.exists() and audited.samefile(path):
        return False
    try:
        facts = json.loads((path.parent / FACTS).read_text(encoding="utf-8"))
        return facts[TABLE] == digest_of(path)
    except (OSError, ValueError, KeyError, TypeError):
        return False
