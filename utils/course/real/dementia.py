"""What is measured on slices of MRI: scores, controls, leakage, corruptions, an attack."""

from dataclasses import replace
from itertools import product

import numpy as np
import torch

from utils.attacks.pgd import PGD
from utils.attacks.random_noise import RandomSigns
from utils.contamination.corruptions.matrix import stacked
from utils.contamination.corruptions.registry import corruptions
from utils.course.real.brain_slices import Heads
from utils.course.real.clean_scores import kept_promises
from utils.course.real.steps import as_row, counted, difference_row, score_row
from utils.data.patients.splitting import split_by_group
from utils.data.split import Split, Splits
from utils.defences.ensemble import combined
from utils.evaluation.conditions import GREY_LEVELS
from utils.evaluation.intervals import mean_of
from utils.evaluation.leakage import nearest_neighbour_baseline
from utils.evaluation.metrics import HEADLINE
from utils.evaluation.predictions import Predictions, pool_trainings
from utils.evaluation.uncertainty.calibration import (
    calibration_difference,
    calibration_error,
    fit_temperature,
)

PARTITIONS = 3
SIZES = (1, 2, 4)  # of 255
STEPS = 20
PATIENTS, SLICES = 60, 2  # under attack
FOLDED = 8  # slices of each patient where folds are compared
BESIDE = ("accuracy", "AUC")
FOLD_STRENGTH = (1e-3,)
COINS = 5
SEVERITY = 3
MOVED = "Ghosting"  # what a moving patient leaves in MRI
CHANCE_AUC = 0.5  # AUC of a constant answer


def clean_scores(heads: Heads) -> dict:
    """One answer per patient; the border alone is the control, since no brain is there."""
    each = heads.by_level(PARTITIONS)
    found, border = pool_trainings(each), pool_trainings(heads.by_border(PARTITIONS))
    vote = combined(each)
    rows = {name: score_row(found, name) for name in (HEADLINE, "accuracy", "AUC")}
    rows |= {f"mean of partitions: {name}": score_row(vote, name) for name in (HEADLINE, "AUC")}
    rows |= {f"border alone: {name}": score_row(border, name) for name in (HEADLINE, "AUC")}
    first, second = _halves(vote)
    warm = [fit_temperature(vote.take(half)) for half in (second, first)]
    cool = _put_together(vote, (first, second), warm)
    return {
        "scores": rows
        | {f"calibration error, {when}": as_row(calibration_error(p), **counted(p))
           for when, p in (("before", vote), ("after", cool))},
        "differences": {
            "network minus border, AUC": difference_row(found, border, "AUC"),
            "calibration, before minus after": as_row(
                calibration_difference(vote, cool), **counted(vote)
            ),
        },
        "flags": [],
        "images": {"slices": len(heads.slices), "patients": len(vote.labels)},
        "class names": list(vote.class_names),
        "chance": 1 / vote.classes,
        "learned": rows["AUC"]["low"] > CHANCE_AUC,
    }  # fmt: skip


def leakage(heads: Heads) -> dict:
    """Folds that divide slices beside folds that divide patients; labels from a coin; a look-up."""
    places = heads.of_some(len(np.unique(heads.slices.patients)), FOLDED)
    some, rows = heads.slices.take(places), heads.cells[places]
    apart = replace(some, groups=torch.arange(len(some)))
    by_patient = heads.repeated(rows, some, PARTITIONS, FOLD_STRENGTH)
    by_image = heads.repeated(rows, apart, PARTITIONS, FOLD_STRENGTH)
    sides = {
        "folds by image": pool_trainings([replace(e, groups=some.patients) for e in by_image]),
        "folds by patient": pool_trainings(by_patient),
    }
    looked_up = _look_up(some, apart)
    coin = _coins(heads, some, rows)
    return {
        "scores": {name: score_row(each) for name, each in sides.items()}
        | {f"{name}, {s}": score_row(sides[name], s) for name, s in product(sides, BESIDE)}
        | {"look-up after a split by image": score_row(looked_up)},
        "differences": {
            "by image minus by patient": difference_row(*sides.values()),
            "look-up minus constant": difference_row(looked_up, 1 / some.classes),
            "coin minus chance": as_row(coin, COINS, len(np.unique(some.patients))),
        },
        "slices": len(some),
    }


