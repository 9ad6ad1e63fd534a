"""The balls that limit an attack: points inside stay, others move to the edge."""

import pytest
import torch
from torch import nn
from witnesses import same

from utils.attacks.apgd import APGD
from utils.attacks.black_box.square import Square
from utils.attacks.norms import NORMS, check_epsilon, norm_named
from utils.attacks.pgd import PGD

CHANGES = torch.linspace(-1, 1, 5 * 12).view(5, 1, 3, 4)
EVERY = pytest.mark.parametrize("name", NORMS)


@EVERY
def test_projection_ends_in_the_ball_and_leaves_what_is_inside(name):
    norm = norm_named(name)
    inside = norm.project(CHANGES, 0.3)
    assert (norm.length(inside) <= 0.3 + 1e-6).all()
    assert torch.allclose(norm.project(inside, 0.3), inside)
    assert torch.equal(norm.project(CHANGES, 100), CHANGES)


@EVERY
def test_a_random_start_is_in_the_ball_and_a_direction_is_of_length_one(name):
    norm, images = norm_named(name), torch.rand(50, 1, 6, 6)
    assert (norm.length(norm.start(images, 0.3)) <= 0.3 + 1e-6).all()
    assert torch.allclose(norm.length(norm.direction(images - 0.5)), torch.tensor(1.0), atol=1e-4)


@EVERY
def test_the_full_range_frees_every_pixel(name):
    norm, black = norm_named(name), torch.zeros(2, 3, 4, 4)
    assert norm.length(1 - black).max() <= norm.full_range(black) + 1e-6


def test_an_unknown_norm_is_refused():
    with pytest.raises(ValueError, match="unknown norm 'l1'; choose from linf, l2"):
        norm_named("l1")


def test_grey_levels_are_no_share_of_the_pixel_range():
    for attack in (PGD, APGD, Square):
        with pytest.raises(ValueError, match="at most 1, got 4; .* write 4 / 255"):
            attack(4.0)
    check_epsilon(1.0, "linf"), check_epsilon(4.0, "l2")
    assert PGD(4.0, norm="l2").epsilon == 4.0


def test_l2_is_the_closed_form_on_a_linear_model():
    model = nn.Sequential(nn.Flatten(), nn.Linear(2, 2, bias=False))
    model[1].weight.data = torch.tensor([[3.0, -4.0], [-3.0, 4.0]])
    images = torch.full((1, 1, 1, 2), 0.5)
    attacked = PGD(0.1, norm="l2", random_start=False)(model, images, torch.tensor([0]))
    assert torch.allclose(attacked.flatten(), torch.tensor([0.5 - 0.06, 0.5 + 0.08]))


@pytest.mark.parametrize("random_start", [False, True])
@pytest.mark.parametrize("target", [None, 2])
def test_l2_agrees_with_torchattacks(model, batch, random_start, target):
    theirs = pytest.importorskip("torchattacks").PGDL2(model, 1.0, 0.2, 5, random_start)
    ours = PGD(1.0, 5, 0.2, norm="l2", random_start=random_start, target=target)
    assert same(ours, theirs, model, batch)
