"""Checks of facts without medical meaning: do they tell the classes, or training from test?"""

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from utils.audit.finding import Finding, count_of, not_applicable, skipped
from utils.audit.folder import TEST_PARTS, ImageFolder
from utils.audit.headers import PATIENT_FACTS, header_facts
from utils.audit.patients.groups import MIN_FOLDER_IMAGES
from utils.audit.shortcuts import ALL, image_facts, one_against_rest
from utils.data.split import Split

SAMPLE = 1500  # images: more would take minutes and hardly narrow the intervals
LEAST_PATIENTS = 5  # of a class, or of a part: with fewer there is no fold without them
WARNING_AUC, ALARM_AUC = 0.6, 0.8  # lower bound of the AUC of a fact that cannot be the disease
ANATOMY_WARNING_AUC = 0.8  # the same for a fact that can be the disease
NAMED = 3  # facts in the first sentence; the table has all
SURE_P = 0.05  # after correction for all facts and classes
MAY_BE_DISEASE = ("brightness", "contrast", "grain in the border", "sharpness", "bytes", ALL)
MAY_BE_DISEASE += PATIENT_FACTS


class FactTable(NamedTuple):
    """Which facts tell classes or parts apart, and how many images were looked at."""

    table: pd.DataFrame
    images: int
    left_out: tuple[str, ...] = ()  # classes with too few patients


def check_shortcuts(folder: ImageFolder) -> Finding:
    """Do the size of the file, its format, its header or its border predict the class?"""
    if len(folder.class_names) < 2:
        return skipped("No classes, so nothing to predict.", "Name the classes by folders.")
    found = class_facts(folder)
    if found is None:
        return skipped(
            f"Fewer than two classes with {LEAST_PATIENTS} patients, or fewer than "
            f"{MIN_FOLDER_IMAGES} images.",
            "Get more images of each class.",
        )
    severity = _severity(found.table)
    left_out = f"Left out, with fewer than {LEAST_PATIENTS} patients: {', '.join(found.left_out)}."
    return Finding(
        severity,
        _in_words(found.table, "the class") + f" {left_out}" * bool(found.left_out),
        "What cannot be the disease, a network will learn instead of it. Brightness, contrast, "
        "sharpness, the size of a compressed file, age and sex may go with the disease. Each fact "
        "predicts one class against all others; the class that it predicts best counts. "
        + _method(folder, found),
        "Find out where the classes come from: another hospital, year, device, program? Remove the "
        "trace (crop, save all files alike) and audit again." if severity != "ok" else "",
        _rounded(found.table),
    )  # fmt: skip


def class_facts(folder: ImageFolder) -> FactTable | None:
    """How well facts tell one class from the rest; None where there is too little to learn from."""
    rows = (
        np.flatnonzero(folder.parts == "train") if folder.has_test_part else np.arange(len(folder))
    )
    labels, patients = folder.split.labels.numpy(), folder.groups
    each = {label: len(np.unique(patients[rows][labels[rows] == label])) for label in set(labels)}
    kept = [label for label, count in each.items() if count >= LEAST_PATIENTS]
    left_out = tuple(sorted(folder.class_names[label] for label in set(each) - set(kept)))
    rows = _some(rows[np.isin(labels[rows], kept)])
    if len(kept) < 2 or len(rows) < MIN_FOLDER_IMAGES:
        return None
    table = one_against_rest(
        all_facts(folder, rows), folder.split.take(rows), folder.knows_patients
    )
    return FactTable(table, len(rows), left_out)


def check_shift(folder: ImageFolder) -> Finding:
    """Do test images come from another device or another place than the training images?"""
    if not folder.has_test_part:
        return not_applicable("No train and test folders, so there is nothing to compare.")
    found = part_facts(folder)
    if found is None:
        return skipped(f"Fewer than {MIN_FOLDER_IMAGES} images, or a part with too few patients.")
    severity = _severity(found.table)
    return Finding(
        "warning" if severity == "alarm" else severity,
        _in_words(found.table, "the part"),
        "A test from another device or place measures how a model travels; a low score may then "
        "have nothing to do with the disease. All classes weigh the same in both parts. "
        + _method(folder, found),
        "Find out how the test images were chosen, and say it beside every result on them."
        if severity != "ok" else "",
        _rounded(found.table.drop(columns="class")),
    )  # fmt: skip


