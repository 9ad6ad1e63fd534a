"""Chests: findings lie in the lungs of patients with a disease, and are shadows."""

from random import Random

import pytest
import torch
from drawn import drawn

from utils.data.phantoms.chest import draw_patient, random_pose
from utils.data.phantoms.chest_findings import PNEUMONIA


@pytest.mark.parametrize("name", ["chest_phantom", "findings_phantom"])
def test_only_diseased_lungs_have_a_finding(name):
    split = drawn(name)
    normal = split.labels == split.class_names.index("normal")
    areas = split.masks.float().mean((1, 2))
    assert areas[normal].max() == 0
    assert areas[~normal].min() > 0.001 and areas[~normal].max() < 0.5


@pytest.mark.parametrize("kind", ["bacterial", "viral"])
@pytest.mark.parametrize("seed", range(4))
def test_a_finding_is_a_shadow_and_the_rest_of_the_body_stays_as_it_is(kind, seed):
    ill, healthy = (draw_patient(PNEUMONIA[k], 64, 3, Random(seed)) for k in (kind, "normal"))
    change, where = (ill[0] - healthy[0])[:, 0], ill[1]
    assert min(visit[mask].mean() for visit, mask in zip(change, where, strict=True)) > 0.01
    beyond = torch.nn.functional.max_pool2d(where[:, None].float(), 7, 1, 3)[:, 0] == 0
    assert change[beyond].abs().mean() < 0.01 and change[beyond].abs().max() < 0.1


def test_a_finding_lies_in_the_lungs_and_hardly_ever_at_the_edge_of_the_film():
    masks = drawn("findings_phantom").masks
    inside = masks.clone()
    inside[:, :4], inside[:, -4:], inside[:, :, :2], inside[:, :, -2:] = False, False, False, False
    assert (masks & ~inside).sum() < 0.001 * masks.sum()
    rows = masks.any(2).float().mean(0)  # share of images with a finding in each row
    assert rows[20:40].min() > 0.05


def test_a_turn_moves_what_lies_in_front_against_what_lies_behind():
    pose = random_pose(6, Random(0))
    x, y = pose.film(32)
    front, back = pose.plane(x, y, 0.4)[0] - x, pose.plane(x, y, -0.4)[0] - x
    assert torch.allclose(front, -back, atol=1e-6) and front.abs().amax((1, 2)).min() > 0.001
    assert all(torch.equal(a, b) for a, b in zip(pose.plane(x, y, 0.0), (x, y), strict=True))


def test_a_breath_moves_the_base_of_the_lungs_and_not_their_top():
    pose = random_pose(4, Random(1))
    x = torch.zeros(4, 1, 1)
    top, base = (pose.lung(x, x + height)(0.0)[1] for height in (-0.7, 0.5))
    assert torch.allclose(top, x - 0.7) and torch.allclose(base, 0.5 - pose.breath)


def test_a_finding_is_at_another_place_of_the_film_at_each_visit():
    split = drawn("findings_phantom")
    masks = split.masks[split.labels == split.class_names.index("mass")].float()
    rows = masks.mean(2) @ torch.arange(64.0) / masks.mean((1, 2)) / 64
    moved = rows.view(-1, 3).std(1)
    assert moved.median() > 1  # pixels
