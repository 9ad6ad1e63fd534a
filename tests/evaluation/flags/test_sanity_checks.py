"""The small experiments: a sound attack passes them, and they measure what they name."""

import pytest
import torch
from small import small_split, trained_network
from utils.evaluation.sanity_checks import (
    LADDER,
    black_box_applies,
    free_white_box,
    lossless,
    run_sanity_checks,
)

from utils.attacks.black_box import Square
from utils.attacks.pgd import PGD
from utils.attacks.regions import StrongestPatch
from utils.data.split import to_float
from utils.evaluation.inference import predict

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
    assert found.doubled.accuracy <= found.restarted.accuracy
    assert found.ladder[-1].accuracy == 0
    assert found.between_passes == 0 and found.between_batches < 1e-5


@pytest.mark.parametrize("attack", [PGD(EPSILON), PGD(1.5, norm="l2")], ids=repr)
def test_on_the_ladder_an_image_that_fell_has_fallen_for_good(model, attack):
    found = run_sanity_checks(model, FEW, attack, FEW)
    for ladder in (found.ladder, found.noise_ladder):
        assert len(ladder) == len(LADDER)
        steps = zip([found.clean, *ladder], ladder, strict=False)
        assert all((larger.right <= smaller.right).all() for smaller, larger in steps)
    assert found.ladder[0].accuracy > 0 == found.ladder[-1].accuracy
    assert found.noise_ladder[0].accuracy > 0.8


def test_the_ladder_asks_about_the_size_that_it_names(model):
    """An image has fallen at a size if, and only if, a change of at most this size made it fall."""
    found = run_sanity_checks(model, FEW, PGD(EPSILON), FEW)
    alone = PGD(16 / 255, loss="margin", random_start=False, stop_when_fooled=True)
    fell = ~predict(model, FEW, alone).right
    assert (fell <= ~found.ladder[LADDER.index(16)].right).all() and fell.any()


def test_the_change_is_measured_in_the_norm_of_the_attack(model):
    found = run_sanity_checks(model, FEW, PGD(1.5, norm="l2"), FEW)
    assert 1.4 < found.largest_change < 1.5 + 1e-4


def test_an_attack_without_steps_has_no_more_of_them(model):
    found = run_sanity_checks(model, FEW, Square(EPSILON, 20), FEW)
    assert found.doubled is None and found.restarted is None and found.black_box is None


def test_the_black_box_runs_only_where_it_applies(model):
    """Not without survivors, not where only a region may change, not in another norm."""
    assert run_sanity_checks(model, FEW, PGD(EPSILON), FEW.take(torch.arange(0))).black_box is None
    assert len(run_sanity_checks(model, FEW, PGD(EPSILON), FEW).black_box.labels) == 6
    confined = PGD(EPSILON, region=StrongestPatch(4))
    assert run_sanity_checks(model, FEW, confined, FEW).black_box is None
    assert black_box_applies(PGD()) and not black_box_applies(PGD(norm="l2"))
    assert free_white_box(PGD(norm="l2")) and not free_white_box(Square())
    assert not free_white_box(confined)


def test_a_file_of_8_bits_is_off_by_half_a_grey_level_at_most():
    pixels = torch.rand(4, 1, 8, 8)
    assert (lossless(pixels) - pixels).abs().max() <= 0.5 / 255 + 1e-6
    assert torch.equal(lossless(to_float(FEW.images)), to_float(FEW.images))
