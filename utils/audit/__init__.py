"""An audit of a stranger's folder, before anything is trained on it.

finding   what one check has found, and the exit code
files     what is asked of every file once, and remembered
delivery  the folder as the checks see it
basics    are the files readable and alike, is every class there?
copies    who is there twice?
telling   what goes with the class that should not?
suspects  which single images are unlike the others?
checks    all checks by their titles
groups    the table of patients that the course can split by
page      the report as one HTML page
report    page, facts and summary
planting  a folder with known faults
"""

from pathlib import Path

from utils.audit.checks import CHECKS, run_checks
from utils.audit.finding import NOT_AUDITED
from utils.audit.folder import read_folder
from utils.audit.patient_table import CHECK, attach_patient_table
from utils.audit.report import Audit, write_report
from utils.data.loading import cache_of
from utils.data.source import source_of
from utils.run import ROOT

__all__ = ["CHECKS", "NOT_AUDITED", "Audit", "audit"]


def audit(
    name: str, root: str | Path | None = None, size: int = 64, out: str | Path | None = None
) -> Audit:
    """Ask everything of folder:PATH, or of a data set by its name, and write the report.

    The report goes to the folder `out`; it contains pictures. Nothing is changed or sent.
    """
    if not 32 <= size <= 512:
        raise ValueError(f"size must be from 32 to 512 pixels, got {size}")
    delivery = read_folder(name, root, size)
    folder = Path(out) if out else ROOT / "assets" / "audit" / cache_of(source_of(name, root)).name
    findings = [
        attach_patient_table(finding, delivery, folder) if finding.title == CHECK else finding
        for finding in run_checks(delivery)
    ]
    return Audit(delivery, findings, write_report(delivery, findings, folder))
