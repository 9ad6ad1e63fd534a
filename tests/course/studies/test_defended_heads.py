"""Heads on clean and attacked features: what they learn, and what the fitted one is worth."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from small import small_split

from utils.course.studies.defended_heads import DefendedHeads, Rows

SETTINGS = {"weight": 0.5, "learning_rate": 0.05, "label_smoothing": 0.0}


def rows(count: int, seed: int) -> Rows:
    """The first three columns show the label; the attack turns them and leaves three others."""
    split, rng = small_split(count, seed=seed), np.random.default_rng(seed)
    shown = 4 * np.eye(3)[split.labels.numpy()]
    clean = np.hstack([shown, shown]) + rng.normal(size=(count, 6))
    attacked = clean + np.hstack([-2 * shown, 0 * shown])
    return Rows(split, clean.astype("float32"), attacked.astype("float32"))


@pytest.fixture
def heads():
    return DefendedHeads(rows(96, 0), rows(48, 1), stages=5)


def test_attacked_features_in_the_loss_help_on_attacked_features(heads):
    reports = {weight: [] for weight in (0.0, 0.5)}
    scores = {w: heads({**SETTINGS, "weight": w}, reports[w].append) for w in reports}
    assert scores[0.5] > 0.9 > scores[0.0]
    assert all(len(each) == heads.stages and each[-1]["clean"] > 0.9 for each in reports.values())


def test_the_fitted_head_takes_features_as_they_are(heads):
    head, part = heads.fitted(SETTINGS), heads.validation
    with torch.no_grad():
        right = head(torch.from_numpy(part.attacked)).argmax(1) == part.split.labels
    assert right.double().mean().item() == pytest.approx(heads(SETTINGS, [].append))


def test_other_features_are_another_study(heads):
    other = replace(heads.train, attacked=heads.train.attacked + 1)
    assert replace(heads, train=other).facts != heads.facts == replace(heads).facts
