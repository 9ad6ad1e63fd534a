"""Repairs before shrinking: which pixels they touch, and what they make of them."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from utils.contamination.image_scaling import Scaling
from utils.contamination.resizers import RESIZERS, Resizer
from utils.data.formats.depth import grey_levels, in_depth
from utils.defences.restoration import GlobalFilter, SelectiveFilter

BILINEAR, SIZE = Resizer("opencv", "bilinear"), (8, 8)


def noise(height=64, width=48, channels=1, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(256, (2, channels, height, width), dtype=torch.uint8, generator=generator)


def used_by(resizer, height, width, size=SIZE):
    rows, columns = (
        (resizer.matrix(*pair) != 0).any(0).numpy()
        for pair in zip((height, width), size, strict=True)
    )
    return rows[:, None] & columns


@pytest.mark.parametrize("at_random", [False, True])
@pytest.mark.parametrize("resizer", RESIZERS, ids=str)
def test_only_what_the_resizer_reads_is_touched(resizer, at_random):
    images = noise()
    restored = SelectiveFilter(resizer, SIZE, at_random)(images)
    used = torch.from_numpy(used_by(resizer, 64, 48))
    assert torch.equal(restored[..., ~used], images[..., ~used])


@pytest.mark.parametrize("reach", [0.5, 1.0, 2.0])
@pytest.mark.parametrize(
    "resizer", [BILINEAR, Resizer("opencv", "area"), Resizer("opencv", "lanczos")]
)
def test_the_median_by_hand(resizer, reach):
    image = noise()[0, 0].numpy()
    restored = SelectiveFilter(resizer, SIZE, reach=reach)(noise())[0, 0].numpy()
    used = used_by(resizer, 64, 48)
    up, left = (max(1, round(reach * edge / SIZE[0] / 2)) for edge in (64, 48))
    for y, x in np.argwhere(used)[::7]:
        window = np.s_[max(0, y - up) : y + up + 1, max(0, x - left) : x + left + 1]
        free = image[window][~used[window]]
        around = np.sort(free if len(free) else image[window].ravel())
        assert restored[y, x] == around[(len(around) - 1) // 2]


def test_a_plain_image_comes_back_exactly():
    source = torch.full((1, 1, 64, 64), 90, dtype=torch.uint8)
    target = torch.randint(256, (1, 1, 8, 8), dtype=torch.uint8)
    hidden = Scaling(BILINEAR)(source, target)
    assert not torch.equal(hidden, source)
    for at_random in (False, True):
        assert torch.equal(SelectiveFilter(BILINEAR, SIZE, at_random)(hidden), source)


def test_at_random_is_one_of_those_around_and_the_same_again():
    images = noise() // 2
    used = torch.from_numpy(used_by(BILINEAR, 64, 48))
    images[..., used] = 255  # no pixel that is read may come back
    one, again = (SelectiveFilter(BILINEAR, SIZE, at_random=True, seed=3)(images) for _ in range(2))
    assert torch.equal(one, again) and one.max() < 128
    assert not torch.equal(one, SelectiveFilter(BILINEAR, SIZE, at_random=True, seed=4)(images))


def test_where_all_are_read_all_speak():
    image = torch.zeros(1, 1, 16, 16, dtype=torch.uint8)
    image[..., 5, 5] = 255  # one dot among zeros
    assert SelectiveFilter(Resizer("opencv", "area"), SIZE)(image).max() == 0


@pytest.mark.parametrize("window", [3, 5])
@pytest.mark.parametrize(
    "kind, theirs",
    [
        ("median", ndimage.median_filter),
        ("minimum", ndimage.minimum_filter),
        ("peak", ndimage.maximum_filter),
    ],
)
def test_filters_are_those_of_scipy(kind, theirs, window):
    images = noise(channels=3)
    filtered = GlobalFilter(kind, window)(images).numpy()
    assert np.array_equal(filtered, theirs(images.numpy(), (1, 1, window, window), mode="nearest"))


def test_unsharp_masking_makes_edges_steeper():
    image = torch.full((1, 1, 16, 16), 100, dtype=torch.uint8)
    image[..., 8:] = 150
    sharp = GlobalFilter("unsharp")(image)
    assert sharp[0, 0, 4, 7] < 100 and sharp[0, 0, 4, 8] > 150 and sharp[0, 0, 4, 2] == 100


@pytest.mark.parametrize("wrong", [("mean", 3), ("median", 4), ("median", 1)])
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match="choose from|odd"):
        GlobalFilter(*wrong)


EVERY_REPAIR = pytest.mark.parametrize(
    "repair",
    [SelectiveFilter(BILINEAR, SIZE), SelectiveFilter(BILINEAR, SIZE, at_random=True)]
    + [GlobalFilter(kind) for kind in ("median", "minimum", "peak", "unsharp")],
    ids=str,
)


@EVERY_REPAIR
def test_each_repair_begins_with_the_image_as_it_arrived(repair):
    """One that wrote into its images would hand its result to the repair after it."""
    images = noise()
    assert not torch.equal(repair(images), noise())
    assert torch.equal(images, noise())


@EVERY_REPAIR
def test_sixteen_bits_are_repaired_like_eight(repair):
    shallow, deep = repair(noise()), repair(in_depth(noise(), 16))
    assert deep.dtype == torch.uint16
    assert (grey_levels(deep) - shallow.float()).abs().max() <= 0.51  # unsharp masking rounds
