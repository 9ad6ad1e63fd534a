"""Rare classes of a real set: heads with fixed directions, as in the chapter `etf_rect_dml`."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product

import numpy as np
import torch

from utils.course.real.networks import Study
from utils.course.real.steps import difference_row, score_row
from utils.data.patients.splitting import long_tail
from utils.data.split import Split
from utils.defences.etf_head import DotRegression, head_on_features
from utils.evaluation.predictions import Predictions, pool_trainings
from utils.training.config import TrainConfig
from utils.training.features import head_predictions
from utils.training.heads import fit_on_features
from utils.training.losses import CrossEntropy, balancing_weights

IMBALANCE = 50  # patients of the commonest class for one of the rarest
TRAININGS = 8
SHORT, LONG = 6, 30  # epochs
WIDTH = 128  # of the neck
PLAN = TrainConfig(SHORT, 64, 3e-3, 1e-3, schedule="one_cycle")
PLAIN, WEIGHTED = "plain", "class weights"
FIXED, RECT = "ETF", "ETF + RECT"


def rare_classes(study: Study, train: Split) -> dict:
    """Four recipes after a short and a long training, each on eight samples of `train`."""
    files, features = study.parts.files, study.frozen()
    rows = torch.from_numpy(features(train))
    shown = torch.from_numpy(features(files.test))
    answers = {
        epochs: _answers(
            train, rows, lambda head: head_predictions(head, shown, files.test), epochs
        )
        for epochs in (SHORT, LONG)
    }
    return _found(answers, train, files.test)


def _answers(
    train: Split, rows: torch.Tensor, test: Callable, epochs: int
) -> dict[str, Predictions]:
    """By recipe: heads that share their patients and first weights, pair by pair."""
    found: dict[str, list[Predictions]] = {}
    for seed in range(TRAININGS):
        places = long_tail(train, IMBALANCE, seed=seed)
        some, plan = train.take(places), replace(PLAN, epochs=epochs, seed=seed)
        equal = CrossEntropy(balancing_weights(some))
        losses = (CrossEntropy(), equal, DotRegression(), DotRegression(rectified=True))
        for name, loss in zip((PLAIN, WEIGHTED, FIXED, RECT), losses, strict=True):
            fixed = name in (FIXED, RECT)
            head = head_on_features(rows.shape[1], train.classes, fixed, WIDTH, seed)
            fit_on_features(head, rows[places], some.labels, plan, loss)
            found.setdefault(name, []).append(test(head))
    return {name: pool_trainings(each) for name, each in found.items()}


def _found(answers: dict[int, dict[str, Predictions]], train: Split, test: Split) -> dict:
    short, long = answers[SHORT], answers[LONG]
    rare = np.argsort(train.counts.numpy(), kind="stable")[: train.classes // 2]
    rows = np.tile(np.isin(test.labels.numpy(), rare), TRAININGS)
    rarer = {name: short[name].take(rows) for name in (FIXED, RECT)}
    counts = train.take(long_tail(train, IMBALANCE)).counts
    scores = {
        f"{name}, {epochs} epochs": score_row(answers[epochs][name])
        for epochs, name in product(answers, short)
    }
    return {
        "scores": scores,
        "differences": {
            "RECT minus ETF": difference_row(short[RECT], short[FIXED]),
            "RECT minus ETF, rarer half": difference_row(rarer[RECT], rarer[FIXED]),
            "RECT minus class weights": difference_row(short[RECT], short[WEIGHTED]),
            "RECT minus ETF, long training": difference_row(long[RECT], long[FIXED]),
        },
        "learned": scores[f"{WEIGHTED}, {SHORT} epochs"]["low"] > 1 / train.classes,
        "images": counts.tolist(),
    }
