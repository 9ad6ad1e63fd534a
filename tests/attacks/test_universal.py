"""One change or one square for all images."""

from dataclasses import replace

import pytest
import torch
from small import small_split, trained_network

from utils.attacks.pgd import PGD
from utils.attacks.random_noise import RandomSigns
from utils.attacks.universal import UniversalPatch, fit_patch, fit_universal, paste_patch
from utils.data.split import to_float
from utils.evaluation.inference import logits, predict

MODEL, KNOWN, UNSEEN = trained_network(), small_split(96, seed=5), small_split(96, seed=6)
IMAGES = to_float(UNSEEN.images[:6])
SQUARE = torch.rand(1, 1, 4, 4, generator=torch.Generator().manual_seed(0))


def test_one_change_for_all_images_within_epsilon():
    attack = fit_universal(MODEL, KNOWN, 0.1)
    images = torch.full((4, 1, 16, 16), 0.5)
    change = attack(MODEL, images, torch.zeros(4)) - images
    assert (change == change[:1]).all() and change.abs().max() <= 0.1 + 1e-6 and change.any()
    assert (attack(MODEL, images + 0.49, torch.zeros(4)) <= 1).all()


def test_hurts_on_images_it_was_not_made_from_and_noise_does_not():
    found = predict(MODEL, UNSEEN, fit_universal(MODEL, KNOWN, 0.1)).accuracy
    assert found < predict(MODEL, UNSEEN, RandomSigns(0.1)).accuracy - 0.2


def test_the_same_seed_makes_the_same_change_and_leaves_the_generators():
    state = torch.random.get_rng_state()
    one, two = (fit_universal(MODEL, KNOWN, 0.05, seed=1) for _ in range(2))
    assert torch.equal(one.pattern, two.pattern)
    assert torch.equal(state, torch.random.get_rng_state())
    assert all(weight.grad is None for weight in MODEL.parameters())


@pytest.mark.parametrize("fit", [fit_universal, fit_patch])
def test_the_callers_autocast_does_not_reach_the_fit(fit):
    seen = set()
    hook = MODEL.register_forward_hook(lambda module, inputs, found: seen.add(found.dtype))
    with hook, torch.autocast("cpu", torch.bfloat16):
        fit(MODEL, KNOWN, rounds=1)
    assert seen == {torch.float32}


def test_logits_are_what_predict_makes_probabilities_of():
    found = predict(MODEL, UNSEEN, PGD(0.02))
    again = logits(MODEL, UNSEEN, PGD(0.02)).softmax(1).numpy()
    assert (found.probabilities == again).all()
    assert torch.equal(logits(MODEL, UNSEEN), MODEL(to_float(UNSEEN.images)).detach())


def stuck(angle: float, x: float = 6.0, y: float = 8.0, images=IMAGES) -> torch.Tensor:
    count = len(images)
    return paste_patch(images, SQUARE, torch.tensor([[x, y]] * count), torch.full((count,), angle))


def test_a_square_that_is_not_turned_is_pasted_pixel_by_pixel():
    found, expected = stuck(0.0), IMAGES.clone()
    expected[:, :, 6:10, 4:8] = SQUARE
    assert torch.allclose(found, expected, atol=1e-6)
    assert ((found != IMAGES).sum((1, 2, 3)) <= 16).all()


@pytest.mark.parametrize("size", [(16, 16), (12, 20)])
def test_a_quarter_turn_is_a_quarter_turn(size):
    images = torch.zeros(2, 1, *size)
    found = stuck(torch.pi / 2, images=images)[:, :, 6:10, 4:8]
    turned = [SQUARE.rot90(way, (2, 3)).expand_as(found) for way in (1, -1)]
    assert any(torch.allclose(found, each, atol=1e-5) for each in turned)


def test_the_gradient_reaches_every_pixel_of_the_square():
    pixels = SQUARE.clone().requires_grad_()
    paste_patch(IMAGES, pixels, torch.full((6, 2), 8.0), torch.full((6,), 0.2)).sum().backward()
    assert (pixels.grad > 0).all()


@pytest.mark.parametrize("place", ["anywhere", "centre", "corner"])
def test_the_same_square_lies_inside_every_image(place):
    attack = UniversalPatch(2 * torch.ones_like(SQUARE), place)
    torch.manual_seed(0)
    where = (attack(MODEL, IMAGES, torch.zeros(6)) > 1.5)[:, 0]
    assert (where.sum((1, 2)) == 16).all()
    spots = {(int(row.nonzero()[0, 0]), int(row.nonzero()[0, 1])) for row in where}
    expected = {"centre": {(6, 6)}, "corner": {(12, 12)}}.get(place, spots)
    assert spots == expected and (place != "anywhere" or len(spots) > 2)


def test_a_patch_hurts_on_images_it_was_not_made_from_and_noise_does_not():
    patch = fit_patch(MODEL, KNOWN, 0.1)
    found, control = (predict(MODEL, UNSEEN, each).accuracy for each in (patch, patch.control()))
    assert found < control - 0.15


def test_reaches_its_target_and_leaves_what_is_there_already():
    """The network averages over the whole image: only a large square turns its prediction."""
    patch, images = fit_patch(MODEL, KNOWN, 0.3, target=2), to_float(UNSEEN.images)
    attacked, control = (each(MODEL, images, UNSEEN.labels) for each in (patch, patch.control()))
    before, there, by_chance = (
        MODEL(shown).argmax(1) == 2 for shown in (images, attacked, control)
    )
    assert torch.equal(attacked[before], images[before]) and before.any()
    assert there.float().mean() > by_chance.float().mean() + 0.1


def test_a_printable_patch_bears_turns_and_shifts_better():
    wobble = {"turn": 30.0, "shift": 0.3}
    plain, printable = (
        fit_patch(MODEL, KNOWN, 0.1, place="centre", **each) for each in ({}, wobble)
    )
    losses = [
        predict(MODEL, UNSEEN, replace(patch, **wobble)).accuracy for patch in (plain, printable)
    ]
    assert losses[1] < losses[0]


def test_the_same_seed_makes_the_same_patch_and_leaves_the_generators():
    state = torch.random.get_rng_state()
    one, two = (fit_patch(MODEL, KNOWN, rounds=2, turn=10, seed=1) for _ in range(2))
    assert torch.equal(one.pixels, two.pixels)
    assert torch.equal(state, torch.random.get_rng_state())
    assert all(weight.grad is None for weight in MODEL.parameters())
    assert len(one(MODEL, IMAGES[:0], torch.zeros(0))) == 0


@pytest.mark.parametrize("wrong", [{"area": 0}, {"place": "moon"}], ids=str)
def test_a_wrong_setting_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        fit_patch(MODEL, KNOWN, **wrong)
