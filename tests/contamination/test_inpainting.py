"""Tampering: what it may change, and what it must leave alone."""

from dataclasses import replace

import pytest
import torch
from spots import HEALTHY, SPOT, spotted_split, untrained_generator

from utils.contamination.base import KINDS, contaminate
from utils.contamination.inpainting import (
    BlurredFill,
    GeneratedFill,
    NoisyFill,
    RegrainedFill,
    SplicedFill,
    Tampering,
    tamper,
)
from utils.contamination.inpainting_networks import InpaintingGenerator
from utils.contamination.inpainting_regions import shapes_of

SPLIT = spotted_split()


SHAPES = shapes_of(SPLIT, SPOT)


FILLS = [
    GeneratedFill(untrained_generator(), True),
    GeneratedFill(untrained_generator(), False),
    BlurredFill(),
    NoisyFill(),
    SplicedFill(),
    RegrainedFill(BlurredFill(), 0.5),
]


STEPS = [
    Tampering(fill=fill, label=label, shapes=SHAPES, rate=0.2, seed=3)
    for fill in FILLS
    for label in (HEALTHY, SPOT)
]


EVERY = pytest.mark.parametrize("step", STEPS, ids=repr)


@EVERY
@pytest.mark.parametrize("depth", [8, 16])
def test_outside_the_region_not_one_grey_level_changes_and_inside_it_some_do(step, depth):
    split = SPLIT.with_depth(depth)
    after, regions = step(split), step.regions(split)
    moved = (after.images != split.images).any(1)
    assert not (moved & ~regions).any()
    hit = after.changed == KINDS.index("fake")
    assert torch.equal(moved.flatten(1).any(1), hit) and hit.sum() == 12
    assert torch.equal(regions.flatten(1).any(1), hit)


@EVERY
def test_changes_images_of_one_class_only_and_no_label_or_mask(step):
    after, manifest = contaminate(SPLIT, step)
    assert (SPLIT.labels[after.changed > 0] == step.label).all() and len(manifest) == 12
    for name in ("labels", "masks", "groups"):
        assert torch.equal(getattr(after, name), getattr(SPLIT, name))


@EVERY
def test_the_same_seed_changes_the_same_and_another_does_not(step):
    one, again, other = (replace(step, seed=seed)(SPLIT) for seed in (3, 3, 4))
    assert torch.equal(one.images, again.images) and not torch.equal(one.images, other.images)


def test_both_ways_at_once_and_the_regions_do_not_hang_on_what_fills_them():
    lie, regions = tamper(SPLIT, {HEALTHY: FILLS[0], SPOT: FILLS[1]}, SHAPES, seed=5)
    control, same = tamper(SPLIT, {HEALTHY: FILLS[2], SPOT: FILLS[2]}, SHAPES, seed=5)
    assert torch.equal(regions, same) and not torch.equal(lie.images, control.images)
    assert torch.equal(lie.changed > 0, SPLIT.labels != 2)
    assert torch.equal(lie.images[SPLIT.labels == 2], SPLIT.images[SPLIT.labels == 2])


def test_a_generator_draws_what_the_tampering_wants():
    wanted_values = []

    class Noted(InpaintingGenerator):
        def fill(self, images, regions, wanted, rng):
            wanted_values.append(wanted.unique().tolist())
            return images

    generator = Noted(1, width=4)
    tamper(
        SPLIT,
        {HEALTHY: GeneratedFill(generator, True), SPOT: GeneratedFill(generator, False)},
        SHAPES,
    )
    assert wanted_values == [[True], [False]]


@pytest.mark.parametrize(
    "wrong, match", [({"label": 3}, "none of the 3"), ({"rate": 0.9}, "eligible")]
)
def test_a_tampering_that_cannot_be_is_refused(wrong, match):
    with pytest.raises(ValueError, match=match):
        replace(STEPS[0], **wrong)(SPLIT)


def test_regions_of_another_size_are_refused():
    with pytest.raises(ValueError, match="regions of .16, 16. do not fit"):
        replace(STEPS[0], shapes=SHAPES[:, :16, :16])(SPLIT)


def test_a_splice_is_another_patient_at_the_brightness_of_what_it_covers():
    images = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0)) / 2 + 0.25
    regions = torch.zeros(2, 8, 8, dtype=torch.bool)
    regions[:, 2:6, 2:6] = True
    spliced, inside = SplicedFill()(images, regions, None), regions[:, None]
    for one, other in ((0, 1), (1, 0)):
        apart = (spliced[one] - images[other])[inside[one]]
        assert torch.allclose(apart, apart[:1], atol=1e-6)
        means = [each[one][inside[one]].mean() for each in (spliced, images)]
        assert means[0] == pytest.approx(means[1])


def test_grain_is_added_back_from_the_other_side():
    images = torch.full((1, 1, 12, 12), 0.5)
    images[0, 0, 4, 2] = 0.9
    fill = RegrainedFill(lambda images, regions, rng: torch.full_like(images, 0.5))
    grained = fill(images, None, None)
    assert grained[0, 0].argmax() == 4 * 12 + 9 and grained[0, 0, 4, 2] == pytest.approx(0.5)
    plain = replace(fill, strength=0.0)(images, None, None)
    assert torch.allclose(plain, torch.full_like(images, 0.5))
