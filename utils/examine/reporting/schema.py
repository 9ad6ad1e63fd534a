"""What stands in report.json and in images.csv: every key and every column, with its meaning.

Names in angle brackets stand for what differs from model to model, such as a class.
"""

import re
from collections.abc import Iterable, Mapping

SCHEMA = 3  # raise it when a program that reads these files would stumble

FACTS = {
    "schema": "the number of this list",
    "model": "name of the file, or of the function in it",
    "images": "what was given as the images",
    "content": "a digest of the images; equal digests can be compared",
    "count": "images that were examined",
    "images at hand": "images of which these were drawn; the same number where all fit",
    "files not read": "files that should be among the images",
    "classes": "in the order of the model's outputs",
    "epsilon": "largest change of an attack; a white pixel is 1",
    "attacked images": "of the attacks with a bound",
    "minutes": "the budget; null if there was none",
    "minutes taken": "until the last question was answered",
    "verdict": "at most three sentences",
    "not examined": "the questions that were left out, in one sentence; empty if there is none",
    "severity": "of the gravest finding",
    "exit code": "0 to 3",
    "questions": "one object for each question, in the order in which they were examined",
}
QUESTION = {
    "question": "its title",
    "severity": "ok, note, warning, alarm, failed, skipped (left out) or not applicable",
    "found": "what was measured, in words",
    "meaning": "how to read it",
    "what to do": "empty if there is nothing to do",
    "shortened": "which images the minutes left out; empty if none",
    "numbers": "by the names below; with an interval as [value, low, high], null where undefined",
    "table": "the rows of the question, as text",
}
NUMBERS = {
    "Does it see what it should?": (
        *("sum of probabilities", "no class above one half", "several classes above one half"),
        "smaller calibration error as sigmoids",
    ),
    "How good is it?": ("balanced accuracy", "AUC", "worst class", "missed disease"),
    "Does it know these patients?": ("better than look-up",),
    "Does the border decide?": ("follows the border",),
    "Is it as good for everybody?": ("gap of <score> by <column>",),
    "Is it as right as it is sure?": (
        *("calibration error", "recalibrated", "calibration error of <finding>"),
        "calibration error under the worst corruption",
        "calibration error under a mild corruption",
    ),
    "Does it know when not to answer?": (
        *("selective accuracy", "coverage", "coverage under the worst corruption"),
        "coverage under a mild corruption",
    ),
    "Does the pipeline matter?": ("changed by <step>", "decided by a hidden picture"),
    "What does contamination cost?": ("lost to <family>", "mean score", "mean corruption error"),
    "What can an attacker do?": ("noise", "PGD", "worst case", "questions"),
    "How small a change is enough?": ("median smallest change (of 255)",),
    "What can a sticker do?": ("a grey square", "a hostile square"),
    "Does it obey a mark?": ("smallest trigger (share of the image)",),
    "Can one change turn every image?": ("one change towards <class>",),
    "Does it stay sure under other images?": (
        *("class kept under other images", "beyond the limit (control)"),
    ),
    "Where does it look?": ("heat maps, <test>",),
}
MIDDLE = 3  # severity of a corruption
CORRUPTION, STEP, SQUARE = "corruption: ", "step: ", "square: "  # before the names of conditions
PREDICTED = {
    "clean": "as it is",
    f"{STEP}<step>": "after a step of the pipeline",
    f"{CORRUPTION}<family> <severity>": "under a corruption, severity 1 to 5",
    "noise": "under random noise, as large as an attack may be",
    "PGD": "under the attack of this name",
    "worst case": "under the first attack that turned it, if any did",
    "questions": "under the attack by questions alone, where there are no gradients",
    f"{SQUARE}<kind>": "under a grey and a hostile square",
}
COLUMNS = {
    "file": "path of the file, if there is one",
    "patient": "number of the patient, or of the group",
    "label": "true class, or the true findings with | between them",
    "p(<class>)": "probability of a class, as the model states it",
    "sure under other images": "minus the entropy: the higher, the surer it stays",
    **{name: f"predicted class {meaning}" for name, meaning in PREDICTED.items()},
}


def fits(name: str, known: Iterable[str]) -> bool:
    """Whether a name is one of these, with something in the place of each pair of brackets."""
    return any(re.fullmatch(_pattern(each), name) for each in known)


def _pattern(name: str) -> str:
    return ".+".join(map(re.escape, re.split(r"<\w+>", name)))


def documentation() -> str:
    """All of it as tables in Markdown, for the manual."""
    numbers = {title: ", ".join(f"`{name}`" for name in names) for title, names in NUMBERS.items()}
    parts = (
        _table("report.json", FACTS), _table("each of its questions", QUESTION),
        _table("numbers of the question", numbers, code=False), _table("images.csv", COLUMNS),
    )  # fmt: skip
    return "\n\n".join(parts)


def _table(head: str, rows: Mapping[str, str], code: bool = True) -> str:
    lines = [f"| {head} | |", "| --- | --- |"]
    for name, meaning in rows.items():
        shown = f"`{name}`" if code else name
        lines.append(f"| {shown} | {meaning.replace('|', chr(92) + '|')} |")
    return "\n".join(lines)
