"""Readers that never learned: their gate, their size, their stages."""

import pytest
import torch
from small import small_splits

from utils.course.studies.frozen_readers import FrozenReaders

SETTINGS = {"hidden": 8, "reads": "both ways", "gate_bias": 1.0}


@pytest.fixture
def readers():
    return FrozenReaders(small_splits(), images=48, judges=24)


def test_each_stage_reports_and_the_last_one_counts(readers):
    rows = []
    value = readers(SETTINGS, rows.append)
    assert len(rows) == readers.stages and rows[-1]["score"] == value > 1 / 3


def test_a_shut_gate_keeps_the_old_memory(readers):
    """The first row, read long ago, moves what is remembered at the end."""
    images = torch.rand(4, 3, 16, 16)
    changed = images.clone()
    changed[:, :, 0] += 1
    moved = {}
    for bias in (0.1, 4.0):
        reader = readers.reader({**SETTINGS, "gate_bias": bias})
        with torch.no_grad():
            down = [reader.features(x)[:, : SETTINGS["hidden"]] for x in (images, changed)]
        moved[bias] = ((down[0] - down[1]).norm() / down[0].norm()).item()
    assert moved[4.0] > 10 * moved[0.1]


def test_the_same_reader_each_time_and_other_images_another_study(readers):
    first, second = (readers.reader(SETTINGS).state_dict() for _ in range(2))
    assert all((first[name] == second[name]).all() for name in first)
    assert readers.facts != FrozenReaders(small_splits(1), images=48, judges=24).facts
