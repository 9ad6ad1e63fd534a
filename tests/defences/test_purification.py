"""Cleaning steps are what their names say, and hide a gradient that an attacker finds again."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from scipy.ndimage import median_filter
from small import Counted, small_split, soft_pictures, trained_network
from torch import nn

from utils.attacks.adaptive import StraightThrough
from utils.attacks.pgd import PGD, input_gradient
from utils.contamination.corruptions.planted_noise import jpeg
from utils.data.split import to_float, to_uint8
from utils.defences.purification import (
    PURIFICATIONS,
    GreyLevels,
    JpegFile,
    MedianFilter,
    Purified,
    TotalVariation,
)
from utils.evaluation.inference import predict

MODEL, SPLIT = trained_network(), small_split(60, seed=7)
ATTACK = PGD(0.08, 10)
EVERY = pytest.mark.parametrize("name", PURIFICATIONS)
CUT = pytest.mark.parametrize("transform", [GreyLevels(), JpegFile()], ids=repr)  # no gradient


@dataclass(frozen=True)
class Shift:
    """Every image moves by a few pixels, at random."""

    reach: int = 2

    def __call__(self, images):
        moves = torch.randint(-self.reach, self.reach + 1, (len(images), 2)).tolist()
        moved = zip(images, moves, strict=True)
        return torch.stack([torch.roll(image, move, (1, 2)) for image, move in moved])


def pixels(edge: int = 9, channels: int = 1):
    return torch.rand(2, channels, edge, edge, generator=torch.Generator().manual_seed(0))


def test_filters_against_scipy_and_counted_levels():
    expected = median_filter(pixels().numpy(), (1, 1, 3, 3), mode="mirror")
    assert np.allclose(MedianFilter()(pixels()), expected)
    assert len(GreyLevels(2)(pixels()).mul(1e4).round().unique()) == 4
    assert (GreyLevels(3)(pixels()) - pixels()).abs().max() <= 1 / 14 + 1e-6


@pytest.mark.parametrize("channels", [1, 3])
def test_a_jpeg_file_is_what_pillow_reads_back(channels):
    images = to_float(soft_pictures(2, 32, channels))
    assert torch.equal(JpegFile(30)(images), jpeg(images, 30))
    rougher, finer = (JpegFile(q)(images) - images for q in (5, 95))
    assert rougher.abs().mean() > 2 * finer.abs().mean()


@pytest.mark.parametrize("weight", [0.02, 0.1, 0.5])
@pytest.mark.parametrize("steps", [1, 10, 50])
def test_total_variation_is_that_of_skimage(weight, steps):
    restoration = pytest.importorskip("skimage.restoration")
    images = pixels(16, 3).double()
    expected = [
        restoration.denoise_tv_chambolle(one.numpy(), weight, 0, steps + 1, channel_axis=0)
        for one in images
    ]
    assert np.allclose(TotalVariation(weight, steps)(images), expected, atol=1e-9)


def test_total_variation_keeps_the_mean_and_flattens_the_rest():
    images = pixels(16)
    flat = TotalVariation(0.2, 100)(images)
    assert torch.allclose(flat.mean((1, 2, 3)), images.mean((1, 2, 3)), atol=1e-5)
    assert flat.diff(dim=3).abs().mean() < 0.3 * images.diff(dim=3).abs().mean()


@EVERY
def test_a_clean_image_stays_in_range_and_is_still_recognised(name):
    cleaned = PURIFICATIONS[name](to_float(SPLIT.images))
    assert cleaned.shape == SPLIT.images.shape
    assert cleaned.min() >= -1e-6 and cleaned.max() <= 1 + 1e-6
    defended = Purified(MODEL, PURIFICATIONS[name])
    assert predict(defended, SPLIT).accuracy > 0.7
    assert torch.allclose(defended(to_float(SPLIT.images)), MODEL(cleaned), atol=1e-5)


@CUT
def test_a_plain_attack_meets_a_gradient_of_zero(transform):
    gradient = input_gradient(Purified(MODEL, transform), to_float(SPLIT.images), SPLIT.labels)
    assert not gradient.any()


@CUT
def test_what_a_plain_attack_leaves_is_taken_by_one_that_knows_the_step(transform):
    """Nearly as much as on the bare model; a defence would have kept the difference."""
    defended = Purified(MODEL, transform)
    bare = predict(MODEL, SPLIT, ATTACK).accuracy
    plain = predict(defended, SPLIT, ATTACK).accuracy
    known = predict(defended, SPLIT, defended.adaptive(ATTACK)).accuracy
    assert plain > bare + 0.3, (plain, bare)
    assert known < bare + 0.1, (known, bare)


@EVERY
def test_no_step_saves_many_images_from_an_attack_that_knows_it(name):
    defended = Purified(MODEL, PURIFICATIONS[name])
    known = predict(defended, SPLIT, defended.adaptive(ATTACK)).accuracy
    assert known <= predict(defended, SPLIT, ATTACK).accuracy
    assert known < 0.5 * predict(defended, SPLIT).accuracy


def test_a_random_step_is_attacked_in_expectation():
    defended = Purified(MODEL, Shift(), random=True)
    attack = PGD(0.05, 10)
    known = defended.adaptive(attack)
    assert known.repeats == 20

    def right(attack):  # over ten draws of the step
        torch.manual_seed(0)
        attacked = attack(defended, to_float(SPLIT.images), SPLIT.labels)
        drawn = [defended(attacked).argmax(1) == SPLIT.labels for _ in range(10)]
        return torch.stack(drawn).float().mean()

    assert right(known) < right(attack) - 0.02


def test_the_stand_in_gives_the_gradient():
    halved = Purified(MODEL, JpegFile(), stand_in=lambda images: 0.5 * images)
    images = to_float(SPLIT.images)
    identity, half = (
        input_gradient(one.views()[1], images, SPLIT.labels)
        for one in (Purified(MODEL, JpegFile()), halved)
    )
    assert torch.allclose(half, 0.5 * identity) and identity.any()


def test_two_steps_one_behind_the_other_are_both_looked_through():
    """The inner one is a defence with views of its own."""
    twice = Purified(Purified(MODEL, JpegFile()), GreyLevels())
    assert any(
        input_gradient(view, to_float(SPLIT.images), SPLIT.labels).any() for view in twice.views()
    )
    known = predict(twice, SPLIT, twice.adaptive(ATTACK)).accuracy
    assert known < 0.5 * predict(twice, SPLIT, ATTACK).accuracy


def test_looking_through_grey_levels_is_what_art_does():
    """ART passes gradients through its feature squeezing unchanged."""
    defences = pytest.importorskip("art.defences.preprocessor")
    evasion = pytest.importorskip("art.attacks.evasion")
    estimators = pytest.importorskip("art.estimators.classification")
    images, labels = to_float(SPLIT.images), SPLIT.labels
    squeeze = defences.FeatureSqueezing(clip_values=(0, 1), bit_depth=3)
    theirs = estimators.PyTorchClassifier(
        Counted(MODEL), nn.CrossEntropyLoss(), (1, 16, 16), 3, clip_values=(0, 1),
        preprocessing_defences=squeeze,
    )  # fmt: skip
    attack = evasion.ProjectedGradientDescentNumpy(
        theirs, eps=0.05, eps_step=0.02, max_iter=4, batch_size=60, verbose=False
    )
    expected = torch.from_numpy(attack.generate(images.numpy(), labels.numpy()))
    view = nn.Sequential(StraightThrough(GreyLevels(3)), MODEL)
    ours = PGD(0.05, 4, step=0.02, random_start=False)(view, images, labels)
    assert torch.allclose(ours, expected, atol=1e-6)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: MedianFilter(2), "only if it is odd"),
        (lambda: MedianFilter(0), "only if it is odd"),
        (lambda: GreyLevels(0), "1 to 8 bits"),
        (lambda: TotalVariation(0), "weight > 0"),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_saved_levels_are_levels():
    assert len(to_uint8(GreyLevels(1)(pixels())).unique()) == 2
