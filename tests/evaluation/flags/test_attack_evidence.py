"""The small experiments: a sound attack passes them all."""

import pytest
import torch
from planted import EPSILON
from small import small_split, trained_network
from torch import nn

from utils.attacks.pgd import PGD
from utils.data.split import Split, to_float
from utils.evaluation.flags.attack_evidence import lossless, run_sanity_checks

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


class AboveGrey(nn.Sequential):
    """Whether an image is brighter than grey level 128, to a hundredth of a level."""

    def __init__(self, pixels: int = 64):
        super().__init__(nn.Flatten(), nn.Linear(pixels, 2))
        with torch.no_grad():
            self[1].weight[:] = torch.tensor([[-1.0], [1.0]]) * 4000 / pixels
            self[1].bias[:] = torch.tensor([1.0, -1.0]) * 4000 * 128 / 255


def test_images_of_16_bits_are_saved_with_16_bits():
    """A file of 8 bits would round away a change of a quarter of its grey level."""
    labels = torch.arange(12) % 2
    levels = 257 * 128 + 26 * (2 * labels - 1).view(-1, 1, 1, 1).expand(-1, 1, 8, 8)
    split = Split(levels.to(torch.uint16), labels, ("darker", "brighter"))
    found = run_sanity_checks(AboveGrey(), split, PGD(0.25 / 255), split)
    assert found.clean.right.all() and not found.attacked.right.any()
    assert not found.saved.right.any()
    rough = run_sanity_checks(AboveGrey(), split, PGD(0.25 / 255), split, lossless)
    assert len(set(rough.saved.probabilities[:, 0])) == 1
