"""A table that lists images: columns path and label, and if known patient and split."""

import warnings
from pathlib import Path

import pandas as pd

PROPOSALS = {"name", "pixels"}  # what an audit may have patients from without knowing them
SHOWN = 60  # letters of a cell in a message


def read_table(path: Path, parts: tuple[str, ...]) -> pd.DataFrame:
    """The rows of a CSV file, as text without spaces around; `parts` are the names of splits."""
    try:
        with warnings.catch_warnings():  # a comma at the end of each row must not shift the columns
            warnings.simplefilter("ignore", pd.errors.ParserWarning)
            table = pd.read_csv(path, dtype=str, keep_default_na=False, index_col=False)
    except UnicodeDecodeError as error:
        reason = f"{path} cannot be read as a table: it is not in UTF-8 ({shorten(error)})"
        raise ValueError(f"{reason}; save it as CSV UTF-8, as spreadsheets call it") from None
    except ValueError as error:  # uneven rows, an empty file
        raise ValueError(f"{path} cannot be read as a table ({shorten(error)})") from None
    if missing := sorted({"path", "label"} - set(table)):
        raise ValueError(
            f"{path} lacks the column {missing[0]!r}; it has {shorten(', '.join(table))}. "
            "Needed are path and label; patient and split may follow, with commas between them"
        )
    if not len(table):
        raise ValueError(f"{path} has a header and no row; give each image a row")
    if table["path"].str.contains("\0", regex=False).any():
        raise ValueError(f"{path} names a file with a zero byte, which no file can have")
    for name in {"label", "patient", "split"} & set(table):
        table[name] = table[name].str.strip()
    if "split" in table:
        table["split"] = table["split"].str.lower()
        if unknown := sorted(set(table["split"]) - {*parts, ""}):
            raise ValueError(
                f"{path} names the split {shorten(unknown[0])!r}; choose from {', '.join(parts)}"
            )
    return table


def proposed_from(table: pd.DataFrame) -> str:
    """What an audit has the patients from, by the column source; empty if they are given."""
    return " and ".join(sorted(PROPOSALS & set(table.get("source", ()))))


def shorten(text: object, most: int = SHOWN) -> str:
    """Text for a message: a cell of a table may hold megabytes."""
    text = str(text)
    return text if len(text) <= most else f"{text[:most]}..."
