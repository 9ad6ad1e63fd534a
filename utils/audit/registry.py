"""The checks by their titles, in the order of the report. A new check is one entry."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from utils.audit import checks
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


def named(name: str) -> Check:
    """The check of this name; its module is loaded at the first folder."""
    return lambda folder: getattr(checks, name)(folder)


CHECKS: dict[str, Check] = {
    "Unreadable files": named("check_unreadable"),
    "Sizes and formats": named("check_formats"),
    "Class balance": named("check_class_balance"),
    "Duplicates": named("check_duplicates"),
    "Leakage between parts": named("check_leakage"),
    "Patients": named("check_patients"),
    "Privacy": named("check_privacy"),
    "Acquisition": named("check_acquisition"),
    "Training against test": named("check_shift"),
    "Shortcuts": labelled_only(named("check_shortcuts")),
    "Order of files": named("check_order"),
    "Share of wrong labels": labelled_only(named("check_label_share")),
    "Suspicious labels": labelled_only(named("check_labels")),
    "Image quality": named("check_quality"),
    "Noise": named("check_noise"),
    "Odd images": named("check_outliers"),
    "Other kinds of images": named("check_foreign"),
    "Marks and triggers": labelled_only(named("check_trigger_patches")),
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
