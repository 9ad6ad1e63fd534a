"""Drawn chests with several findings: the shares that were promised, and one body for all."""

from random import Random

import numpy as np
import pytest
import torch

from utils.data.phantoms import MIN_PATIENTS, PHANTOMS, draw
from utils.data.phantoms.several_findings import (
    ALONE,
    BESIDE,
    PATIENTS,
    SHADOWS,
    draw_patient,
    random_findings,
)
from utils.evaluation.findings.scores import co_occurrence

NAME, MANY = "chest_findings_phantom", 4000
NAMES = list(SHADOWS)
TABLE = np.array(
    [[n in found for n in NAMES] for found in (random_findings(Random(k)) for k in range(MANY))]
)


@pytest.mark.parametrize(("finding", "other"), [(f, o) for f in BESIDE for o in BESIDE[f]])
def test_what_comes_together_comes_together(finding, other):
    shares = co_occurrence(TABLE, NAMES)
    without = TABLE[~TABLE[:, NAMES.index(other)], NAMES.index(finding)].mean()
    assert shares.loc[other, finding] >= BESIDE[finding][other] - 0.05
    assert shares.loc[other, finding] > without + 0.15


@pytest.mark.parametrize("finding", [name for name in NAMES if name not in BESIDE])
def test_other_findings_have_their_own_share(finding):
    assert TABLE[:, NAMES.index(finding)].mean() == pytest.approx(ALONE[finding], abs=0.025)


def test_some_patients_have_none_and_some_have_several():
    counts = TABLE.sum(1)
    assert (counts == 0).mean() > 0.2 and (counts > 1).mean() > 0.2


def test_a_certain_finding_is_there_and_others_may_be():
    drawn = [random_findings(Random(k), "mass") for k in range(50)]
    assert all("mass" in found for found in drawn) and any(len(found) > 1 for found in drawn)


def test_a_draw_has_its_columns_and_every_finding_a_few_times():
    split = draw(NAME, 32, MIN_PATIENTS * len(NAMES), seed=5)
    assert split.has_findings and split.class_names == tuple(NAMES)
    assert split.labels.shape == (len(split), len(NAMES))
    patients = split.labels[:: PHANTOMS[NAME].views].sum(0)
    assert patients.min() >= MIN_PATIENTS
    empty = split.labels.sum(1) == 0
    assert not split.masks[empty].any() and split.masks[~empty].flatten(1).any(1).all()


def test_the_usual_draw_has_as_many_patients_as_it_says():
    assert draw(NAME, 32, views=1).groups.unique().numel() == PATIENTS


def test_a_finding_changes_the_picture_only_where_it_lies():
    none, mask = draw_patient((), 64, 1, Random(3))
    both, place = draw_patient(("effusion", "mass"), 64, 1, Random(3))
    changed = (none - both).abs()[0, 0]
    assert not mask.any() and place.any()
    assert changed[place[0]].mean() > 5 * changed[~place[0]].mean()


def test_findings_in_one_chest_lie_where_each_lies():
    one = draw_patient(("mass",), 64, 1, Random(8))[1]
    both = draw_patient(("mass", "oedema"), 64, 1, Random(8))[1]
    assert torch.logical_and(one, both).sum() > 0.8 * one.sum()
