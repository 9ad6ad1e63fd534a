"""The checks by their titles, in the order of the report. A new check is one entry."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from utils.audit.checks.duplicates import check_duplicates
from utils.audit.checks.files import check_class_balance, check_formats, check_unreadable
from utils.audit.checks.foreign import check_foreign
from utils.audit.checks.headers import check_acquisition, check_privacy
from utils.audit.checks.images import check_noise, check_outliers
from utils.audit.checks.labels import check_label_share, check_labels
from utils.audit.checks.leakage import check_leakage
from utils.audit.checks.order import check_order
from utils.audit.checks.patients import check_patients
from utils.audit.checks.quality import check_quality
from utils.audit.checks.shortcuts import check_shift, check_shortcuts
from utils.audit.checks.triggers import check_trigger_patches
from utils.audit.finding import Finding, failed
from utils.audit.folder import ImageFolder
from utils.run import progress

Check = Callable[[ImageFolder], Finding]


def labelled_only(check: Check) -> Check:
    """The check restricted to images with a label: the others belong to no class."""

    def check_labelled(folder: ImageFolder) -> Finding:
        rows = np.flatnonzero(folder.facts["label"] != "")
        if len(rows) in (0, len(folder)):
            return check(folder)
        found = check(folder.take(rows))
        scores = found.scores
        if len(scores):
            scores = scores.set_axis(rows).reindex(range(len(folder)))
        return replace(found, flagged=tuple(rows[list(found.flagged)].tolist()), scores=scores)

    return check_labelled


CHECKS: dict[str, Check] = {
    "Unreadable files": check_unreadable,
    "Sizes and formats": check_formats,
    "Class balance": check_class_balance,
    "Duplicates": check_duplicates,
    "Leakage between parts": check_leakage,
    "Patients": check_patients,
    "Privacy": check_privacy,
    "Acquisition": check_acquisition,
    "Training against test": check_shift,
    "Shortcuts": labelled_only(check_shortcuts),
    "Order of files": check_order,
    "Share of wrong labels": labelled_only(check_label_share),
    "Suspicious labels": labelled_only(check_labels),
    "Image quality": check_quality,
    "Noise": check_noise,
    "Odd images": check_outliers,
    "Other kinds of images": check_foreign,
    "Marks and triggers": labelled_only(check_trigger_patches),
}


def run_checks(folder: ImageFolder) -> Iterator[Finding]:
    """The findings one by one, in the order of the report."""
    steps = progress(CHECKS.items(), "checking")
    for title, check in steps:
        steps.set_postfix_str(title, refresh=False)
        try:
            found = check(folder)
        except Exception as error:  # one failing check must not hide what the others found
            found = failed(error)
        yield found.with_title(title)
