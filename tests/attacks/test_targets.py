"""A class to reach: every attack that can have one reaches it more often than noise does."""

import pytest
import torch
from small import small_split
from witnesses import some

from utils.attacks.apgd import APGD, worst_case_chain
from utils.attacks.base import target_of
from utils.attacks.black_box.few_pixels import FewPixels
from utils.attacks.black_box.hop_skip_jump import HopSkipJump
from utils.attacks.black_box.queries import queries_needed
from utils.attacks.black_box.square import Square
from utils.attacks.minimal_norm import MinimalNorm
from utils.attacks.patch import AdversarialPatch, ControlPatch
from utils.attacks.pgd import PGD, fgsm
from utils.attacks.random_noise import RandomDirection, RandomSigns
from utils.attacks.universal import fit_patch, fit_universal
from utils.evaluation.attack_suite import AttackSuite

TARGET = 2
SIGNS, DIRECTION = RandomSigns(0.1), RandomDirection(1.0)
CONTROLS = {
    fgsm(0.1, target=TARGET): SIGNS,
    PGD(0.1, 10, 0.01, random_start=False, target=TARGET): SIGNS,
    PGD(0.1, target=TARGET): SIGNS,
    PGD(0.1, target=TARGET, stop_when_fooled=True): SIGNS,
    PGD(1.0, norm="l2", target=TARGET, loss="margin"): DIRECTION,
    APGD(0.1, 20, target=TARGET): SIGNS,
    APGD(0.1, 20, "margin", target=TARGET): SIGNS,
    APGD(1.0, 20, norm="l2", target=TARGET): DIRECTION,
    worst_case_chain(0.1, 10, 50, target=TARGET): SIGNS,
    MinimalNorm("linf", 20, 0.1, TARGET): SIGNS,
    MinimalNorm("l2", 20, 1.0, TARGET): DIRECTION,
    Square(0.1, 200, target=TARGET): SIGNS,
    HopSkipJump(0.1, 300, target=TARGET): SIGNS,
    FewPixels(8, 20, 20, TARGET): ControlPatch(),
    AdversarialPatch(target=TARGET): ControlPatch(),
}
BY_QUERIES = [attack for attack in CONTROLS if isinstance(attack, (Square, HopSkipJump, FewPixels))]


def reached(attack, model, images, labels) -> torch.Tensor:
    torch.manual_seed(0)
    return model(attack(model, images, labels)).argmax(1) == TARGET


def check(attack, control, model, images, labels) -> None:
    there = model(images).argmax(1) == TARGET
    attacked = attack(model, images, labels)
    assert torch.equal(attacked[there], images[there]) and there.any()
    assert attacked.min() >= 0 and attacked.max() <= 1
    ours, noise = (reached(each, model, images, labels)[~there] for each in (attack, control))
    assert ours.float().mean() > noise.float().mean() + 0.1


@pytest.mark.parametrize("attack", CONTROLS, ids=repr)
def test_reaches_the_target_more_often_than_noise(attack, model):
    check(attack, CONTROLS[attack], model, *some(45))


@pytest.mark.parametrize("fit", [lambda *data: fit_universal(*data, 0.1, target=TARGET)])
def test_a_universal_change_reaches_it_on_images_it_was_not_made_from(fit, model):
    check(fit(model, small_split(96, seed=5)), SIGNS, model, *some(45))


def test_a_universal_patch_reaches_it_on_images_it_was_not_made_from(model):
    patch = fit_patch(model, small_split(96, seed=5), 0.3, target=TARGET)
    check(patch, patch.control(), model, *some(45))


@pytest.mark.parametrize("attack", BY_QUERIES, ids=repr)
def test_queries_are_counted_until_the_target_is_reached(attack, model):
    torch.manual_seed(0)
    images, labels = some(45)
    needed = queries_needed(attack, model, images, labels)
    assert torch.equal(needed.isfinite(), reached(attack, model, images, labels))
    assert torch.equal(needed == 0, model(images).argmax(1) == TARGET)


@pytest.mark.parametrize("attack", CONTROLS, ids=repr)
def test_the_attack_suite_refuses_a_target(attack):
    assert target_of(attack) == TARGET
    if getattr(attack, "epsilon", None) is not None:
        with pytest.raises(ValueError, match="give it no target"):
            AttackSuite(attack)