def part_facts(folder: ImageFolder) -> FactTable | None:
    """How well facts tell test from training images of the same mixture of classes."""
    tested = np.isin(folder.parts, TEST_PARTS)
    rows = _same_mixture(folder.split.labels.numpy(), folder.parts == "train", tested)
    groups = folder.groups[rows]
    sides = (np.unique(groups[side]) for side in (tested[rows], ~tested[rows]))
    if len(rows) < MIN_FOLDER_IMAGES or min(map(len, sides)) < LEAST_PATIENTS:
        return None
    parts = torch.from_numpy(tested[rows]).long()
    split = Split(folder.images[rows], parts, ("train", "test"), torch.from_numpy(groups))
    return FactTable(
        one_against_rest(all_facts(folder, rows), split, folder.knows_patients), len(rows)
    )


def _same_mixture(labels: np.ndarray, train: np.ndarray, tested: np.ndarray) -> np.ndarray:
    """Some images of both parts, of each class in the same proportion."""
    sides = [[np.flatnonzero(side & (labels == label)) for side in (train, tested)]
             for label in np.unique(labels)]  # fmt: skip
    sides = [pair for pair in sides if min(map(len, pair))]
    if not sides:
        return np.empty(0, int)
    ratio = min(max(len(known) / len(new) for known, new in sides), 1.0)
    rng, chosen = np.random.default_rng(0), []
    for known, new in sides:
        count = min(len(known), max(1, int(len(new) * ratio)))
        chosen += [rng.permutation(known)[:count], rng.permutation(new)[:count]]
    return _some(np.concatenate(chosen))


def all_facts(folder: ImageFolder, rows: np.ndarray) -> pd.DataFrame:
    """Numbers about pixels, files and headers; those that are the same for all are left out."""
    facts = folder.facts.iloc[rows].reset_index(drop=True)
    numbers = facts[["bytes", "width", "height", "bits"]].assign(
        shape=facts["width"] / facts["height"].clip(lower=1),
        colour=pd.factorize(facts["colour"], sort=True)[0],
        format=pd.factorize(facts["format"], sort=True)[0],
    )
    found = [
        image_facts(folder.images[rows]),
        numbers,
        header_facts(facts["file"], facts["format"]),
    ]
    found = pd.concat(found, axis=1)
    return found.loc[:, found.nunique() > 1]


def _some(rows: np.ndarray) -> np.ndarray:
    """Some of these images; always the same ones."""
    return np.sort(np.random.default_rng(0).permutation(rows)[:SAMPLE])


def _severity(table: pd.DataFrame) -> str:
    sure = table[_is_sure(table)]
    inside = sure["fact"].isin(MAY_BE_DISEASE)
    outside, inside = sure["low"][~inside], sure["low"][inside & (sure["fact"] != ALL)]
    if outside.max() > ALARM_AUC:
        return "alarm"
    if outside.max() > WARNING_AUC or inside.max() > ANATOMY_WARNING_AUC:
        return "warning"
    return "note" if len(sure) else "ok"


def _is_sure(table: pd.DataFrame) -> pd.Series:
    return (table["low"] > 0.5) & ~(table["p"] >= SURE_P)


def _in_words(table: pd.DataFrame, what: str) -> str:
    sure = table[_is_sure(table)]
    if not len(sure):
        return f"No fact about an image tells {what} better than chance (AUC 0.5)."
    each = [
        f"{row.fact} {row.AUC:.2f} ({row.low:.2f} to {row.high:.2f})"
        + (f" for {row[1]!r}" if what == "the class" else "")
        for row in sure.head(NAMED).itertuples(index=False)
    ]
    more = f" and {len(sure) - NAMED} more" if len(sure) > NAMED else ""
    facts = count_of(len(sure), "fact tells", "facts tell")
    return f"{facts} {what} (AUC, chance 0.5): {', '.join(each)}{more}."


def _method(folder: ImageFolder, found: FactTable) -> str:
    patients = "corrected for all facts and classes" if folder.knows_patients else (
        "without p-values, because the patients are unknown; the intervals hold for all facts and "
        "classes at once, and are still too narrow where patients have several images"
    )  # fmt: skip
    return (
        f"Small decision trees, out of fold, on {count_of(found.images, 'image')} grouped by "
        f"{folder.group_description}; {patients}."
    )


def _rounded(table: pd.DataFrame) -> pd.DataFrame:
    numbers = table[["AUC", "low", "high"]].round(3)
    kind = np.where(table["fact"].isin(MAY_BE_DISEASE), "may be", "cannot be the disease")
    return table.assign(**numbers, p=table["p"].round(4), **{"disease?": kind})
