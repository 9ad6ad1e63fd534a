"""What one check has found: how grave it is, what was measured, what it means, what to do."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from textwrap import fill

import pandas as pd

SEVERITIES = ("ok", "skipped", "note", "warning", "alarm", "failed")  # by gravity
EXAMPLES = 12  # example images of a finding
NOT_AUDITED = 3  # the exit code where something could not be judged
EXIT_CODES = {"ok": 0, "skipped": 0, "note": 0, "warning": 1, "alarm": 2, "failed": NOT_AUDITED}
IN_WORDS = ("nothing above a note", "a warning", "an alarm", "a check failed")  # by exit code
FACTS = "findings.json"


@dataclass(frozen=True, eq=False)
class Finding:
    """The answer of one check.

    `accused` are places of images in the delivery, the gravest first, with a caption each;
    `table` holds the numbers that a reader needs; `table_beside` lies beside the report.
    """

    severity: str
    measured: str
    meaning: str = ""
    advice: str = ""
    table: pd.DataFrame = field(default_factory=pd.DataFrame)
    flagged: tuple[int, ...] = ()
    captions: tuple[str, ...] = ()
    title: str = ""
    table_beside: Path | None = None

    def __post_init__(self):
        if self.severity not in SEVERITIES:
            raise ValueError(
                f"severity {self.severity!r} is unknown; choose from {', '.join(SEVERITIES)}"
            )

    def explained(self, width: int) -> str:
        """For a terminal of so many columns; nothing is cut."""
        line = f"{self.severity:8} {self.title}: {self.measured}"
        return fill(
            line, max(40, width), subsequent_indent=" " * 9,
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip

    def titled(self, title: str) -> "Finding":
        return replace(self, title=title)


def skipped(reason: str) -> Finding:
    """A check that could not be made says so; silence would read as innocence."""
    return Finding("skipped", reason, "Nothing was judged here, which is not the same as ok.")


def failed(error: Exception) -> Finding:
    """A check that broke: nothing it would have found may pass for absent."""
    return Finding(
        "failed",
        f"This check broke off: {type(error).__name__}: {error}",
        "Nothing was judged here. The other findings stand.",
        "Report this to the project, with the line above.",
    )


def count_of(count: int, one: str, many: str = "") -> str:
    """1 file, 2 files; with a verb, or where no s will do: 1 image is, 2 images are."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def most_severe(severities: Iterable[str]) -> str:
    return max(severities, key=SEVERITIES.index, default="ok")


def exit_code(findings: Iterable[Finding]) -> int:
    """0 nothing above a note, 1 warnings, 2 alarms, 3 a check that failed."""
    return max((EXIT_CODES[finding.severity] for finding in findings), default=0)


def code_in_words(findings: Sequence[Finding]) -> str:
    """The exit code with what it stands for."""
    code = exit_code(findings)
    return f"{code} ({IN_WORDS[code]})"
