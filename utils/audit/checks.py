"""The checks by their titles, in the order of the report. A new check is one entry."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from utils.audit.duplicate_checks import duplicates, leakage, patients
from utils.audit.file_checks import classes, formats, unreadable
from utils.audit.finding import Finding, failed
from utils.audit.folder import Delivery
from utils.audit.image_checks import marks, noisy, odd
from utils.audit.label_checks import beside_the_picture, lonely_labels
from utils.run import progress


def of_labelled(check: Callable[[Delivery], Finding]) -> Callable[[Delivery], Finding]:
    """Whoever carries no label is no member of a class, and is not asked."""

    def asked(delivery: Delivery) -> Finding:
        rows = np.flatnonzero(delivery.facts["label"] != "")
        if len(rows) in (0, len(delivery)):
            return check(delivery)
        found = check(delivery.take(rows))
        return replace(found, accused=tuple(rows[list(found.accused)].tolist()))

    return asked


CHECKS: dict[str, Callable[[Delivery], Finding]] = {
    "Unreadable files": unreadable,
    "Sizes and formats": formats,
    "Class balance": classes,
    "Duplicates": duplicates,
    "Leakage between parts": leakage,
    "Patients": patients,
    "Shortcuts": of_labelled(beside_the_picture),
    "Suspicious labels": of_labelled(lonely_labels),
    "Noise": noisy,
    "Odd images": odd,
    "Marks and triggers": of_labelled(marks),
}


def checked(delivery: Delivery) -> Iterator[Finding]:
    """The findings one by one, in the order of the report."""
    steps = progress(CHECKS.items(), "checking")
    for title, check in steps:
        steps.set_postfix_str(title, refresh=False)
        try:
            found = check(delivery)
        except Exception as error:  # one check that fails must not hide what the others found
            found = failed(error)
        yield found.titled(title)
