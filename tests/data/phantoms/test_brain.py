"""Brains: fluid grows with the grade, slices are neighbours, and the skull is gone."""

from random import Random

import pytest
import torch
from drawn import brightness_ratio, drawn

from utils.data.phantoms import brain
from utils.data.phantoms.brain import GRADES, draw_patient
from utils.data.split import to_float


def patient(grade: str, seed: int, views: int = 3, size: int = 64, contrast: str = "T1"):
    return draw_patient(GRADES[grade], size, views, Random(seed), contrast)


def overlap(first: torch.Tensor, second: torch.Tensor) -> float:
    """Dice coefficient of two masks."""
    return (2 * (first & second).sum() / (first.sum() + second.sum())).item()


def test_the_fluid_of_the_brain_is_dark_and_grows_with_the_grade():
    split = drawn("brain_phantom")
    assert (brightness_ratio(split) < 0.9).float().mean() > 0.95
    areas = split.masks.float().mean((1, 2))
    by_grade = [areas[split.labels == k].mean() for k in range(split.classes)]
    assert by_grade == sorted(by_grade) and by_grade[-1] > 2 * by_grade[0]


def test_patients_of_neighbouring_grades_overlap():
    split = drawn("brain_phantom")
    areas = split.masks.float().mean((1, 2)).view(-1, 3).mean(1)  # one per patient
    grades = split.labels[::3]
    for k in range(split.classes - 1):
        assert areas[grades == k + 1].min() < areas[grades == k].max()


@pytest.mark.parametrize("contrast", ["T1", "T2"])
def test_white_matter_is_bright_in_t1_and_fluid_in_t2(contrast):
    images, masks = patient("Mild_Demented", 0, contrast=contrast)
    inside = images[:, 0][masks].mean()
    brain = images[:, 0][~masks & (images[:, 0] > 0.2)].mean()
    assert inside < 0.5 * brain if contrast == "T1" else inside > 1.2 * brain


def test_the_contrast_changes_no_anatomy():
    assert torch.equal(*(patient("Mild_Demented", 1, contrast=c)[1] for c in ("T1", "T2")))


def test_slices_of_a_patient_are_neighbours():
    masks = [patient("Mild_Demented", seed)[1] for seed in range(20)]
    next_ones = [overlap(each[0], each[1]) for each in masks]
    far_ones = [overlap(each[0], each[2]) for each in masks]
    others = [overlap(masks[n][1], masks[n - 1][1]) for n in range(20)]
    means = [sum(each) / 20 for each in (next_ones, far_ones, others)]
    assert means == sorted(means, reverse=True) and means[0] > means[2] + 0.15


def test_a_single_slice_is_the_middle_one_of_three():
    one, mask = patient("Very_Mild_Demented", 2, views=1)
    three, masks = patient("Very_Mild_Demented", 2)
    assert one.shape == (1, 1, 64, 64) and torch.equal(mask[0], masks[1])
    assert (one[0] - three[1]).abs().mean() < 0.05  # noise apart


def test_no_skull_surrounds_the_brain():
    images = to_float(drawn("brain_phantom").images)
    border = torch.cat([images[..., 0], images[..., -1], images[..., 0, :], images[..., -1, :]])
    assert border.mean() < 0.06 and (images > 0.2).float().mean() < 0.5


def test_fields_drawn_together_are_those_drawn_one_by_one():
    points, kinds = torch.randn(3, 2, 20, 20) * 60, [(120.0, 4), (50.0, 5), (11.0, 9)]
    rng = Random(3)
    alone = [brain._field(points, rng, *kind) for kind in kinds]
    together = brain._fields(points, Random(3), kinds)
    assert all(torch.equal(*pair) for pair in zip(alone, together, strict=True))
    assert abs(torch.stack(together).mean()) < 0.2
    assert all(field.std() == pytest.approx(1, abs=0.2) for field in together)
