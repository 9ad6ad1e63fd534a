"""An audit of a folder of images, before anything is trained on it.

finding           the result of one check, and the exit code
folder            the folder as the checks see it
file_checks       are the files readable and alike, is every class there?
duplicate_checks  duplicates, within the folder and between training and test
patient_checks    which images belong to one patient?
label_checks      does a fact without medical meaning predict the class, do neighbours differ?
shortcuts         how well facts predict the class
image_checks      which single images are unlike the others?
trigger_checks    is the same small pattern at the same place in one class?
checks            all checks by their titles
patient_table     the table of patients that the course can split by
page              the report as one HTML page
report            page, facts and summary
planted_faults    a folder with known faults
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
    """Run every check on the folder or table at a path, or on a data set by its name.

    The report goes to the folder `out`; it contains images. No file is changed or sent.
    """
    if not 32 <= size <= 512:
        raise ValueError(f"size must be from 32 to 512 pixels, got {size}")
    folder = read_folder(name, root, size)
    out = Path(out) if out else ROOT / "assets" / "audit" / cache_of(source_of(name, root)).name
    findings = [
        attach_patient_table(finding, folder, out) if finding.title == CHECK else finding
        for finding in run_checks(folder)
    ]
    return Audit(folder, findings, write_report(folder, findings, out))
