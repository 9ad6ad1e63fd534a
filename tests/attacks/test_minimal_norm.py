"""The smallest change: exact on linear models, no larger than that of any library."""

import pytest
import torch
from torch import nn
from witnesses import Passes, grey, linear, robust, size_of, some

from utils.attacks.apgd import APGD, EVERY_CLASS
from utils.attacks.base import with_epsilon
from utils.attacks.minimal_norm import MinimalNorm

DUAL = {"l2": 2, "linf": 1}
EVERY = [
    *(MinimalNorm(norm, 10, target=target) for norm in DUAL for target in (None, 1)),
    MinimalNorm("linf", 10, epsilon=0.05),
]
NORMS = pytest.mark.parametrize("norm", DUAL)
CLASSES = pytest.mark.parametrize("classes", [2, 3, 4])


# What every attack must do, and what this one says about its images.


@pytest.mark.parametrize("attack", EVERY, ids=repr)
def test_does_what_every_attack_must(attack, model, batch):
    images, labels = batch
    before, weights = images.clone(), [value.clone() for value in model.state_dict().values()]
    model.train()
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        attacked = attack(model, images, labels)
    assert model.training and all(weight.grad is None for weight in model.parameters())
    assert all(map(torch.equal, weights, model.state_dict().values()))
    assert attacked.min() >= 0 and attacked.max() <= 1 and not attacked.requires_grad
    assert torch.equal(images, before) and torch.equal(attack(model.eval(), *batch), attacked)
    assert len(attack(model, images[:0], labels[:0])) == 0
    assert len(attack.distances(model, images[:0], labels[:0])) == 0


@pytest.mark.parametrize("attack", EVERY, ids=repr)
def test_the_distances_are_those_of_the_images_and_fool_the_model(attack, model, batch):
    images, labels = batch[0], batch[1].clone()
    labels[::5] = (labels[::5] + 1) % 3
    attacked = attack(model, images, labels)
    distances = attack.distances(model, images, labels)

    def success(shown):
        predicted = model(shown).argmax(1)
        return predicted != labels if attack.target is None else predicted == attack.target

    found = distances.isfinite()
    assert torch.allclose(size_of(attacked - images, attack.norm)[found], distances[found])
    assert torch.equal(attacked[~found], images[~found])
    assert torch.equal(distances == 0, success(images)) and (distances == 0).any()
    assert torch.equal(found, success(attacked)) and (distances > 0).any()
    assert (distances[found] <= (attack.epsilon or torch.inf)).all()


def test_a_larger_change_than_epsilon_counts_as_none(model, batch):
    free = MinimalNorm("linf", 10)
    distances = free.distances(model, *batch)
    bound = float(distances.median())
    bounded = with_epsilon(free, bound).distances(model, *batch)
    assert torch.equal(bounded, distances.where(distances <= bound, torch.inf))
    assert 0 < bounded.isinf().float().mean() < 1


def test_where_no_change_helps_the_image_stays_as_it_is(batch):
    constant = nn.Sequential(nn.Flatten(), nn.Linear(256, 3)).requires_grad_(False)
    constant[1].weight.zero_()
    constant[1].bias.copy_(torch.tensor([1.0, 0, 0]))
    images, labels = batch[0], torch.zeros_like(batch[1])
    for norm in DUAL:
        attack = MinimalNorm(norm, 5)
        assert attack.distances(constant, images, labels).isinf().all()
        assert torch.equal(attack(constant, images, labels), images)


# The exact distance, on linear models.


@CLASSES
@NORMS
def test_finds_the_exact_distance_of_a_linear_model(classes, norm):
    """The lead of the label by the dual norm of the difference of the weights."""
    model, gaps = linear(classes)
    exact = float((1 / gaps.norm(p=DUAL[norm], dim=1)).min())
    found = MinimalNorm(norm, 10).distances(model, *grey())
    assert found.min() >= exact * (1 - 1e-5) and found.max() <= 1.002 * exact