def under_attack(heads: Heads) -> dict:
    """PGD on the margin of every slice, and its control, at three sizes."""
    places = heads.of_some(PATIENTS, SLICES)
    conditions = {"clean": None, "noise 4": RandomSigns(max(SIZES) / GREY_LEVELS)}
    for size in SIZES:
        conditions[f"pgd {size}"] = PGD(size / GREY_LEVELS, STEPS, loss="margin")
    found = {name: heads.answers(places, attack) for name, attack in conditions.items()}
    worst = found[f"pgd {max(SIZES)}"]
    return {
        "scores": {name: score_row(each) for name, each in found.items()}
        | {f"{name}, AUC": score_row(each, "AUC") for name, each in found.items()},
        "differences": {
            "clean minus PGD": difference_row(found["clean"], worst),
            "clean minus small PGD": difference_row(found["clean"], found[f"pgd {min(SIZES)}"]),
            "noise minus clean": difference_row(found["noise 4"], found["clean"]),
        },
        "flags": _attack_flags(found),
        "learned": score_row(found["clean"])["low"] > 1 / worst.classes,
        "images": {"patients": len(worst.labels), "slices": len(places)},
    }


def corrupted(heads: Heads) -> dict:
    """Every family of MRI at a middle severity, on the slices that are attacked."""
    places = heads.of_some(PATIENTS, SLICES)
    clean = heads.answers(places, None)
    found = {
        name: heads.answers(places, None, change)
        for name, change in corruptions("mri", SEVERITY).items()
    }
    lost = {name: difference_row(clean, each) for name, each in found.items()}
    mean = stacked(list(found.values()))
    return {
        "scores": {"clean": score_row(clean), "mean": score_row(mean)}
        | {name: score_row(each) for name, each in found.items()},
        "differences": {f"clean minus {name}": row for name, row in lost.items()},
        "worst": max(lost, key=lambda name: lost[name]["value"]),
        "severity": SEVERITY,
    }


def promises(heads: Heads) -> dict:
    """Conformal sets of all patients, answered by heads that have not met them.

    Half of the patients calibrate, the others are new, and their ghosts are in the file.
    """
    places = heads.of_some(len(np.unique(heads.slices.patients)), SLICES)
    move = corruptions("mri", SEVERITY, names=(MOVED,))[MOVED]
    clean, moved = heads.answers(places, None), heads.answers(places, None, move)
    halves = _halves(clean)
    return kept_promises(*([each.take(half) for half in halves] for each in (clean, moved)))


def _attack_flags(found: dict[str, Predictions]) -> list[dict]:
    """An attack that does less than noise, or less where it may change more."""
    right = {name: each.accuracy for name, each in found.items()}
    ladder = [right[f"pgd {size}"] for size in SIZES]
    reasons = {
        "random noise does as well": right["noise 4"] <= ladder[-1],
        "accuracy rises with epsilon": ladder != sorted(ladder, reverse=True),
    }
    return [{"flag": name, "reason": str(right)} for name, red in reasons.items() if red]


def _look_up(some: Split, apart: Split) -> Predictions:
    """The label of the most similar slice, after a split that ignores patients."""
    shares = split_by_group(apart.labels.numpy(), apart.patients, (0.8, 0.2))
    train, test = (some.take(part) for part in shares)
    return nearest_neighbour_baseline(Splits(train, test, test))


def _coins(heads: Heads, some: Split, rows: np.ndarray):
    """Balanced accuracy minus chance with labels of patients from a coin, over patients and coins.

    Each image counts by the inverse of the share of its class, which makes the mean balanced.
    """
    owners, member = np.unique(some.patients, return_inverse=True)
    values, groups = [], []
    for seed in range(COINS):
        coin = np.random.default_rng(seed).permutation(np.arange(len(owners)) % 2)
        tossed = replace(some, labels=torch.from_numpy(coin[member]))
        (found,) = heads.repeated(rows, tossed, 1, FOLD_STRENGTH)
        share = np.bincount(found.labels) / len(found.labels)
        values.append(found.right / (2 * share[found.labels]) - 0.5)
        groups.append(member + seed * len(owners))
    return mean_of(np.concatenate(values), np.concatenate(groups))


def _halves(found: Predictions) -> list[np.ndarray]:
    return split_by_group(found.labels, found.groups, (0.5, 0.5))


def _put_together(found: Predictions, halves, warm) -> Predictions:
    """Each half at the temperature that the other half gave."""
    cooled = found.probabilities.copy()
    for half, temperature in zip(halves, warm, strict=True):
        cooled[half] = temperature(found.take(half)).probabilities
    return replace(found, probabilities=cooled)
