"""The attack carried out in other ways: each probe measures what it names."""

import numpy as np
import pytest
import torch
from planted import EPSILON, scaled
from small import findings_split, small_split, trained_network

from utils.attacks.adaptive import Adaptive
from utils.attacks.apgd import APGD, WorstCase, worst_case_chain
from utils.attacks.black_box.square import Square
from utils.attacks.pgd import PGD
from utils.attacks.regions import StrongestPatch
from utils.defences.ensemble import Ensemble
from utils.evaluation.flags.attack_experiments import (
    LADDER,
    LOGIT_RANGE,
    RESTART,
    STEPS,
    Rescaled,
    aims_less,
    attacked_again,
    black_box,
    black_box_applies,
    free_white_box,
    knows_less,
    ladder,
    noise_ladder,
)
from utils.evaluation.inference import logits, predict

FEW = small_split(60, seed=5).limit(6)


@pytest.fixture
def model():
    return trained_network()


@pytest.mark.parametrize("attack", [PGD(EPSILON), PGD(1.5, norm="l2")], ids=repr)
def test_on_the_ladder_an_image_that_fell_has_fallen_for_good(model, attack):
    clean = predict(model, FEW)
    climbs = [probe(model, FEW, attack, clean) for probe in (ladder, noise_ladder)]
    for climb in climbs:
        assert len(climb) == len(LADDER)
        steps = zip([clean, *climb], climb, strict=False)
        assert all((larger.right <= smaller.right).all() for smaller, larger in steps)
    assert climbs[0][0].accuracy > 0 == climbs[0][-1].accuracy
    assert climbs[1][0].accuracy > 0.8


def test_the_ladder_takes_a_loss_that_crosses_no_boundary(model):
    found = ladder(model, FEW, PGD(EPSILON, loss="energy"), predict(model, FEW))
    assert len(found) == len(LADDER)


def test_the_ladder_asks_about_the_size_that_it_names(model):
    """An image has fallen at a size if, and only if, a change of at most this size made it fall."""
    found = ladder(model, FEW, PGD(EPSILON), predict(model, FEW))
    alone = PGD(16 / 255, loss="margin", random_start=False, stop_when_fooled=True)
    fell = ~predict(model, FEW, alone).right
    assert (fell <= ~found[LADDER.index(16)].right).all() and fell.any()


class FlatAround(torch.nn.Module):
    """Blind to what is darker than grey level 250, as the images are: no slope leads out of it."""

    def __init__(self):
        super().__init__()
        self.known = trained_network()

    def forward(self, images):
        bright = (images - 250 / 255).clamp_min(0).sum((1, 2, 3))
        logits = torch.zeros(len(images), 3).index_fill_(1, torch.tensor([1]), 0.1)
        return logits + 10 * bright[:, None] * torch.tensor([1.0, 0, 0])


def test_what_is_left_on_the_ladder_is_attacked_from_noise_too():
    """At the image the gradient is zero, and an attack from there would go nowhere."""
    ones = FEW.take((FEW.labels == 1).nonzero()[:, 0])
    found = ladder(FlatAround(), ones, PGD(EPSILON), predict(FlatAround(), ones))
    assert found[-2].right.all() and not found[-1].right.any()


def test_more_steps_break_no_fewer_images(model):
    again = attacked_again(model, FEW, PGD(EPSILON))
    assert list(again) == ["restarted", "doubled", "rescaled", "every class"]
    assert again["doubled"].accuracy <= again["restarted"].accuracy


def test_where_the_model_brings_an_attack_it_is_carried_out_too(model):
    vote = Ensemble([model, trained_network(1)])
    again = attacked_again(vote, FEW, APGD(EPSILON, 5))
    assert list(again) == ["restarted", "doubled", "rescaled", "every class", "adaptive"]
    without_steps = attacked_again(vote, FEW, CHAIN)
    assert list(without_steps) == ["restarted", "adaptive"]
    attacks = {PGD(EPSILON): True, Square(EPSILON): False, vote.adaptive(PGD(EPSILON)): False}
    assert all(knows_less(vote, attack) is less for attack, less in attacks.items())
    assert not knows_less(model, PGD(EPSILON))


CHAIN = worst_case_chain(EPSILON, 5, 20)
AIMS_LESS = {  # than APGD towards every class, which may change as much
    PGD(EPSILON): True,
    PGD(1.5, norm="l2"): True,
    APGD(EPSILON, loss="margin"): True,
    WorstCase((PGD(EPSILON), Square(EPSILON))): True,
    APGD(EPSILON, loss="every class"): False,
    CHAIN: False,
    Adaptive((CHAIN,), (trained_network(),)): False,
    Square(EPSILON): False,
    PGD(EPSILON, region=StrongestPatch(4)): False,
}


@pytest.mark.parametrize("attack", AIMS_LESS, ids=repr)
def test_every_class_is_aimed_at_where_the_attack_did_not(model, attack):
    assert aims_less(FEW, attack) == AIMS_LESS[attack]
    assert not aims_less(findings_split(6), attack)


@pytest.mark.parametrize("attack", [PGD(EPSILON / 2), PGD(1.0, norm="l2")], ids=repr)
def test_aiming_at_every_class_has_the_limits_of_the_attack(model, attack):
    found = attacked_again(model, FEW, attack)["every class"]
    alone = APGD(attack.epsilon, STEPS, "every class", attack.norm)
    assert np.array_equal(
        found.probabilities, predict(model, FEW, alone, seed=RESTART).probabilities
    )


def test_an_attack_without_steps_or_survivors_is_not_carried_out_again(model):
    assert attacked_again(model, FEW, Square(EPSILON, 20)) == {}
    assert attacked_again(model, FEW.take(torch.arange(0)), PGD(EPSILON)) == {}


@pytest.mark.parametrize("factor", [0.1, 1, 100, 1e4])
def test_rescaling_undoes_any_factor_of_the_logits(model, factor):
    """The predictions stay, and the attack finds what it finds on the model as it was."""
    survivors = small_split(60, seed=5)
    usual, other = (
        attacked_again(network, survivors, PGD(EPSILON / 2))["rescaled"]
        for network in (model, scaled(factor))
    )
    assert (usual.right != other.right).sum() <= 1  # rounding


def test_rescaled_logits_have_the_ordinary_range_and_the_same_order(model):
    found = logits(model, FEW)
    temperature = float((found.amax(1) - found.amin(1)).mean()) / LOGIT_RANGE
    rescaled = logits(Rescaled(model, temperature), FEW)
    assert (rescaled.amax(1) - rescaled.amin(1)).mean() == pytest.approx(LOGIT_RANGE)
    assert torch.equal(rescaled.argsort(1), found.argsort(1))


def test_the_black_box_runs_only_where_it_applies(model):
    """Not without survivors, not where only a region may change, not in another norm."""
    assert black_box(model, FEW.take(torch.arange(0)), PGD(EPSILON)) is None
    assert len(black_box(model, FEW, PGD(EPSILON)).labels) == 6
    confined = PGD(EPSILON, region=StrongestPatch(4))
    assert black_box(model, FEW, confined) is None
    assert black_box_applies(PGD()) and not black_box_applies(PGD(norm="l2"))
    assert free_white_box(PGD(norm="l2")) and not free_white_box(Square())
    assert not free_white_box(confined)
