"""What one check has found: how severe it is, what was measured, what it means, what to do."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from textwrap import fill

import pandas as pd

# In ascending order. A check that could not be made is no pass: it counts as a warning.
SEVERITIES = ("ok", "not applicable", "note", "skipped", "warning", "alarm", "failed")
EXAMPLES = 12  # example images of a finding
NOT_AUDITED = 3  # the exit code if something could not be checked
EXIT_CODES = dict.fromkeys(SEVERITIES, 0) | {
    "skipped": 1, "warning": 1, "alarm": 2, "failed": NOT_AUDITED
}  # fmt: skip
IN_WORDS = ("nothing above a note", "a warning", "an alarm", "a check failed")  # by exit code
FACTS = "findings.json"


@dataclass(frozen=True, eq=False)
class Finding:
    """The result of one check.

    `flagged` are positions of images in the folder, the most severe first, with a caption each;
    `table` holds the numbers that a reader needs; `scores` has a row for each image of the folder;
    `files` are tables that are written beside the report, by their file names;
    `patient_table` is such a file that is written already.
    """

    severity: str
    measured: str
    meaning: str = ""
    advice: str = ""
    table: pd.DataFrame = field(default_factory=pd.DataFrame)
    flagged: tuple[int, ...] = ()
    captions: tuple[str, ...] = ()
    title: str = ""
    scores: pd.DataFrame = field(default_factory=pd.DataFrame)
    files: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    patient_table: Path | None = None

    def __post_init__(self):
        if self.severity not in SEVERITIES:
            raise ValueError(
                f"unknown severity {self.severity!r}; choose from {', '.join(SEVERITIES)}"
            )

    def as_text(self, width: int) -> str:
        """For a terminal with `width` columns; nothing is cut."""
        line = f"{self.severity:8} {self.title}: {self.measured}"
        return fill(
            line, max(40, width), subsequent_indent=" " * 9,
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip

    def with_title(self, title: str) -> "Finding":
        return replace(self, title=title)


def skipped(reason: str, advice: str = "") -> Finding:
    """The result of a check that could not be made: a missing line would look like a pass."""
    return Finding(
        "skipped", reason, "Nothing was checked here. This is not the same as ok.", advice
    )


def not_applicable(reason: str) -> Finding:
    """The result of a check that has nothing to look at in a folder of this kind."""
    return Finding("not applicable", reason)


def failed(error: Exception) -> Finding:
    """The result of a check that stopped with an error: its findings must not look absent."""
    return Finding(
        "failed",
        f"This check stopped with an error: {type(error).__name__}: {error}",
        "Nothing was checked here. The other findings are valid.",
        "Report this to the project, with the line above.",
    )


def count_of(count: int, one: str, many: str = "") -> str:
    """1 file, 2 files; `many` is for verbs and irregular nouns: 1 image is, 2 images are."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def most_severe(severities: Iterable[str]) -> str:
    return max(severities, key=SEVERITIES.index, default="ok")


def by_gravity(findings: Iterable[Finding]) -> list[Finding]:
    """The most severe first; otherwise in the order of the checks."""
    return sorted(findings, key=lambda found: -SEVERITIES.index(found.severity))


def exit_code(findings: Iterable[Finding]) -> int:
    """0 nothing above a note, 1 warnings or checks not made, 2 alarms, 3 a check that failed."""
    return max((EXIT_CODES[finding.severity] for finding in findings), default=0)


def exit_code_in_words(findings: Sequence[Finding]) -> str:
    """The exit code with its meaning."""
    code = exit_code(findings)
    return f"{code} ({IN_WORDS[code]})"
