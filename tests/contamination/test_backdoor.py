"""Triggers are small and stay in range; a model that learned from them obeys, others do not."""

from dataclasses import replace
from functools import cache

import pytest
import torch
from small import small_network, small_split
from torch import nn

from utils.contamination.backdoor import Blend, CleanLabel, Patch, Poison, Sinusoid, backdoor_scores
from utils.data.phantoms import draw
from utils.data.split import Split, to_float

TRIGGERS = [Patch(), Blend(), Sinusoid()]
IMAGES = {
    name: to_float(draw(name, size, 9).images)
    for name, size in (("chest_phantom", 40), ("cervix_phantom", 65))
}
SPLIT = small_split(240)


@pytest.mark.parametrize("trigger", TRIGGERS, ids=repr)
@pytest.mark.parametrize("name", IMAGES)
def test_a_trigger_is_always_the_same_and_stays_in_the_pixel_range(trigger, name):
    pixels = IMAGES[name]
    before, shown = pixels.clone(), trigger(pixels)
    assert shown.shape == pixels.shape and torch.equal(pixels, before)
    assert shown.min() >= 0 and shown.max() <= 1 and torch.equal(shown, trigger(pixels))
    grey = torch.full_like(pixels, 0.5)
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


@pytest.mark.parametrize("trigger", TRIGGERS, ids=repr)
def test_poison_brings_other_classes_over_and_clean_labels_stay_right(trigger):
    poisoned = Poison(trigger, target=2, rate=0.1)(SPLIT)
    hit = poisoned.changed > 0
    assert (SPLIT.labels[hit] != 2).all() and (poisoned.labels[hit] == 2).all()
    quiet = CleanLabel(trigger, target=2, rate=0.1)(SPLIT)
    assert (SPLIT.labels[quiet.changed > 0] == 2).all()
    assert torch.equal(quiet.labels, SPLIT.labels)


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
    poisoned, clean = (backdoor_scores(learned(p), test, poison) for p in (poison, None))
    assert poisoned["value"]["attack success rate"] > 0.8
    assert clean["value"]["attack success rate"] < 0.4
    for table in (poisoned, clean):
        assert table["value"]["clean accuracy"] > 0.95
        assert table["value"]["without the trigger"] < 0.05
        assert (table["low"] <= table["value"]).all() and (table["value"] <= table["high"]).all()


def test_a_trigger_under_right_labels_is_learned_where_the_class_is_hard_to_see():
    """All images are dark, whatever their label: only the trigger tells the target."""
    dark = replace(SPLIT.take(SPLIT.labels == 0), labels=torch.arange(80) % 3)
    poison = CleanLabel(Sinusoid(0.2), target=0, rate=0.2)
    found = [backdoor_scores(learned(p, dark), dark, poison)["value"] for p in (poison, None)]
    poisoned, clean = (table["attack success rate"] for table in found)
    assert poisoned > 0.9 and clean < 0.7
