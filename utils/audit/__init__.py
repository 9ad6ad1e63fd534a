"""An audit of a stranger's folder, before anything is trained on it.

finding   what one check has found, and the exit code
files     what is asked of every file once, and remembered
delivery  the folder as the checks see it
basics    are the files readable and alike, is every class there?
copies    who is there twice?
telling   what goes with the class that should not?
suspects  which single images are unlike the others?
checks    all checks by their titles
report    the page and its facts
planting  a folder with known faults
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from utils.audit.checks import CHECKS, checked
from utils.audit.delivery import Delivery, delivered, plain_name
from utils.audit.finding import NOT_AUDITED, Finding, exit_code
from utils.audit.report import write_report
from utils.run import ROOT

__all__ = ["CHECKS", "NOT_AUDITED", "Audit", "audit"]


@dataclass(frozen=True, eq=False)
class Audit:
    """What was found in a folder, and where the report lies."""

    delivery: Delivery
    findings: Sequence[Finding]
    page: Path

    @property
    def exit_code(self) -> int:
        return exit_code(self.findings)

    @property
    def table(self) -> pd.DataFrame:
        """One row per check."""
        rows = [(f.title, f.severity, f.measured) for f in self.findings]
        return pd.DataFrame(rows, columns=["check", "severity", "measured"]).set_index("check")

    def __getitem__(self, title: str) -> Finding:
        return next(finding for finding in self.findings if finding.title == title)


def audit(
    name: str, root: str | Path | None = None, size: int = 64, out: str | Path | None = None
) -> Audit:
    """Ask everything of folder:PATH, or of a data set by its name, and write the report.

    The report goes to the folder `out`; it contains pictures. Nothing is changed or sent.
    """
    if not 32 <= size <= 512:
        raise ValueError(f"size must be from 32 to 512 pixels, got {size}")
    delivery = delivered(name, root, size)
    findings = list(checked(delivery))
    folder = Path(out) if out else ROOT / "assets" / "audit" / plain_name(name)
    return Audit(delivery, findings, write_report(delivery, findings, folder))
