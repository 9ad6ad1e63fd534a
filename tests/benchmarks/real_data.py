"""What real weights reach on real images, on a CPU.

    DATA_ROOT=... PYTHONPATH=. python tests/benchmarks/real_data.py chest_xray alzheimer_mri

DATA_ROOT is the folder that holds both sets (see dataset/README.md). Each recipe prints one JSON
object: every candidate with its scores, their 95 % intervals over patients, and its seconds.
Features and checkpoints stay in checkpoints/real_data, so a second call only reads them.

chest_xray     three classes, official test set: a linear probe at 224 pixels, the same network
               fine-tuned at 112 pixels, and the mean of both. Strength and epoch are chosen on
               validation patients; the test set chooses nothing.
alzheimer_mri  dementia or none, five folds by recovered patient, one answer per patient: the
               features of the slices are averaged at four heights of the head, which for a linear
               probe is the mean over its answers. Strength is chosen on inner folds. Five
               partitions into folds show how far chance moves the result; the answer of a patient
               is the mean over them.
"""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from utils.backbones.classifier import build
from utils.course.real.brain_slices import (
    FOLDS,
    LEVELS,
    STRENGTHS,
    demented_or_not,
    network_of_cells,
    real_slices,
)
from utils.course.real.networks import TRAINING
from utils.data.loading import load
from utils.data.patients.recovery import normalise_exposure
from utils.data.patients.slice_order import slice_heights
from utils.data.split import Split, Splits
from utils.defences.ensemble import combined
from utils.evaluation.inference import predict
from utils.evaluation.metrics import score_of
from utils.evaluation.predictions import Predictions
from utils.evaluation.roc import roc_scores
from utils.run import ROOT
from utils.training.cross_validation import FittedProbe, cross_validated
from utils.training.features import frozen_features, linear_probe, patient_means
from utils.training.loop import train_or_load
from utils.training.losses import CrossEntropy, balancing_weights

FOLDER = ROOT / "checkpoints" / "real_data"
BACKBONE, NATIVE = "efficientnet_lite0", 224  # pixels at which its weights were trained
FINE_TUNED_AT = 112  # pixels
FINE_TUNING = replace(TRAINING, epochs=2)
PARTITIONS = 5


def chest_xray() -> dict:
    """Normal, bacterial or viral pneumonia."""
    splits, seconds, found = load("chest_xray", NATIVE), {}, {}
    with timed(seconds, "probe"):
        found["probe"] = probed(splits)
    with timed(seconds, "fine-tuned"):
        found["fine-tuned"] = fine_tuned(splits)
    found["mean of both"] = combined(list(found.values()))
    seconds["mean of both"] = sum(seconds.values())
    return {
        name: {**scores(each), "AUC of pneumonia": auc(each), "seconds": seconds[name]}
        for name, each in found.items()
    }


def alzheimer_mri() -> dict:
    """Dementia of any grade, or none."""
    split, seconds, found = demented_or_not(real_slices()), {}, {}
    with timed(seconds, "network"):
        cells = frozen_features(network_of_cells(), split, FOLDER)
        heights = slice_heights(split)
        found["network"] = repeated(*patient_means(cells, split, heights, LEVELS))
    with timed(seconds, "network and pixels"):
        both = np.hstack([cells, normalise_exposure(split.images).numpy()])
        found["network and pixels"] = repeated(*patient_means(both, split, heights, LEVELS))
    return {
        name: {
            **scores(combined(each)),
            "AUC of dementia": auc(combined(each)),
            "AUC of each partition": [auc(one)[0] for one in each],
            "seconds": seconds[name],
        }
        for name, each in found.items()
    }


def repeated(rows: np.ndarray, patients: Split) -> list[Predictions]:
    """Cross-validations with other partitions into folds; each answers once for every patient."""
    fit = FittedProbe(rows, patients, STRENGTHS)
    return [cross_validated(patients, fit, FOLDS, seed) for seed in range(PARTITIONS)]


def probed(splits: Splits) -> Predictions:
    """Logistic regression on the features of the frozen network."""
    model = build(BACKBONE, splits.train.classes, NATIVE, weights="imagenet", frozen=True)
    train, validation, test = (
        frozen_features(model, part, FOLDER, NATIVE) for _, part in splits.items()
    )
    probe = linear_probe(train, splits.train, validation, splits.validation)
    return probe.predict(test, splits.test)


def fine_tuned(splits: Splits) -> Predictions:
    """All weights trained on; each test image is read as it is and mirrored."""
    small = Splits(**{name: part.resized(FINE_TUNED_AT) for name, part in splits.items()})
    model = build(BACKBONE, splits.train.classes, FINE_TUNED_AT, weights="imagenet")
    loss = CrossEntropy(balancing_weights(small.train, 0.5), label_smoothing=0.1)
    train_or_load(model, small, FINE_TUNING, FOLDER, loss)
    mirrored = replace(small.test, images=small.test.images.flip(-1))
    return combined([predict(model, small.test), predict(model, mirrored)])


def scores(found: Predictions) -> dict:
    return {
        name: [100 * value for value in score_of(found, name)]
        for name in ("accuracy", "balanced accuracy")
    }


def auc(found: Predictions) -> list[float]:
    """Of any finding against none, the first class: value, low, high."""
    table = roc_scores(1 - found.probabilities[:, 0], found.labels > 0, found.groups)
    return table.loc["AUROC", ["value", "low", "high"]].tolist()


@contextmanager
def timed(seconds: dict, name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - started


RECIPES = {recipe.__name__: recipe for recipe in (chest_xray, alzheimer_mri)}

if __name__ == "__main__":
    for chosen in sys.argv[1:] or RECIPES:
        if chosen not in RECIPES:
            raise SystemExit(f"unknown recipe {chosen!r}; choose from {', '.join(RECIPES)}")
        print(json.dumps({chosen: RECIPES[chosen]()}, indent=1), flush=True)
