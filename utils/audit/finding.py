"""What one check has found: how severe it is, what was measured, what it means, what to do."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from textwrap import fill

import pandas as pd

SEVERITIES = ("ok", "skipped", "note", "warning", "alarm", "failed")  # in ascending order
EXAMPLES = 12  # example images of a finding
NOT_AUDITED = 3  # the exit code if something could not be checked
EXIT_CODES = {"ok": 0, "skipped": 0, "note": 0, "warning": 1, "alarm": 2, "failed": NOT_AUDITED}
IN_WORDS = ("nothing above a note", "a warning", "an alarm", "a check failed")  # by exit code
FACTS = "findings.json"


@dataclass(frozen=True, eq=False)
class Finding:
    """The result of one check.

    `flagged` are positions of images in the folder, the most severe first, with a caption each;
    `table` holds the numbers that a reader needs; `patient_table` is a file beside the report.
    """

    severity: str
    measured: str
    meaning: str = ""
    advice: str = ""
    table: pd.DataFrame = field(default_factory=pd.DataFrame)
    flagged: tuple[int, ...] = ()
    captions: tuple[str, ...] = ()
    title: str = ""
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


def skipped(reason: str) -> Finding:
    """The result of a check that could not be made: a missing line would look like a pass."""
    return Finding("skipped", reason, "Nothing was checked here. This is not the same as ok.")


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


def exit_code(findings: Iterable[Finding]) -> int:
    """0 nothing above a note, 1 warnings, 2 alarms, 3 a check that failed."""
    return max((EXIT_CODES[finding.severity] for finding in findings), default=0)


def exit_code_in_words(findings: Sequence[Finding]) -> str:
    """The exit code with its meaning."""
    code = exit_code(findings)
    return f"{code} ({IN_WORDS[code]})"
