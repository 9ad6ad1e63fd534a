"""The checks by their titles, in the order of the report. A new check is one entry."""

from collections.abc import Callable, Iterator

from utils.audit.basics import classes, formats, unreadable
from utils.audit.copies import duplicates, leakage, patients
from utils.audit.delivery import Delivery
from utils.audit.finding import Finding
from utils.audit.suspects import marks, noisy, odd
from utils.audit.telling import beside_the_picture, lonely_labels
from utils.run import progress

CHECKS: dict[str, Callable[[Delivery], Finding]] = {
    "Unreadable files": unreadable,
    "Sizes and formats": formats,
    "Class balance": classes,
    "Duplicates": duplicates,
    "Leakage between parts": leakage,
    "Patients": patients,
    "Shortcuts": beside_the_picture,
    "Suspicious labels": lonely_labels,
    "Noise": noisy,
    "Odd images": odd,
    "Marks and triggers": marks,
}


def checked(delivery: Delivery) -> Iterator[Finding]:
    """The findings one by one, in the order of the report."""
    steps = progress(CHECKS.items(), "checking")
    for title, check in steps:
        steps.set_postfix_str(title, refresh=False)
        yield check(delivery).titled(title)
