"""Windows of grey levels, by their closed forms."""

import numpy as np
import pytest

from utils.data.formats.levels import DeepImage, deep_frames, range_of, window
from utils.data.formats.reading import Reading, Unreadable

LEVELS = np.arange(1001).reshape(7, 143)


def ends(reading: Reading, *images: DeepImage):
    return window(len(images), lambda: iter(images), reading, lambda: (-5.0, 5.0))


@pytest.mark.parametrize(
    ("wanted", "low", "high", "name"),
    [
        ("shown", 0, 1000, "darkest to brightest pixel"),
        ("full", -5, 5, "full range"),
        ("10..20", 10, 20, "chosen window"),
        ("10..80%", 100, 800, "percentiles"),
    ],
)
def test_each_window_has_its_ends_and_its_name(wanted, low, high, name):
    assert ends(Reading(window=wanted), DeepImage(LEVELS)) == (low, high, name)


def test_all_images_of_a_file_share_one_window():
    images = (DeepImage(LEVELS), DeepImage(LEVELS + 500))
    assert ends(Reading(), *images)[:2] == (0, 1500)
    low, high, _ = ends(Reading(window="1..99%"), *images)
    both = np.concatenate([LEVELS, LEVELS + 500])
    assert (low, high) == pytest.approx(tuple(np.percentile(both, [1, 99])))


def test_what_is_not_covered_has_no_say():
    cover = (LEVELS < 900).astype(np.uint8)
    image = DeepImage(LEVELS, cover)
    assert ends(Reading(), image)[:2] == (0, 899)
    assert (image.in_window(0, 899, 8)[cover == 0] == 0).all()
    inverted = DeepImage(LEVELS, cover, inverted=True).in_window(0, 899, 16)
    assert (inverted[cover == 0] == 0).all() and inverted.flat[0] == 1


@pytest.mark.parametrize("depth", [8, 16])
def test_both_depths_show_the_same(depth):
    image = DeepImage(LEVELS).in_window(100, 600, depth) / (255 if depth == 8 else 1)
    expected = ((LEVELS - 100) / 500).clip(0, 1)
    assert np.abs(image - expected).max() <= (0.5 / 255 + 1e-6 if depth == 8 else 1e-6)


@pytest.mark.parametrize("wanted", ["shown", "0..1", "1..99%"])
@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_what_is_no_number_is_refused_in_every_window(odd, wanted):
    image = DeepImage(np.array([[0.5, odd]], np.float32))
    with pytest.raises(Unreadable, match="NaN or infinite"):
        list(deep_frames(1, lambda: iter([image]), Reading(window=wanted), tuple).images)


def test_the_range_of_a_type_is_known_unless_it_has_fractions():
    assert range_of(np.dtype("int16")) == (-32768, 32767)
    with pytest.raises(Unreadable, match="choose another window"):
        range_of(np.dtype("float32"))
