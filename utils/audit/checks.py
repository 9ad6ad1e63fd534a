"""The checks by their titles, in the order of the report. A new check is one entry."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from utils.audit.duplicate_checks import check_duplicates, check_leakage, check_patients
from utils.audit.file_checks import check_class_balance, check_formats, check_unreadable
from utils.audit.finding import Finding, failed
from utils.audit.folder import ImageFolder
from utils.audit.image_checks import check_noise, check_outliers, check_trigger_patches
from utils.audit.label_checks import check_metadata_shortcuts, check_neighbour_labels
from utils.run import progress


def of_labelled(check: Callable[[ImageFolder], Finding]) -> Callable[[ImageFolder], Finding]:
    """Whoever carries no label is no member of a class, and is not asked."""

    def asked(delivery: ImageFolder) -> Finding:
        rows = np.flatnonzero(delivery.facts["label"] != "")
        if len(rows) in (0, len(delivery)):
            return check(delivery)
        found = check(delivery.take(rows))
        return replace(found, flagged=tuple(rows[list(found.flagged)].tolist()))

    return asked


CHECKS: dict[str, Callable[[ImageFolder], Finding]] = {
    "Unreadable files": check_unreadable,
    "Sizes and formats": check_formats,
    "Class balance": check_class_balance,
    "Duplicates": check_duplicates,
    "Leakage between parts": check_leakage,
    "Patients": check_patients,
    "Shortcuts": of_labelled(check_metadata_shortcuts),
    "Suspicious labels": of_labelled(check_neighbour_labels),
    "Noise": check_noise,
    "Odd images": check_outliers,
    "Marks and triggers": of_labelled(check_trigger_patches),
}


def run_checks(delivery: ImageFolder) -> Iterator[Finding]:
    """The findings one by one, in the order of the report."""
    steps = progress(CHECKS.items(), "checking")
    for title, check in steps:
        steps.set_postfix_str(title, refresh=False)
        try:
            found = check(delivery)
        except Exception as error:  # one check that fails must not hide what the others found
            found = failed(error)
        yield found.titled(title)
