"""An external test: the networks of a real set on populations that they were not trained for."""

from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from utils.course.real.clean_scores import finding_or_none
from utils.course.real.networks import Study
from utils.course.real.steps import as_row, counted, score_row
from utils.data.duplicates import nearest
from utils.data.phantoms import PHANTOMS, draw
from utils.data.split import Split, Splits
from utils.evaluation.intervals import mean_of
from utils.evaluation.metrics import HEADLINE, draws_of
from utils.evaluation.predictions import Predictions
from utils.evaluation.resampling import Difference
from utils.training.features import folded_probe

DRAWN_PATIENTS = 300
STRENGTH = 0.01  # C of the probe that leaves a kind of file out
SQUEEZED = 112  # pixels of the squeezed files from which tiny copies are made
PROPORTIONS = np.linspace(0.8, 2.8, 21)  # width by height of an X-ray before it was squeezed
KINDS = ("IM-", "NORMAL2-")  # how the files of healthy children begin: two ways of collecting


def other_patients(study: Study, drawn: str = "") -> dict:
    """The official test set beside held-out training patients; a drawn set with these classes."""
    inside, outside = study.pooled(study.parts.held_out), study.pooled(study.test)
    pairs = {
        "balanced accuracy": (inside, outside, HEADLINE),
        "any finding, AUC": (finding_or_none(inside), finding_or_none(outside), "AUC"),
    }
    scores, differences = {}, {}
    for name, (first, second, metric) in pairs.items():
        scores[f"{name}, held-out training patients"] = score_row(first, metric)
        scores[f"{name}, official test"] = score_row(second, metric)
        differences[f"{name}, held out minus official"] = apart(first, second, metric)
    if drawn:
        pictures = _drawn(study, drawn)
        far = study.pooled(pictures)
        scores["balanced accuracy, drawn"] = score_row(far)
        differences["balanced accuracy, held out minus drawn"] = apart(inside, far, HEADLINE)
    return {"scores": scores, "differences": differences}


def kinds_of_files(study: Study) -> dict:
    """Healthy children of two ways of collecting: probes that have met only one of them.

    The probes are logistic regressions on frozen features. Their specificity on the kind of file
    that they know stands beside that on the other.
    """
    files, features = study.parts.files, study.frozen()
    every = {"train": features(files.train), "test": features(files.test)}
    healthy = np.flatnonzero(files.test.labels.numpy() == 0)
    kinds = _kinds(files.test)
    scores, differences = {}, {}
    for known, other in (KINDS, KINDS[::-1]):
        kept = np.flatnonzero(_kinds(files.train) != other)
        probe = folded_probe(every["train"][kept], files.train.take(kept), (STRENGTH,))
        found = probe.predict(every["test"], files.test)
        called = _specificity(found.take(healthy))
        sides = {kind: called.take(kinds[healthy] == kind) for kind in KINDS}
        for kind, each in sides.items():
            scores[f"knows {known}, tested on {kind}"] = score_row(each, "accuracy")
        differences[f"{known} known minus {other}"] = apart(sides[known], sides[other], "accuracy")
    return {"scores": scores, "differences": differences}


def official_test(tiny: Splits, files: Splits) -> dict:
    """Which of the tiny images show an official test file: the most similar of all files says so.

    As many training images are the control.
    """
    known = torch.cat([files.train.images, files.validation.images])
    scores = {}
    for name in ("test", "train"):
        some = getattr(tiny, name).limit(len(tiny.test))
        inside, outside = (_distances(some.images, each) for each in (files.test.images, known))
        found = mean_of((inside < outside).numpy(), np.arange(len(some)))
        scores[f"{name} images like an official test file"] = as_row(found, patients=len(some))
    return {"scores": scores}


def apart(first: Predictions, second: Predictions, metric: str) -> dict:
    """The first minus the second, on other patients: each side is resampled by itself.

    Trainings are paired, patients are not.
    """
    (one,), (two,) = draws_of([first], metric, 0), draws_of([second], metric, 1)
    gap = Difference(one - two, first.trainings is not None)
    patients = counted(first)["patients"] + counted(second)["patients"]
    return as_row(gap.interval, gap.trainings, patients)


def _drawn(study: Study, name: str) -> Split:
    drawn, known = PHANTOMS[name].class_names, study.test.class_names
    if drawn != known:
        raise ValueError(
            f"{name} has the classes {drawn}, the networks {known}; "
            f"choose another of {', '.join(PHANTOMS)}"
        )
    pictures = draw(name, study.real.size, DRAWN_PATIENTS, seed=1, views=1, balanced=True)
    return replace(pictures, masks=None)


def _distances(tiny: Tensor, files: Tensor) -> Tensor:
    """How far the most similar file is, whatever its brightness and contrast.

    Tiny copies show its middle square. The files have lost their proportions, so many are tried.
    """
    wanted, size = _standardised(tiny), tiny.shape[-1]
    each = [_standardised(_middle(files, ratio, size)) for ratio in PROPORTIONS]
    return torch.stack([nearest(wanted, copies)[0][:, 0] for copies in each]).amin(0)


def _middle(files: Tensor, ratio: float, size: int) -> Tensor:
    """The middle square of files that were `ratio` times as wide as high."""
    side = files.shape[-1]
    cut = round(side * (1 - min(ratio, 1 / ratio)) / 2)
    kept = slice(cut, side - cut)
    part = files[..., kept] if ratio > 1 else files[..., kept, :]
    return F.interpolate(part.float(), (size, size), mode="bilinear", antialias=True)


def _standardised(images: Tensor) -> Tensor:
    rows = images.flatten(1).float()
    rows = rows - rows.mean(1, keepdim=True)
    return rows / rows.std(1, keepdim=True).clamp(min=1e-6)


def _kinds(split: Split) -> np.ndarray:
    """How the name of each file begins; empty for other beginnings."""
    names = [str(file).replace("\\", "/").rpartition("/")[2] for file in split.files]
    return np.array([next((k for k in KINDS if name.startswith(k)), "") for name in names])


def _specificity(found: Predictions) -> Predictions:
    """Predicted normal or not: with healthy images alone, accuracy is the specificity."""
    both = finding_or_none(found)
    called = np.eye(2)[(found.predicted > 0) * 1]
    return replace(both, probabilities=called)