@CLASSES
@NORMS
def test_is_exact_where_pixels_reach_black_and_white(classes, norm):
    """Every pixel goes along the weights until it can go no further: bisect how far."""
    model, gaps = linear(classes)
    torch.manual_seed(0)
    images = torch.rand(60, 1, 4, 4).round() * 0.9 + 0.1 * torch.rand(60, 1, 4, 4)
    labels = model(images).argmax(1)
    weight, bias = model[1].weight.detach(), model[1].bias.detach()
    shortest = torch.full((60,), torch.inf)
    for rival in range(classes):
        slope, shift = weight[rival] - weight[labels], bias[rival] - bias[labels]
        direction = slope.sign() if norm == "linf" else slope
        low, high = torch.zeros(60), torch.full((60,), 50.0)
        for _ in range(50):
            middle = (low + high) / 2
            moved = (images.flatten(1) + middle[:, None] * direction).clamp(0, 1)
            crossed = (moved * slope).sum(1) + shift > 0
            low, high = torch.where(crossed, low, middle), torch.where(crossed, middle, high)
        moved = (images.flatten(1) + high[:, None] * direction).clamp(0, 1) - images.flatten(1)
        reached = (labels != rival) & (high < 49)
        shortest = torch.where(reached, shortest.minimum(size_of(moved, norm)), shortest)
    found = MinimalNorm(norm).distances(model, images, labels)
    assert shortest.isfinite().all() and (found >= shortest * (1 - 1e-4)).all()
    assert (found <= shortest * 1.003).all() and found.median() <= 1.001 * shortest.median()


def test_a_target_is_no_closer_than_the_closest_class(model, batch):
    free = MinimalNorm("l2", 20).distances(model, *batch)
    for target in range(3):
        others = batch[1] != target
        bound = MinimalNorm("l2", 20, target=target).distances(model, *batch)
        assert (bound[others] >= free[others] * 0.99).all()


# Beside the attack of a fixed size, and beside others.


@NORMS
def test_the_curve_does_not_lie_above_that_of_the_fixed_attack(norm, model):
    """No more images withstand it than the other, if distances may be half a percent too long."""
    images, labels = some(90)
    distances = MinimalNorm(norm, 20).distances(model, images, labels)
    for size in distances.quantile(torch.arange(1, 10) / 10).tolist():
        fixed = robust(APGD(size, 40, EVERY_CLASS, norm), model, images, labels)
        assert (distances > 1.005 * size).float().mean() <= fixed < 1


def deepfool(torchattacks, model):
    return torchattacks.DeepFool(model, steps=20)


def carlini_wagner(torchattacks, model):
    return torchattacks.CW(model, c=5, steps=60)


def fab_l2(torchattacks, model):
    return torchattacks.FAB(model, "L2", eps=None, steps=20, n_classes=3)


def fab_linf(torchattacks, model):
    return torchattacks.FAB(model, "Linf", eps=None, steps=20, n_classes=3)


@pytest.mark.parametrize(
    "library, norm",
    [(deepfool, "l2"), (carlini_wagner, "l2"), (fab_l2, "l2"), (fab_linf, "linf")],
)
def test_the_median_is_no_larger_than_that_of_others_for_as_many_gradients(library, norm, model):
    torchattacks = pytest.importorskip("torchattacks")
    images, labels = some(60)
    counted = Passes(model).eval()
    attacked = library(torchattacks, counted)(images, labels).detach()
    broken = model(attacked).argmax(1) != labels
    theirs = size_of(attacked - images, norm).where(broken, torch.inf)
    each_step = 2 * len(images)  # towards two other classes
    attack = MinimalNorm(norm, round(counted.gradients / each_step))
    seen = Passes(model).eval()
    ours = attack.distances(seen, images, labels)
    assert seen.gradients <= counted.gradients + each_step / 2
    assert ours.isfinite().all() and ours.median() <= theirs.median() * 1.0001


@pytest.mark.parametrize("wrong", [{"norm": "l1"}, {"epsilon": -1}, {"steps": 0}], ids=str)
def test_a_wrong_setting_is_refused_when_made(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        MinimalNorm(**wrong)
