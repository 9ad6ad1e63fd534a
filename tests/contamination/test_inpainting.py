"""Tampering: what it may change, what it must leave alone, and how its painter is trained."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from small import small_split

from utils.contamination.base import KINDS, contaminate
from utils.contamination.gan_trainer import GANConfig
from utils.contamination.inpainting import (
    BlurredFill,
    GeneratedFill,
    NoisyFill,
    Tampering,
    corners,
    cut,
    feather,
    halvings,
    holes,
    paste,
    shapes_of,
    tamper,
    window_side,
)
from utils.contamination.inpainting_gan import (
    InpaintingGAN,
    InpaintingGenerator,
    PatchDiscriminator,
    train_inpainters,
)
from utils.evaluation.comparison import excess_over_control, flip_predictions, flip_rate
from utils.evaluation.predictions import Predictions

WELL, SICK = 0, 1
CONFIG = GANConfig(snapshots=(1, 3), batch_size=8, width=4, faster=1.0)
NAMES = ("healthy", "spot", "else")


def lungs(count: int = 60, size: int = 32, seed: int = 0):
    """Three classes, two images of each patient; the second class has a bright, masked spot."""
    split = small_split(count, size, seed)
    place = torch.arange(size)
    left = torch.arange(count)[:, None] % 8 + 6
    across = (place >= left) & (place < left + 8)
    masks = across[:, None, :] & across[:, :, None] & (split.labels == SICK)[:, None, None]
    images = torch.where(masks[:, None], 230, split.images)
    return replace(split, images=images, masks=masks, class_names=NAMES)


def untrained(size: int = 32) -> InpaintingGenerator:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return InpaintingGenerator(1, width=4).eval()


SPLIT = lungs()
SHAPES = shapes_of(SPLIT, SICK)
FILLS = [
    GeneratedFill(untrained(), True),
    GeneratedFill(untrained(), False),
    BlurredFill(),
    NoisyFill(),
]
STEPS = [
    Tampering(fill=fill, label=label, shapes=SHAPES, rate=0.2, seed=3)
    for fill in FILLS
    for label in (WELL, SICK)
]
EVERY = pytest.mark.parametrize("step", STEPS, ids=repr)


@EVERY
def test_outside_the_region_not_one_grey_level_changes_and_inside_it_some_do(step):
    after, regions = step(SPLIT), step.regions(SPLIT)
    moved = (after.images != SPLIT.images).any(1)
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


def test_a_finding_lies_wholly_inside_its_region_and_the_healthy_get_the_shape_of_another():
    regions = holes(SPLIT, SHAPES, torch.Generator().manual_seed(0))
    assert not (SPLIT.masks & ~regions).any()
    assert (regions[SPLIT.labels == SICK].sum((1, 2)) > SPLIT.masks.sum((1, 2)).max()).all()
    known = {shape.numpy().tobytes() for shape in SHAPES}
    assert all(region.numpy().tobytes() in known for region in regions)


@pytest.mark.parametrize("size", [32, 40, 48, 64, 100, 224])
def test_without_masks_the_regions_take_a_third_of_both_lungs_and_fit(size):
    shapes = shapes_of(replace(lungs(6, size), masks=None), SICK)
    assert len(shapes) > 100 and torch.equal(shapes, shapes.flip(2))
    assert (shapes.float().mean((1, 2)) > 0.06).all()
    assert (corners(shapes, window_side(size)) >= 0).all()


def test_both_ways_at_once_and_the_regions_do_not_hang_on_what_fills_them():
    lie, regions = tamper(SPLIT, {WELL: FILLS[0], SICK: FILLS[1]}, SHAPES, seed=5)
    control, same = tamper(SPLIT, {WELL: FILLS[2], SICK: FILLS[2]}, SHAPES, seed=5)
    assert torch.equal(regions, same) and not torch.equal(lie.images, control.images)
    assert torch.equal(lie.changed > 0, SPLIT.labels != 2)
    assert torch.equal(lie.images[SPLIT.labels == 2], SPLIT.images[SPLIT.labels == 2])


def test_a_painter_is_asked_for_what_the_tampering_wants():
    asked = []

    class Noted(InpaintingGenerator):
        def fill(self, images, regions, wanted, numbers):
            asked.append(wanted.unique().tolist())
            return images

    painter = Noted(1, width=4)
    tamper(SPLIT, {WELL: GeneratedFill(painter, True), SICK: GeneratedFill(painter, False)}, SHAPES)
    assert asked == [[True], [False]]


def test_a_window_is_cut_and_pasted_where_it_was():
    images = torch.rand(len(SHAPES), 3, 32, 32)
    where = corners(SHAPES, 24)
    windows = cut(images, where, 24)
    assert torch.equal(paste(images, windows, where), images)
    assert cut(SHAPES[:, None], where, 24).sum() == SHAPES.sum()


def test_a_filling_fades_in_inside_its_region():
    regions = torch.zeros(1, 16, 16, dtype=torch.bool)
    regions[:, 3:13, 3:13] = True
    filled = feather(torch.zeros(1, 1, 16, 16), torch.ones(1, 1, 16, 16), regions)[0, 0]
    assert filled[8].tolist() == pytest.approx(
        [0] * 3 + [1 / 3, 2 / 3] + [1] * 6 + [2 / 3, 1 / 3] + [0] * 3
    )


@pytest.mark.parametrize("size", [32, 40, 48, 64, 100, 224])
@pytest.mark.parametrize("channels", [1, 3])
def test_sizes_and_colours(size, channels):
    images, shapes = (
        torch.rand(2, channels, size, size),
        shapes_of(replace(lungs(6, size), masks=None), SICK),
    )
    wanted, numbers = torch.tensor([True, False]), torch.Generator().manual_seed(0)
    filled = InpaintingGenerator(channels, 4, halvings(size)).fill(
        images, shapes[:2], wanted, numbers
    )
    assert filled.shape == images.shape and filled.min() >= 0 and filled.max() <= 1
    side = window_side(size)
    windows = torch.rand(2, channels, side, side)
    gaps = cut(shapes[:2, None], corners(shapes[:2], side), side)[:, 0]
    assert len(PatchDiscriminator(channels, width=4)(windows, gaps, wanted)) == 2


def test_a_painter_does_not_see_what_it_paints_over_and_hears_what_is_wanted():
    image, painter, outcome = torch.rand(1, 1, 32, 32), untrained(), {}
    regions = torch.zeros(1, 32, 32, dtype=torch.bool)
    regions[:, 8:18, 8:20] = True  # over the middle: its mirror image shows part of it
    other = torch.where(regions[:, None], 1 - image, image)
    for name, shown, wanted in (("a", image, True), ("b", other, True), ("c", image, False)):
        asked = torch.tensor([wanted]), torch.Generator().manual_seed(0)
        outcome[name] = painter.fill(shown, regions, *asked)[0, 0][regions[0]]
    assert torch.equal(outcome["a"], outcome["b"]) and not torch.equal(outcome["a"], outcome["c"])


def test_a_stopped_training_ends_as_one_that_was_not(tmp_path, monkeypatch):
    whole, history = train_inpainters(SPLIT, CONFIG, tmp_path / "whole")
    turns, played = [], InpaintingGAN.epoch

    def killed(game):
        turns.append(1)
        if len(turns) == 3:
            raise KeyboardInterrupt
        return played(game)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(InpaintingGAN, "epoch", killed)
        train_inpainters(SPLIT, CONFIG, tmp_path / "stopped")
    again, resumed = train_inpainters(SPLIT, CONFIG, tmp_path / "stopped")
    assert [row["difference"] for row in resumed] == [row["difference"] for row in history]
    for epochs in CONFIG.snapshots:
        one, other = whole[epochs].state_dict(), again[epochs].state_dict()
        assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_training_brings_the_painter_closer_to_what_was_there(tmp_path):
    config = GANConfig(snapshots=(6,), batch_size=8, width=8, learning_rate=2e-3, faster=1.0)
    _, history = train_inpainters(SPLIT, config, tmp_path)
    assert history[-1]["difference"] < 0.7 * history[0]["difference"]


def test_other_masks_are_another_training(tmp_path):
    config = replace(CONFIG, snapshots=(1,))
    train_inpainters(SPLIT, config, tmp_path)
    train_inpainters(replace(SPLIT, masks=SPLIT.masks.roll(1, 2)), config, tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    "split, match",
    [
        (lungs(30), "'healthy' has 10 images|'spot' has 10 images with a masked finding"),
        (replace(SPLIT, masks=torch.zeros_like(SPLIT.masks)), "'spot' has 0 images with a masked"),
        (lungs(60, 24), "24 pixels are not supported"),
        (replace(SPLIT, masks=torch.ones_like(SPLIT.masks)), "window of 24 has no room"),
    ],
    ids=["few images", "no finding", "small images", "findings everywhere"],
)
def test_what_cannot_be_learned_from_is_refused_before_training(split, match, tmp_path):
    with pytest.raises(ValueError, match=match):
        train_inpainters(split, CONFIG, tmp_path)


def test_a_loss_that_is_no_number_says_so_and_keeps_the_snapshots(tmp_path, monkeypatch):
    played, turns = InpaintingGAN.epoch, []

    def lost_later(game):
        turns.append(1)
        return played(game) | ({"difference": float("nan")} if len(turns) > 1 else {})

    monkeypatch.setattr(InpaintingGAN, "epoch", lost_later)
    with pytest.raises(FloatingPointError, match="difference, in epoch 2; lower the learning rate"):
        train_inpainters(SPLIT, CONFIG, tmp_path)
    assert len(list(tmp_path.glob("*/generator_1.safetensors"))) == 1


@pytest.mark.parametrize(
    "wrong, match", [({"label": 3}, "none of the 3"), ({"rate": 0.9}, "eligible")]
)
def test_a_tampering_that_cannot_be_is_refused(wrong, match):
    with pytest.raises(ValueError, match=match):
        replace(STEPS[0], **wrong)(SPLIT)


def test_regions_of_another_size_are_refused():
    with pytest.raises(ValueError, match="regions of .16, 16. do not fit"):
        replace(STEPS[0], shapes=SHAPES[:, :16, :16])(SPLIT)


def said(*classes):
    labels = np.array([0, 0, 0, 1, 2, 2])
    return Predictions(labels, np.eye(3)[list(classes)], np.arange(6), NAMES)


def test_only_a_right_diagnosis_can_be_turned_and_only_into_its_opposite():
    before, after = said(0, 0, 1, 1, 1, 0), said(1, 0, 1, 2, 0, 0)
    lies = flip_predictions((before, after), healthy=0)  # the third and the last were wrong before
    assert lies.labels.tolist() == [1, 1, 0, 0]  # what the lie says
    assert lies.right.tolist() == [True, False, False, True]
    share = flip_rate((before, after), healthy=0)
    assert share["value"] == 0.5 and share["images"] == 4


def test_healthy_may_be_any_class():
    lies = flip_predictions((said(0, 0, 0, 1, 2, 2), said(2, 0, 0, 1, 0, 2)), healthy=2)
    assert lies.labels.tolist() == [0, 0, 0, 0, 1, 1]
    assert lies.right.tolist() == [True, False, False, False, True, False]


def test_two_models_are_turned_only_together():
    one, other = (said(0, 0, 0, 1, 2, 2), said(1, 1, 0, 0, 0, 2)), (
        said(0, 1, 0, 1, 2, 2), said(1, 1, 0, 1, 0, 2),
    )  # fmt: skip
    lies = flip_predictions(one, other, healthy=0)
    assert lies.right.tolist() == [True, False, False, True, False]


def test_nobody_who_was_right_leaves_nothing_to_turn():
    wrong = said(1, 1, 1, 0, 0, 0)
    nobody = flip_rate((wrong, wrong), healthy=0)
    assert nobody["images"] == 0 and np.isnan(nobody["value"])


def test_beyond_its_control_counts_the_difference():
    before, after, control = said(0, 0, 0, 1, 2, 2), said(1, 1, 1, 0, 0, 0), said(1, 0, 0, 1, 2, 2)
    row = excess_over_control(
        *(flip_predictions((before, each), healthy=0) for each in (control, after))
    )
    assert row["value"] == pytest.approx(5 / 6) and row["low"] > 0
