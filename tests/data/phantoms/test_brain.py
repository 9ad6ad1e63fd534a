"""Brains: the fluid grows with the grade of dementia."""

from drawn import brightness_ratio, drawn


def test_the_fluid_of_the_brain_is_dark_and_grows_with_the_grade():
    split = drawn("brain_phantom")
    assert (brightness_ratio(split) < 0.9).float().mean() > 0.95
    areas = split.masks.float().mean((1, 2))
    by_grade = [areas[split.labels == k].mean() for k in range(split.classes)]
    assert by_grade == sorted(by_grade) and by_grade[-1] > 2 * by_grade[0]
