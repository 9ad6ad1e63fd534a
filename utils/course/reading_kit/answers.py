"""The answer sheet of a reading kit: what a reader may write, and what it means."""

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

QUESTIONS = ("diagnosis_A", "diagnosis_B", "tampered")
COLUMNS = ("kit", "pair", *QUESTIONS)
UNSURE = "?"  # the reader has looked and cannot tell; an empty cell is no answer at all
SIDES = {"a": "A", "b": "B", UNSURE: UNSURE, "": ""}


def diagnoses_allowed(class_names: Sequence[str]) -> dict[str, str]:
    """What a reader may write for each class: its name in any spelling, or its number."""
    allowed = {_spelling(name): name for name in class_names}
    if len(allowed) < len(class_names) or {"", UNSURE} & set(allowed):
        raise ValueError(
            f"class names must differ in letters or digits, got {', '.join(map(repr, class_names))}"
        )
    return choices(class_names) | allowed | {UNSURE: UNSURE, "": ""}


def choices(class_names: Sequence[str]) -> dict[str, str]:
    """What the page offers a reader: numbers, unless the name of a class is itself a number."""
    if any(name.isdecimal() for name in class_names):
        return {name: name for name in class_names}
    return {str(number): name for number, name in enumerate(class_names, 1)}


def is_blank(sheet: Path) -> bool:
    """Whether a sheet is without any answer; an unreadable one may hold answers."""
    try:
        return not any(row[question] for _, row in _rows(sheet) for question in QUESTIONS)
    except ValueError:
        return False


def read_answers(sheet: Path, key: dict) -> dict[int, dict[str, str]]:
    """The answers by pair and question, checked against the key of the kit; nothing is guessed."""
    diagnoses, pairs = diagnoses_allowed(key["class_names"]), len(key["pairs"])
    allowed = {question: diagnoses for question in QUESTIONS} | {"tampered": SIDES}
    answers: dict[int, dict[str, str]] = {}
    for number, row in _rows(sheet):
        where = f"{sheet.name}, line {number}"
        if row["kit"].casefold() != key["kit"]:
            raise ValueError(
                f"{where} is of kit {row['kit']!r}, but the key is of kit {key['kit']!r}. "
                "Next: give the sheet that came with this page, or the folder of its own kit"
            )
        if row["pair"] not in {str(pair) for pair in range(1, pairs + 1)}:
            raise ValueError(
                f"{where}: pair must be a number from 1 to {pairs}, got {row['pair']!r}"
            )
        if (pair := int(row["pair"])) in answers:
            raise ValueError(f"{where}: pair {pair} is there twice; keep one of the two lines")
        answers[pair] = {
            question: _parse(row[question], allowed[question], f"{where} (pair {pair}): {question}")
            for question in QUESTIONS
        }
    if absent := [str(pair) for pair in range(1, pairs + 1) if pair not in answers]:
        raise ValueError(
            f"{sheet.name} has {len(answers)} of {pairs} pairs; missing: {', '.join(absent)}. "
            "Next: put the lines back; a pair without an answer keeps its line, with empty cells"
        )
    return answers


def _parse(cell: str, allowed: dict[str, str], where: str) -> str:
    if (spelling := _spelling(cell)) not in allowed:
        cells = (v if k == v.casefold() else k for k, v in allowed.items() if k)
        raise ValueError(
            f"{where} takes {', '.join(cells)} or nothing, got {cell!r}. Next: correct the cell"
        )
    return allowed[spelling]


def _rows(sheet: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and cells by column name, of the lines that are not blank.

    pandas would lose the numbers, which errors name, and read the hint before the heading as one.
    """
    text = _read(Path(sheet)).removeprefix("\ufeff")
    heading = next((s for s in text.splitlines() if s.strip() and not _is_hint(s)), "")
    reader = csv.reader(io.StringIO(text), delimiter=max(",;\t", key=heading.count))
    names: list[str] = []
    for cells in reader:
        cells = [cell.strip() for cell in cells]
        if not any(cells) or _is_hint(cells[0]):
            continue
        if names:
            yield reader.line_num, dict.fromkeys(names, "") | dict(zip(names, cells, strict=False))
            continue
        known = {column.casefold(): column for column in COLUMNS}
        names = [known.get(cell.casefold(), cell) for cell in cells]
        if not set(COLUMNS) <= set(names):
            break
    if not set(COLUMNS) <= set(names):
        raise ValueError(
            f"{sheet} must begin with the columns {', '.join(COLUMNS)}; got {heading[:80]!r}. "
            "Next: copy the answers into the sheet that came with the page"
        )


def _is_hint(line: str) -> bool:
    """Whether it is the first line, which names the separator to spreadsheets of every country."""
    return line.strip().lstrip('"').startswith("sep=")


def _read(sheet: Path) -> str:
    """The text of a sheet, in any encoding in which spreadsheets save it."""
    if not sheet.is_file():
        raise FileNotFoundError(
            f"no answer sheet at {sheet}. Next: give the .csv file with answers"
        )
    raw = sheet.read_bytes()
    if raw.startswith(b"PK"):
        raise ValueError(f"{sheet} is a workbook, not a table. Next: save it as CSV, and give that")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", errors="replace")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


def _spelling(text: str) -> str:
    """One spelling for all that differ in case, spaces, underscores and hyphens."""
    return " ".join(str(text).casefold().replace("_", " ").replace("-", " ").split())
