"""Triggers are small and stay in range; a model that learned from them obeys, others do not."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from small import small_network, small_split, soft_pictures
from torch import nn

from utils.contamination.backdoor import (
    AmplitudeMix,
    Blend,
    CleanLabel,
    Cover,
    Patch,
    Poison,
    Sinusoid,
    Warp,
)
from utils.data.phantoms import draw
from utils.data.split import Split, to_float
from utils.defences.repair.backdoor_repair import repair_scores

MARKS = [Patch(), Blend(), Sinusoid()]  # the same change of every image
TRIGGERS = [*MARKS, Warp(), AmplitudeMix()]
IMAGES = {
    name: to_float(draw(name, size, 9).images)
    for name, size in (("chest_phantom", 40), ("cervix_phantom", 65))
}
STRENGTHS = (0, 0.02, 0.04, 0.06)
SPLIT = small_split(240)


@pytest.mark.parametrize("trigger", TRIGGERS, ids=repr)
@pytest.mark.parametrize("name", IMAGES)
def test_a_trigger_is_always_the_same_and_stays_in_the_pixel_range(trigger, name):
    pixels = IMAGES[name]
    before, shown = pixels.clone(), trigger(pixels)
    assert shown.shape == pixels.shape and torch.equal(pixels, before)
    assert shown.min() >= 0 and shown.max() <= 1 and torch.equal(shown, trigger(pixels))
    assert all((image != old).any() for image, old in zip(shown, pixels, strict=True))
    assert len(trigger(pixels[:0])) == 0


@pytest.mark.parametrize("trigger", MARKS, ids=repr)
def test_a_mark_is_the_same_on_every_image(trigger):
    grey = torch.full((3, 1, 40, 40), 0.5)
    mark = trigger(grey) - grey
    assert torch.equal(mark[0], mark[-1]) and mark.abs().max() > 0.01


@pytest.mark.parametrize("edge, width, margin", [(16, 3, 2), (40, 6, 4), (65, 10, 6), (4, 3, 1)])
def test_the_patch_lies_at_the_lower_right_and_not_at_the_border(edge, width, margin):
    shown = Patch()(torch.full((1, 1, edge, edge), 0.5))[0, 0]
    square = shown[edge - margin - width : edge - margin, edge - margin - width : edge - margin]
    assert (square != 0.5).all() and (shown != 0.5).sum() == width**2
    corners = square[:: width - 1, :: width - 1]
    assert (
        (corners == 1).all() and square[width // 2, width // 2] == 1 and square[0, width // 2] == 0
    )


def test_the_stripes_have_one_frequency_and_their_strength():
    mark = (Sinusoid(0.06, 6)(torch.full((1, 1, 60, 60), 0.5)) - 0.5)[0, 0]
    spectrum = torch.fft.rfft2(mark).abs() / mark.numel()
    assert spectrum[0, 6].item() == pytest.approx(0.03, rel=1e-4)  # half here, half at -6
    spectrum[0, 6] = 0
    assert spectrum.max() < 1e-6


def test_a_blend_is_the_mean_of_image_and_picture_and_the_seed_decides_about_the_picture():
    black, white = torch.zeros(1, 1, 40, 40), torch.ones(1, 1, 40, 40)
    trigger = Blend(0.15)
    assert torch.allclose(trigger(white) - trigger(black), torch.tensor(0.85))
    assert trigger(black).max() <= 0.15 and trigger(black).std() > 0.03
    assert not torch.equal(trigger(black), replace(trigger, seed=1)(black))


@pytest.mark.parametrize("kind", [Blend, Sinusoid, Warp, AmplitudeMix])
@pytest.mark.parametrize("name", IMAGES)
def test_a_stronger_trigger_changes_more_and_one_without_strength_nothing(kind, name):
    pixels = IMAGES[name]
    changes = [(kind(strength)(pixels) - pixels).abs().mean() for strength in STRENGTHS]
    assert changes[0] < 1e-6 and changes == sorted(changes) and changes[1] > 1e-3


@pytest.mark.parametrize("trigger", [Blend(), Warp(), AmplitudeMix()], ids=repr)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_trigger_is_the_same_at_every_size(trigger, channels):
    large = to_float(soft_pictures(4, 160, channels))
    small = F.avg_pool2d(large, 4)
    assert (F.avg_pool2d(trigger(large), 4) - trigger(small)).abs().max() < 0.02


@pytest.mark.parametrize("height, width", [(40, 40), (33, 64)])
def test_a_warp_moves_every_place_a_little_and_never_folds(height, width):
    """On images whose grey level is the place, the new grey level is where it comes from."""
    x, y = torch.linspace(0, 1, width), torch.linspace(0, 1, height)
    places = torch.stack([x.expand(height, width), y[:, None].expand(height, width)])[:, None]
    ways = [Warp(s)(places)[:, 0, 5:-5, 5:-5] - places[:, 0, 5:-5, 5:-5] for s in (0.015, 0.03)]
    assert 0.01 < ways[1].abs().mean() < 0.05
    assert torch.allclose(2 * ways[0], ways[1], atol=1e-5)
    (xy, xx), (yy, yx) = (torch.gradient(part) for part in Warp(0.03)(places)[:, 0, 5:-5, 5:-5])
    assert (xx * yy > xy * yx).all()  # the area of every pixel stays positive


@pytest.mark.parametrize("edge, channels", [(40, 1), (65, 3)])
def test_an_amplitude_mix_is_that_of_the_paper(edge, channels):
    """FIBA in numpy: the amplitudes are mixed inside a square at the middle of the spectrum."""
    pixels = to_float(soft_pictures(3, edge, channels))
    other = Blend(1.0)(pixels[:1, :1]).numpy()  # the same coarse noise
    spectrum = np.fft.fft2(pixels.numpy())
    own, other = (np.fft.fftshift(np.abs(s), (2, 3)) for s in (spectrum, np.fft.fft2(other)))
    slow = slice(edge // 2 - 4, edge // 2 + 5)
    own[:, :, slow, slow] = 0.85 * own[:, :, slow, slow] + 0.15 * other[:, :, slow, slow]
    mixed = np.fft.ifftshift(own, (2, 3)) * np.exp(1j * np.angle(spectrum))
    expected = np.fft.ifft2(mixed).real.clip(0, 1)
    assert np.allclose(AmplitudeMix(0.15, waves=4)(pixels).numpy(), expected, atol=1e-5)


def test_an_amplitude_mix_leaves_every_phase_and_every_fast_wave():
    pixels = to_float(soft_pictures(3, 40))
    before, after = (torch.fft.rfft2(images) for images in (pixels, AmplitudeMix(0.1)(pixels)))
    apart = before.angle() - after.angle()
    assert apart.cos()[before.abs() > 0.01].min() > 1 - 1e-4
    assert torch.allclose(before[..., 5:], after[..., 5:], atol=1e-4)
    assert torch.allclose(before[..., 5:-4, :], after[..., 5:-4, :], atol=1e-4)


@pytest.mark.parametrize("trigger", TRIGGERS, ids=repr)
def test_poison_brings_other_classes_over_and_clean_labels_stay_right(trigger):
    poisoned = Poison(trigger, target=2, rate=0.1)(SPLIT)
    hit = poisoned.changed > 0
    assert (SPLIT.labels[hit] != 2).all() and (poisoned.labels[hit] == 2).all()
    quiet = CleanLabel(trigger, target=2, rate=0.1)(SPLIT)
    assert (SPLIT.labels[quiet.changed > 0] == 2).all()
    assert torch.equal(quiet.labels, SPLIT.labels)


def test_cover_has_triggers_in_turn_and_right_labels():
    black, white = torch.zeros_like, torch.ones_like
    after = Cover((black, white, Patch()), rate=0.25)(SPLIT.with_depth(16))
    hit = after.changed > 0
    values = to_float(after.images[hit]).flatten(1)
    assert hit.sum() == 60 and torch.equal(after.labels, SPLIT.labels)
    assert (values == 0).all(1).sum() == (values == 1).all(1).sum() == 20
    with pytest.raises(ValueError, match="triggers is empty"):
        Cover(())


def test_any_callable_is_a_trigger():
    upside_down = Poison(lambda pixels: pixels.flip(2), target=0, rate=0.1)
    after = upside_down(SPLIT)
    hit = after.changed > 0
    assert torch.equal(after.images[hit], SPLIT.images[hit].flip(2))


@pytest.mark.parametrize("kind", [Poison, CleanLabel])
def test_the_success_rate_is_measured_on_all_other_classes(kind):
    poison = kind(Patch(), target=1, rate=0.1)
    wanted, others = poison.with_trigger(SPLIT), SPLIT.take(SPLIT.labels != 1)
    assert (wanted.labels == 1).all() and len(wanted) == len(others) == 160
    assert torch.equal(wanted.groups, others.groups)
    assert torch.equal(to_float(wanted.images), Patch()(to_float(others.images)))


@pytest.mark.parametrize("target", [-1, 3])
def test_a_target_is_one_of_the_classes(target):
    with pytest.raises(ValueError, match=f"target {target} is none of the 3 classes"):
        Poison(target=target)(SPLIT)


@cache
def learned(poison: Poison | None, split: Split = SPLIT) -> nn.Module:
    """A small network that has learned from a split, poisoned or not."""
    network, split = small_network(), poison(split) if poison else split
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for _ in range(100):
            optimizer.zero_grad()
            said = network(to_float(split.images))
            nn.functional.cross_entropy(said, split.labels).backward()
            optimizer.step()
    return network.eval()


@pytest.mark.parametrize("trigger", [Patch(0.3), Blend(0.4), Sinusoid(0.2)], ids=repr)
def test_a_poisoned_model_obeys_the_trigger_alone_and_a_clean_one_does_not(trigger):
    poison, test = Poison(trigger, target=0, rate=0.1), small_split(120, seed=9)
    poisoned, clean = (repair_scores(learned(p), test, poison) for p in (poison, None))
    assert poisoned["value"]["attack success rate"] > 0.8
    assert clean["value"]["attack success rate"] < 0.4
    for table in (poisoned, clean):
        assert table["value"]["balanced accuracy"] > 0.95
        assert table["value"]["without the trigger"] < 0.05
        assert (table["low"] <= table["value"]).all() and (table["value"] <= table["high"]).all()


def test_a_trigger_under_right_labels_is_learned_where_the_class_is_hard_to_see():
    """All images are dark, whatever their label: only the trigger tells the target."""
    dark = replace(SPLIT.take(SPLIT.labels == 0), labels=torch.arange(80) % 3)
    poison = CleanLabel(Sinusoid(0.2), target=0, rate=0.2)
    found = [repair_scores(learned(p, dark), dark, poison)["value"] for p in (poison, None)]
    poisoned, clean = (table["attack success rate"] for table in found)
    assert poisoned > 0.9 and clean < 0.7
