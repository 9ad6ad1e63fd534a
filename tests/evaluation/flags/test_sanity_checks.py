"""The small experiments: a sound attack passes them all."""

import pytest
import torch
from planted import EPSILON
from small import small_split, trained_network

from utils.attacks.pgd import PGD
from utils.data.split import to_float
from utils.evaluation.flags.sanity_checks import lossless, run_sanity_checks

FEW = small_split(60, seed=5).limit(6)


@pytest.fixture
def model():
    return trained_network()


def test_a_sound_attack_passes_every_experiment(model):
    found = run_sanity_checks(model, FEW, PGD(EPSILON), FEW)
    assert not (found.trains or found.apart or found.leaks) and found.dead_gradients == 0
    assert found.lowest >= 0 and found.highest <= 1
    assert found.largest_change == pytest.approx(EPSILON, abs=1e-5)
    assert found.ladder[-1].accuracy == 0
    assert found.between_passes == 0 and found.between_batches < 1e-5
    assert found.slope_agreement > 0.8 and not found.probabilities


def test_the_change_is_measured_in_the_norm_of_the_attack(model):
    found = run_sanity_checks(model, FEW, PGD(1.5, norm="l2"), FEW)
    assert 1.4 < found.largest_change < 1.5 + 1e-4


@pytest.mark.parametrize(("depth", "white"), [(8, 255), (16, 65535)])
def test_a_file_is_off_by_half_a_grey_level_at_most(depth, white):
    pixels = torch.rand(4, 1, 8, 8)
    assert (lossless(pixels, depth) - pixels).abs().max() <= 0.5 / white + 1e-6
    assert torch.equal(lossless(to_float(FEW.images), depth), to_float(FEW.images))


def test_images_of_16_bits_are_saved_with_16_bits(model):
    """A change of a quarter of a grey level of 8 bits would be rounded away."""
    with torch.no_grad():
        model[0].weight *= 1000
        model[0].bias *= 1000
        model[1].running_mean *= 1000
    deep = FEW.with_depth(16)
    found = run_sanity_checks(model, deep, PGD(0.25 / 255), deep)
    assert not found.attacked.right.all() and (found.saved.right == found.attacked.right).all()
    shallow = run_sanity_checks(model, FEW, PGD(0.25 / 255), FEW)
    assert (shallow.saved.probabilities == shallow.clean.probabilities).all()
