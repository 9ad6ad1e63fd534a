"""Repair relabels the most suspicious, and nothing else."""

import numpy as np
import pandas as pd
import pytest
import torch
from small import small_split

from utils.contamination.label_noise import Symmetric
from utils.defences.repair.data_cleaning import (
    highest_scores,
    random_scores,
    relabel_flagged,
)

TRUTH = small_split(120)
SPLIT = Symmetric(rate=0.2)(TRUTH)
WRONG = SPLIT.changed.numpy()  # the scores of an oracle
KNOWN = torch.nn.functional.one_hot(TRUTH.labels).numpy()  # a network that is always right


def test_the_oracle_repairs_everything():
    assert (SPLIT.changed[highest_scores(WRONG, 0.2)] > 0).all()
    assert torch.equal(relabel_flagged(SPLIT, WRONG, 0.2, KNOWN).labels, TRUTH.labels)


def test_chance_takes_as_many_wrong_as_right():
    taken = torch.cat([highest_scores(random_scores(SPLIT, k), 0.5) for k in range(40)])
    assert (SPLIT.changed[taken] > 0).float().mean() == pytest.approx(0.2, abs=0.03)


def test_the_worst_go_first():
    suspicion = np.random.default_rng(0).permutation(len(SPLIT))
    assert suspicion[highest_scores(suspicion, 0.1)].tolist() == list(range(119, 107, -1))


def test_between_equals_the_seed_decides():
    first, again, other = (highest_scores(WRONG, 0.5, seed) for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert (SPLIT.changed[first[:24]] > 0).all() and (SPLIT.changed[first[24:]] == 0).all()


@pytest.mark.filterwarnings("error")
def test_a_column_of_a_table_can_be_the_scores():
    column = pd.DataFrame({"chance": random_scores(SPLIT)})["chance"]
    by_hand = highest_scores(column.to_numpy(copy=True), 0.3)
    assert torch.equal(highest_scores(column, 0.3), by_hand)


def test_relabelling_leaves_the_others_and_the_pictures():
    wrong = 1.0 - KNOWN
    after = relabel_flagged(SPLIT, WRONG, 0.1, wrong)
    moved = after.labels != SPLIT.labels
    assert (SPLIT.changed[moved] > 0).all() and moved.sum() <= 12
    assert torch.equal(after.images, SPLIT.images) and torch.equal(after.changed, SPLIT.changed)


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_not_everything_can_go(share):
    with pytest.raises(ValueError, match="from 0 to below 1"):
        highest_scores(WRONG, share)
    assert len(highest_scores(WRONG, 0)) == 0


@pytest.mark.parametrize(
    ("scores", "message"),
    [(np.full(120, np.nan), "finite"), (np.zeros(10), "120 images, but 10 scores")],
)
def test_scores_of_other_images_are_refused(scores, message):
    with pytest.raises(ValueError, match=message):
        relabel_flagged(SPLIT, scores, 0.1, KNOWN)
