"""Hidden pictures and triggers: what arrives, what is seen, and what the controls share."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from small import soft_pictures

from utils.contamination.backdoor import Patch, Poison
from utils.contamination.base import KINDS, contaminate
from utils.contamination.hidden_images import (
    HiddenImage,
    HiddenTrigger,
    MedianResistant,
    attack_quality,
    random_control,
    save_lossless,
    vulnerability_table,
)
from utils.contamination.image_scaling import Scaling
from utils.contamination.resizers import Resizer
from utils.data.split import Split, to_float, to_uint8
from utils.defences.restoration import SelectiveFilter
from utils.evaluation.image_similarity import psnr

BILINEAR = Resizer("opencv", "bilinear")
SMALL = 16


def split_of(images) -> Split:
    labels = torch.arange(len(images)) % 3
    return Split(images, labels, ("a", "b", "c"), groups=torch.arange(len(images)))


@pytest.fixture
def large():
    return split_of(soft_pictures(9, 96))


@pytest.fixture
def small():
    return split_of(soft_pictures(12, SMALL, seed=1))


@pytest.mark.parametrize("control", [False, True])
def test_what_is_hidden_has_another_diagnosis_and_in_the_control_the_same(large, small, control):
    hide = HiddenImage(rate=1.0, pictures=small, attack=Scaling(BILINEAR), control=control)
    seen, hidden = BILINEAR(hide(large).images, (SMALL, SMALL)), hide.hidden(large)
    assert (seen.int() - hidden.images.int()).abs().max() <= 1
    assert ((hidden.labels == large.labels) == control).all()


@pytest.mark.parametrize("control", [False, True])
def test_every_patient_is_hidden_once_and_never_in_an_image_of_that_patient(large, control):
    """As long as there are pictures enough, no few of them decide a score."""
    seen = replace(large, images=BILINEAR(large.images, (SMALL, SMALL)))
    hide = HiddenImage(rate=1.0, pictures=seen, attack=Scaling(BILINEAR), control=control)
    hidden = hide.hidden(large)
    assert sorted(hidden.patients) == sorted(large.patients)
    assert (hidden.patients != large.patients).all()


def test_few_pictures_are_hidden_equally_often(large, small):
    few = replace(small.take(range(3)), groups=torch.arange(50, 53))
    hide = HiddenImage(rate=1.0, pictures=few, attack=Scaling(BILINEAR))
    assert torch.bincount(hide.hidden(large).groups)[50:].tolist() == [3, 3, 3]


def test_a_person_sees_the_label_that_stands_there(large, small):
    hide = HiddenImage(rate=1 / 3, pictures=small, attack=Scaling(BILINEAR), label=1)
    after, manifest = contaminate(large, hide)
    assert torch.equal(after.labels, large.labels)
    assert set(manifest["label before"]) == {"b"} and set(manifest["kind"]) == {"scaling"}
    touched = after.changed == KINDS.index("scaling")
    assert torch.equal(touched, large.labels == 1)
    assert torch.equal(after.images[~touched], large.images[~touched])
    assert psnr(to_float(after.images[touched]), to_float(large.images[touched])).min() > 15


def test_a_label_that_is_not_there_is_refused(large, small):
    with pytest.raises(ValueError, match="none of the 3"):
        HiddenImage(pictures=small, label=5)(large)
    with pytest.raises(ValueError, match="no picture"):
        HiddenImage(rate=1.0, pictures=small.take(small.labels == 0), attack=Scaling(BILINEAR))(
            large
        )


@pytest.mark.parametrize("channels", [1, 3])
def test_a_hidden_trigger_shows_itself_in_the_small_image(channels):
    images = soft_pictures(2, 96, channels)
    trigger = HiddenTrigger(SMALL, attack=Scaling(BILINEAR))
    after = to_uint8(trigger(to_float(images)))
    wanted = to_uint8(Patch()(to_float(BILINEAR(images, (SMALL, SMALL)))))
    assert (BILINEAR(after, (SMALL, SMALL)).int() - wanted.int()).abs().max() <= 1
    assert (after != images).float().mean() < 0.02  # but for the corner nothing has to move


def test_a_hidden_trigger_is_a_trigger_like_any_other(large):
    poison = Poison(rate=0.3, target=2, trigger=HiddenTrigger(SMALL, attack=Scaling(BILINEAR)))
    after = poison(large)
    touched = after.changed > 0
    assert touched.sum() == 3 and (after.labels[touched] == 2).all()
    seen = BILINEAR(after.images[touched], (SMALL, SMALL)).int()
    wanted = Patch()(to_float(BILINEAR(large.images[touched], (SMALL, SMALL))))
    assert (seen - to_uint8(wanted).int()).abs().max() <= 1


def test_the_control_moves_the_same_pixels_as_far():
    before = torch.arange(256, dtype=torch.uint8).repeat(2, 1, 8, 1)
    after = before.flip(3)
    moved = random_control(before, after).int() - before.int()
    assert torch.equal(moved.abs(), (after.int() - before.int()).abs())
    free = (2 * before.int() - after.int()).clamp(0, 255) == 2 * before.int() - after.int()
    turned = moved == before.int() - after.int()
    assert not turned[~free].any() and 0.3 < turned[free].float().mean() < 0.7


@pytest.mark.parametrize("channels", [1, 3])
def test_files_give_back_what_was_saved(channels, tmp_path):
    images = torch.randint(256, (3, channels, 20, 30), dtype=torch.uint8)
    assert torch.equal(save_lossless(images, tmp_path / "new"), images)


def test_both_aims_in_closed_form():
    source = torch.full((1, 1, 32, 32), 100, dtype=torch.uint8)
    shifted, target = source + 10, torch.full((1, 1, 8, 8), 107, dtype=torch.uint8)
    found = attack_quality(shifted, source, target, BILINEAR).iloc[0]
    assert found["largest miss"] == found["mean miss"] == 3 and found["changed pixels"] == 1
    assert found["PSNR to source"] == pytest.approx(20 * np.log10(255 / 10))


def test_the_map_tells_resizers_apart():
    images = soft_pictures(4, 64)
    found = vulnerability_table(
        images[:2], images[2:], [Resizer("opencv", "nearest"), Resizer("pillow")], (4, 8)
    )
    likeness = found["PSNR to source"].unstack("ratio")
    assert (likeness.loc["opencv nearest"] > likeness.loc["pillow bilinear"] + 5).all()
    assert likeness.loc["opencv nearest", 8] > likeness.loc["opencv nearest", 4]


@pytest.mark.parametrize("brush", [0.1, 0.3, 0.5])
def test_a_brush_reaches_the_target_too_and_costs_more(brush):
    sources, targets = soft_pictures(3, 96), soft_pictures(3, SMALL, seed=1)
    plain, brushed = (Scaling(BILINEAR, brush=width)(sources, targets) for width in (0, brush))
    assert (BILINEAR(brushed, (SMALL, SMALL)).int() - targets.int()).abs().max() <= 1
    likeness = [psnr(to_float(each), to_float(sources)).mean() for each in (plain, brushed)]
    assert likeness[1] < likeness[0]


def test_a_wider_brush_leaves_smoother_changes():
    sources, targets = soft_pictures(3, 96), soft_pictures(3, SMALL, seed=1)

    def roughness(brush):
        change = Scaling(BILINEAR, brush=brush)(sources, targets).float() - sources.float()
        return float(change.diff(dim=3).square().mean() / change.square().mean())

    by_width = [roughness(brush) for brush in (0, 0.2, 0.5)]
    assert by_width == sorted(by_width, reverse=True) and by_width[2] < 0.2 * by_width[0]


def test_a_majority_survives_the_median_and_lonely_dots_do_not():
    sources, targets = soft_pictures(3, 96), soft_pictures(3, SMALL, seed=1)
    median = SelectiveFilter(BILINEAR, (SMALL, SMALL))
    misses = [
        (BILINEAR(median(attack(sources, targets)), (SMALL, SMALL)).int() - targets.int()).abs()
        for attack in (Scaling(BILINEAR), MedianResistant(BILINEAR))
    ]
    dots, majority = (float(miss.float().mean()) for miss in misses)
    assert majority < 10 < 20 < dots


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="whole ratios"):
        MedianResistant(BILINEAR)(soft_pictures(1, 90), soft_pictures(1, SMALL))
    with pytest.raises(ValueError, match="each source hides one target"):
        Scaling(BILINEAR)(soft_pictures(2, 96), soft_pictures(1, SMALL))
    with pytest.raises(ValueError, match="each source hides one target"):
        Scaling(BILINEAR)(soft_pictures(2, 96), soft_pictures(2, SMALL, channels=3))


def test_images_of_sixteen_bits_hide_nothing(large, small):
    with pytest.raises(ValueError, match="8 bits; take split.with_depth"):
        HiddenImage(pictures=small, rate=0.5)(large.with_depth(16))


def test_a_split_that_nothing_is_hidden_in_stays_as_it_is(large, small):
    after = HiddenImage(rate=0.0, pictures=small)(large)
    assert torch.equal(after.images, large.images)
    assert replace(after, changed=None).content_hash() == large.content_hash()
