"""Heads on tokens: what they read, and that they learn from it."""

from dataclasses import replace

import pytest
import torch
from small import small_split

from utils.backbones.classifier import build
from utils.course.studies.token_heads import READS, TokenHeads, frozen_tokens
from utils.data.split import Split

SETTINGS = {
    "reads": "both",
    "standardised": True,
    "learning_rate": 0.05,
    "label_smoothing": 0.0,
    "patch_drop": 0.5,
}


def informed(split: Split, seed: int) -> torch.Tensor:
    """Class token: noise around a large constant. Patches: the label."""
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randn(len(split), 5, 6, generator=generator)
    tokens[:, 1:, :3] += 4 * torch.eye(3)[split.labels][:, None]
    tokens[:, 0] += 100
    return tokens


@pytest.fixture
def heads():
    train, validation = small_split(96), small_split(48, seed=1)
    return TokenHeads(train, informed(train, 0), validation, informed(validation, 1), stages=4)


def value(heads, **changes):
    return heads({**SETTINGS, **changes}, [].append)


def test_learns_from_what_it_reads(heads):
    assert value(heads, reads="mean of the patches") > 0.9 > 0.6 > value(heads, reads="class token")


def test_every_trial_draws_alike(heads):
    assert value(heads) == value(heads) and heads.facts == replace(heads).facts


def test_reports_each_epoch(heads):
    rows = []
    best = heads(SETTINGS, rows.append)
    assert len(rows) == heads.stages and best == max(row["score"] for row in rows)


def test_other_tokens_are_another_study(heads):
    assert heads.facts != replace(heads, train_tokens=heads.train_tokens + 1).facts


@pytest.mark.parametrize("reads", READS)
def test_reads_a_row_per_image(reads, heads):
    assert READS[reads](heads.train_tokens).shape == (96, 12 if reads == "both" else 6)


def test_the_tokens_of_a_transformer_end_in_its_features():
    model, split = build("dinov2_tiny", 3, 28), small_split(4, 28)
    tokens = frozen_tokens(model, split)
    assert tokens.shape == (4, 1 + 4, 192)
    with torch.no_grad():
        assert torch.allclose(tokens[:, 0], model.features(split.images / 255), atol=1e-5)
