"""When the path of APGD is checked, and what a check does."""

import pytest
import torch

from utils.attacks.apgd_path import Ascent, checkpoints
from utils.attacks.norms import LInf

IMAGES = torch.full((2, 1, 4, 4), 0.5)


def test_a_path_is_checked_as_often_as_the_paper_says():
    assert list(checkpoints(100).items())[:4] == [(22, 0), (41, 22), (57, 41), (70, 57)]


def test_a_path_that_rises_keeps_its_steps_and_one_that_does_not_halves_them():
    path = Ascent(IMAGES, IMAGES, epsilon=0.1)
    for step in range(4):
        loss = torch.tensor([float(step), float(-step)])
        path.arrive(torch.zeros(2, 3), loss, torch.ones_like(IMAGES))
        path.move(LInf, 0.1)
    path.check(4)
    assert path.length.tolist() == pytest.approx([0.2, 0.1])
    assert torch.equal(path.here[1], IMAGES[1])  # back to the best point, its start
    assert not torch.equal(path.here[0], IMAGES[0])


def test_only_what_is_kept_goes_on():
    path = Ascent(IMAGES, IMAGES, epsilon=0.1)
    path.keep(torch.tensor([False, True]))
    assert len(path.here) == len(path.length) == len(path.best_gradient) == 1
