"""Faulty training data of a real set: heads on frozen features, contaminated and repaired."""

from dataclasses import replace

import pandas as pd

from utils.contamination.backdoor import Patch, Poison, Warp
from utils.contamination.base import Contamination
from utils.contamination.label_noise import Symmetric
from utils.course.real.networks import Study
from utils.course.real.steps import as_row, counted, difference_row, score_row
from utils.course.studies.cleaned_heads import CleanedHeads, CleanedRepeat
from utils.data.split import Split
from utils.evaluation.comparisons.differences import difference_of_differences
from utils.evaluation.intervals import Interval
from utils.evaluation.predictions import Predictions, pool_trainings
from utils.evaluation.roc import roc_scores
from utils.training.features import folded_probe

WRONG = 0.2  # of the labels
POISON = 0.05  # of the training images
TRUSTED = 120  # validation images that teach the judge, as many of each class
TRIGGERED = 300  # test images that get a trigger
FEW_IMAGES = 240  # training images of the probes that compare weights
DELIVERED, DROPPED = "as delivered", "flagged dropped"
NEVER = "never poisoned"  # a control from the same patients
BEYOND = "with minus without, beyond a head without poison"
AT_RANDOM, ORACLE = "as many dropped at random", "dropped by an oracle"
TRIGGERS = {"patch": Patch(), "warp": Warp()}
WAYS = (DELIVERED, AT_RANDOM, DROPPED, "flagged relabelled", ORACLE)


def label_errors(study: Study) -> dict:
    """A fifth of the labels is wrong: how well they are found, and what dropping them gains."""
    heads = _heads(study)
    repeats = _repeats(study, heads, Symmetric(rate=WRONG), {"clean": study.parts.files.test})
    ways = {way: _pooled(repeats, way, "clean") for way in WAYS}
    first = repeats[0]
    found = roc_scores(first.scores, first.wrong, first.delivered.patients)
    return {
        "scores": {way: score_row(each) for way, each in ways.items()}
        | {"AUROC of wrong labels": as_row(_interval(found, "AUROC"), patients=_patients(first))}
        | {"estimated share": as_row(first.estimate, patients=_patients(first))},
        "differences": {
            "flagged minus random": difference_row(ways[DROPPED], ways[AT_RANDOM]),
            "flagged minus delivered": difference_row(ways[DROPPED], ways[DELIVERED]),
            "oracle minus delivered": difference_row(ways[ORACLE], ways[DELIVERED]),
        },
        "share wrong": float(first.wrong.mean()),
        "share of the dropped that is wrong": float(first.wrong[first.dropped].mean()),
        "images": len(first.delivered),
    }


def backdoor(study: Study) -> dict:
    """Two triggers in a twentieth of the images, and what a judge of trusted images repairs.

    A network that has never met a trigger can answer to it as well. So each head has a control
    that learns from the same patients without poison.
    """
    few = study.parts.files.validation.balanced(TRUSTED)
    heads = replace(_heads(study), trusted=few)
    scores, differences = {}, {}
    for name, trigger in TRIGGERS.items():
        poison = Poison(trigger=trigger, target=study.classes - 1, rate=POISON)
        found = _answers(study, heads, poison)
        scores |= {
            f"{name}, {way}: {on}": score_row(found[way, on], "accuracy")
            for way in (DELIVERED, NEVER, DROPPED)
            for on in ("trigger", "control")
        }
        differences |= {f"{name}: {what}": row for what, row in _obeyed(found).items()}
    return {"scores": scores, "differences": differences, "share poisoned": POISON}


def _answers(
    study: Study, heads: CleanedHeads, poison: Poison
) -> dict[tuple[str, str], Predictions]:
    """By what was done to the delivery, and by the images that the heads are shown."""
    some = study.parts.files.test.balanced(TRIGGERED)
    tests = {
        "clean": study.parts.files.test,
        "trigger": poison.with_trigger(some),
        "control": poison.without_trigger(some),
    }
    repeats = _repeats(study, heads, poison, tests)
    never = [heads.untouched(tests, seed) for seed in range(study.real.trainings)]
    return {(way, on): _pooled(repeats, way, on) for way in WAYS for on in tests} | {
        (NEVER, on): pool_trainings([each[on] for each in never]) for on in tests
    }


def _obeyed(found: dict[tuple[str, str], Predictions]) -> dict[str, dict]:
    """What the trigger does, beyond its control as well, and what the repair takes away."""
    pairs = {
        "with minus without": ((DELIVERED, "trigger"), (DELIVERED, "control"), "accuracy"),
        "delivered minus dropped": ((DELIVERED, "trigger"), (DROPPED, "trigger"), "accuracy"),
        "missed disease added": ((DROPPED, "clean"), (DELIVERED, "clean"), "missed disease"),
    }
    rows = {
        what: difference_row(found[first], found[second], metric)
        for what, (first, second, metric) in pairs.items()
    }
    sides = [(found[way, "control"], found[way, "trigger"]) for way in (DELIVERED, NEVER)]
    gap = difference_of_differences(*sides, "accuracy")
    return rows | {BEYOND: as_row(gap.interval, gap.trainings, counted(sides[0][0])["patients"])}


def pretrained(study: Study) -> dict:
    """On few images: a probe of ImageNet features against one of random weights."""
    files, found = study.parts.files, {}
    for name, weights in {"published": study.real.weights, "random": "random"}.items():
        each = []
        for seed in range(study.real.trainings):
            few, features = files.train.balanced(FEW_IMAGES, seed), study.frozen(weights, seed)
            probe = folded_probe(features(few), few, (0.01, 0.1))
            each.append(probe.predict(features(files.test), files.test))
        found[name] = pool_trainings(each)
    return {
        "scores": {f"{name} weights": score_row(each) for name, each in found.items()},
        "differences": {"published minus random": difference_row(*found.values())},
        "images": FEW_IMAGES,
    }


def _heads(study: Study) -> CleanedHeads:
    return CleanedHeads(study.parts.files.train, study.frozen(), share=study.real.share)


def _repeats(
    study: Study, heads: CleanedHeads, fault: Contamination, tests: dict[str, Split]
) -> list[CleanedRepeat]:
    return [heads.repeat(fault, tests, seed) for seed in range(study.real.trainings)]


def _pooled(repeats: list[CleanedRepeat], way: str, on: str) -> Predictions:
    return pool_trainings([each.answers[way][on] for each in repeats])


def _patients(repeat: CleanedRepeat) -> int:
    return len(set(repeat.delivered.patients.tolist()))


def _interval(table: pd.DataFrame, row: str) -> Interval:
    return Interval(*table.loc[row, list(Interval._fields)])
