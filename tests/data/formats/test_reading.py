"""What decides how files are read, checked when it is made."""

import pytest

from utils.data.formats.reading import AS_SHOWN, AXES, Reading

WRONG = {
    "depth": ({"depth": 12}, "8 or 16 bits, got 12"),
    "axis": ({"axis": "oblique"}, "choose from sagittal, coronal, axial"),
    "window": ({"window": "lung"}, "such as '-160..240'"),
    "no text": ({"window": (0, 1)}, "such as '-160..240'"),
    "turned round": ({"window": "240..-160"}, "the lower one first"),
    "no percentile": ({"window": "1..101%"}, "percentiles"),
    "negative percentile": ({"window": "-1..99%"}, "percentiles"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_is_refused_with_what_can(case):
    change, message = WRONG[case]
    with pytest.raises(ValueError, match=message):
        Reading(**change)


@pytest.mark.parametrize(
    ("window", "bounds", "percent"),
    [
        ("shown", None, False),
        ("full", None, False),
        ("-160..240", (-160, 240), False),
        ("0.5..99.5%", (0.5, 99.5), True),
    ],
)
def test_a_window_is_a_word_or_two_numbers(window, bounds, percent):
    reading = Reading(window=window)
    assert reading.bounds == bounds and reading.percent == percent


def test_every_reading_has_a_key_of_its_own_and_the_usual_one_none():
    windows = ("shown", "full", "0..1", "0..1%")
    keys = {Reading(d, w, a).key for d in (8, 16) for w in windows for a in AXES}
    assert len(keys) == 2 * len(windows) * len(AXES) and AS_SHOWN.key == "" and "" in keys
