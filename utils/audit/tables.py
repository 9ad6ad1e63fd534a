"""The tables of an audit: a row for each image with all scores, and what the files hold."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from utils.audit.finding import Finding
from utils.audit.folder import ImageFolder
from utils.files import atomic_write

IMAGES = "images.csv"
NAMED = "named by"  # the column with the checks that flag an image


def image_table(folder: ImageFolder, findings: Sequence[Finding]) -> pd.DataFrame:
    """One row per image: file, part, label, facts, every score, and the checks that name it."""
    facts = ["part", "label", "patient", "format", "bits", "width", "height", "bytes"]
    table = folder.facts[facts].copy()
    table.insert(0, "file", folder.relative_files)
    scores = [found.scores for found in findings if len(found.scores)]
    table[NAMED] = _named_by(len(folder), findings)
    return pd.concat([table, *scores], axis=1)


def _named_by(images: int, findings: Sequence[Finding]) -> list[str]:
    checks = [[] for _ in range(images)]
    for found in findings:
        for row in dict.fromkeys(found.flagged):
            checks[row].append(found.title)
    return [", ".join(titles) for titles in checks]


def tables_of(folder: ImageFolder, findings: Sequence[Finding]) -> dict[str, pd.DataFrame]:
    """Every table by the name of its file."""
    tables = {IMAGES: image_table(folder, findings)}
    for found in findings:
        tables |= found.files
    return tables


def write_tables(tables: Mapping[str, pd.DataFrame], out: Path, known: Sequence[str]) -> None:
    """Write each table into the folder `out`; a `known` one that is not found any more goes."""
    for name in set(known) - set(tables):
        (out / name).unlink(missing_ok=True)
    for name, table in tables.items():
        with atomic_write(out / name) as unfinished:
            table.to_csv(unfinished, index=False, encoding="utf-8", errors="backslashreplace")
