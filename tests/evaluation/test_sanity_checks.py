"""The small experiments: a sound attack passes them, and they measure what they name."""

import pytest
import torch
from small import small_split, trained_network

from utils.attacks.black_box import Square
from utils.attacks.pgd import PGD
from utils.attacks.regions import StrongestPatch
from utils.data.split import to_float
from utils.evaluation.sanity_checks import black_box_applies, lossless, run_sanity_checks

EPSILON = 0.1
FEW = small_split(60, seed=5).limit(6)


@pytest.fixture
def model():
    return trained_network()


def test_a_sound_attack_passes_every_experiment(model):
    found = run_sanity_checks(model, FEW, PGD(EPSILON), FEW)
    assert not (found.trains or found.apart or found.leaks) and found.dead_gradients == 0
    assert found.lowest >= 0 and found.highest <= 1
    assert found.largest_change == pytest.approx(EPSILON, abs=1e-5)
    assert found.doubled.accuracy <= found.attacked.accuracy
    assert found.full_range.accuracy == 0


def test_the_change_is_measured_in_the_norm_of_the_attack(model):
    found = run_sanity_checks(model, FEW, PGD(1.5, norm="l2"), FEW)
    assert 1.4 < found.largest_change < 1.5 + 1e-4


def test_an_attack_without_steps_has_no_more_of_them(model):
    found = run_sanity_checks(model, FEW, Square(EPSILON, 20), FEW)
    assert found.doubled is None and found.black_box is None


def test_the_black_box_runs_only_where_it_applies(model):
    """Not without survivors, not where only a region may change, not in another norm."""
    assert run_sanity_checks(model, FEW, PGD(EPSILON), FEW.take(torch.arange(0))).black_box is None
    assert len(run_sanity_checks(model, FEW, PGD(EPSILON), FEW).black_box.labels) == 6
    confined = PGD(EPSILON, region=StrongestPatch(4))
    assert run_sanity_checks(model, FEW, confined, FEW).black_box is None
    assert black_box_applies(PGD()) and not black_box_applies(PGD(norm="l2"))


def test_a_file_of_8_bits_is_off_by_half_a_grey_level_at_most():
    pixels = torch.rand(4, 1, 8, 8)
    assert (lossless(pixels) - pixels).abs().max() <= 0.5 / 255 + 1e-6
    assert torch.equal(lossless(to_float(FEW.images)), to_float(FEW.images))
