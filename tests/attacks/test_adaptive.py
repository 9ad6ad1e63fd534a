"""Attacks that know a defence: what their views compute, and that the defence itself is judge."""

import itertools
from dataclasses import dataclass, replace

import pytest
import torch
from small import trained_network
from torch import nn
from witnesses import size_of

from utils.attacks.adaptive import Adaptive, Expectation, StraightThrough, with_margin
from utils.attacks.apgd import APGD
from utils.attacks.base import name_of, with_epsilon
from utils.attacks.black_box.square import Square
from utils.attacks.losses import margin
from utils.attacks.pgd import PGD, fgsm

EPSILON = 0.06
STEADY = PGD(EPSILON, 5, random_start=False)


class InTurn(nn.Module):
    """Another set of logits in every pass."""

    def __init__(self, *logits):
        super().__init__()
        self.logits = itertools.cycle(torch.tensor(logits))

    def forward(self, images):
        return next(self.logits).expand(len(images), -1) + 0 * images.sum()


class Shifted(nn.Module):
    """A model that sees each image moved by up to two pixels, at random."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, images):
        moves = zip(images, torch.randint(-2, 3, (len(images), 2)).tolist(), strict=True)
        return self.model(torch.stack([image.roll(move, (1, 2)) for image, move in moves]))


class Bright(nn.Module):
    """As sure of class 1 as the images are bright, in a random prediction of two classes."""

    def forward(self, images):
        one = torch.rand(len(images)) < images.flatten(1).mean(1)
        return nn.functional.one_hot(one.long(), 2).float()


@dataclass(frozen=True)
class Paint:
    """No attack: it paints every image in one grey."""

    grey: float
    epsilon: float = 1.0
    target: int | None = None

    def __call__(self, model, images, labels):
        return torch.full_like(images, self.grey)


def fooled(model, images, labels):
    return margin(model(images), labels) > 0


def test_the_expectation_is_the_log_of_the_mean_probabilities():
    one, other = [2.0, 0.0, -1.0], [-30.0, 40.0, 0.0]
    found = Expectation(InTurn(one, other), draws=4)(torch.zeros(3, 1, 2, 2))
    mean = torch.tensor([one, other]).softmax(1).mean(0)
    assert torch.allclose(found.exp(), mean.expand(3, -1), atol=1e-6)
    with pytest.raises(ValueError, match="draws >= 1"):
        Expectation(nn.Identity(), draws=0)


def test_the_expectation_of_a_steady_model_is_its_log_probability(model, batch):
    found = Expectation(model, 3)(batch[0])
    assert torch.allclose(found, model(batch[0]).log_softmax(1), atol=1e-5)


def test_an_attack_in_expectation_harms_a_random_model_more(model, batch):
    """The gradient of one draw is that for one place of the image."""
    shifted = Shifted(model).eval()
    torch.manual_seed(0)
    right = {}
    for name, view in {"as it is": shifted, "in expectation": Expectation(shifted, 20)}.items():
        attacked = fgsm(0.1)(view, *batch)
        right[name] = torch.stack([~fooled(shifted, attacked, batch[1]) for _ in range(20)])
    assert right["in expectation"].float().mean() < right["as it is"].float().mean() - 0.1


def test_a_step_is_exact_forward_and_its_stand_in_backward():
    pixels = torch.rand(2, 1, 4, 4, requires_grad=True)
    for stand_in, slope in ((None, 1.0), (lambda images: 3 * images, 3.0)):
        step = StraightThrough(torch.round, stand_in)
        assert torch.equal(step(pixels), pixels.round())
        gradient = torch.autograd.grad(step(pixels).sum(), pixels)[0]
        assert torch.equal(gradient, torch.full_like(pixels, slope))


@pytest.fixture
def views(model):
    return model, trained_network(1), trained_network(2)


ATTACKS = [STEADY, APGD(EPSILON, 5), PGD(1.0, 5, norm="l2", random_start=False)]


@pytest.mark.parametrize("attack", ATTACKS, ids=repr)
def test_what_fools_the_model_on_any_view_is_found(attack, model, batch, views):
    attacks = with_margin(attack)
    union = torch.zeros(len(batch[1]), dtype=torch.bool)
    for one, view in itertools.product(attacks, views):
        union |= fooled(model, one(view, *batch), batch[1])
    blind = nn.Sequential(StraightThrough(torch.round, lambda images: 0 * images), model)
    attacked = Adaptive(attacks, (blind, *views[::-1]))(model, *batch)
    assert (fooled(model, attacked, batch[1]) >= union).all() and union.any()


@pytest.mark.parametrize("attack", ATTACKS, ids=repr)
def test_on_the_model_alone_it_is_the_attack_itself(attack, model, batch):
    alone = fooled(model, attack(model, *batch), batch[1])
    assert torch.equal(fooled(model, Adaptive((attack,), (model,))(model, *batch), batch[1]), alone)


@pytest.mark.parametrize("attack", [*ATTACKS, Square(EPSILON, 30)], ids=repr)
def test_keeps_the_ball_and_leaves_no_trace(attack, model, batch, views):
    model.train()
    adaptive = Adaptive(with_margin(attack), views)
    attacked = adaptive(model, *batch)
    assert size_of(attacked - batch[0], adaptive.norm).max() <= attack.epsilon + 1e-5
    assert attacked.min() >= 0 and attacked.max() <= 1 and not attacked.requires_grad
    assert model.training and all(weight.grad is None for weight in model.parameters())


def test_an_attack_on_another_model_never_helps_the_model(model, batch):
    """Made on a view that is wrong about everything: whatever does no harm is left out."""
    images, labels = batch
    inverted = nn.Sequential(model, nn.Linear(3, 3, bias=False)).eval()
    inverted[1].weight.data = -torch.eye(3)
    found = margin(model(Adaptive((STEADY,), (inverted,))(model, images, labels)), labels)
    assert (found >= margin(model(images), labels) - 1e-5).all()


def test_no_attack_stops_where_it_fools_another_view_alone(model, batch, views):
    stops = Adaptive((replace(STEADY, stop_when_fooled=True),), views[1:])
    assert torch.equal(stops(model, *batch), Adaptive((STEADY,), views[1:])(model, *batch))


@pytest.mark.parametrize("greys", [(0.9, 0.6), (0.6, 0.9)], ids=str)
def test_a_random_model_is_judged_by_many_predictions(greys):
    """Of two changes, the one that more predictions get wrong, whichever comes first."""
    images, labels = torch.full((40, 1, 2, 2), 0.1), torch.zeros(40, dtype=torch.long)
    torch.manual_seed(0)
    known = Adaptive(tuple(map(Paint, greys)), (Bright(),), repeats=40)
    assert torch.allclose(known(Bright(), images, labels), torch.tensor(0.9))


def test_the_draws_are_those_of_the_expectation_that_is_attacked(model):
    alone, behind = Expectation(model, 7), nn.Sequential(nn.Identity(), Expectation(model, 9))
    attacks = (Adaptive((STEADY,), views) for views in ((model,), (model, alone), (alone, behind)))
    assert [attack.draws for attack in attacks] == [1, 7, 9]


def test_a_target_must_be_reached():
    class Greys(nn.Module):
        def forward(self, images):
            return -(10 * images.mean((1, 2, 3))[:, None] - torch.arange(3.0)).abs()

    images, labels = torch.zeros(2, 1, 2, 2), torch.zeros(2, dtype=torch.long)
    left, reached = Paint(0.1, target=2), Paint(0.2, target=2)  # class 1, class 2
    known = Adaptive((left, reached), (Greys(),))
    assert torch.allclose(known(Greys(), images, labels), torch.tensor(0.2))
    assert torch.allclose(
        Adaptive((reached, left), (Greys(),))(Greys(), images, labels), torch.tensor(0.2)
    )


def test_it_has_the_size_the_norm_and_the_target_of_its_attack(model):
    attack = PGD(1.5, 4, norm="l2", target=2)
    known = Adaptive(with_margin(attack), (model,))
    assert (known.epsilon, known.norm, known.target) == (1.5, "l2", 2)
    assert with_epsilon(known, 0.5).attacks == with_margin(replace(attack, epsilon=0.5))
    assert name_of(known) == "adaptive l2"


def test_it_has_steps_where_its_attack_has(model):
    known = Adaptive(with_margin(STEADY), (model,))
    assert known.reach == STEADY.reach
    assert known.more_steps().attacks == tuple(one.more_steps() for one in known.attacks)
    without = Adaptive((Square(),), (model,))
    assert not hasattr(without, "reach") and not hasattr(without, "more_steps")


def test_only_cross_entropy_gets_the_margin_beside_it():
    assert with_margin(STEADY) == (STEADY, replace(STEADY, loss="margin"))
    for other in (replace(STEADY, loss="margin"), Square()):
        assert with_margin(other) == (other,)


@pytest.mark.parametrize("wrong", [((), (nn.Identity(),)), ((STEADY,), ()), ((STEADY,), (1,), 0)])
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match="needs an attack, a view and repeats"):
        Adaptive(*wrong)


def test_no_images_are_no_problem(model, batch):
    none = Adaptive((STEADY,), (model,))(model, batch[0][:0], batch[1][:0])
    assert none.shape == batch[0][:0].shape
