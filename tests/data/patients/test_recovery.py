"""Patients from pixels, against draws where the truth is known."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from drawn import first_patients
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.metrics import adjusted_rand_score

from utils.data.patients import links
from utils.data.patients.links import NEIGHBOURS, patient_links
from utils.data.patients.recovery import (
    THRESHOLDS,
    exactly_recovered,
    has_valley,
    lowest_density_threshold,
    normalise_exposure,
    recover_patients,
    tangent_distances,
)
from utils.data.phantoms import PHANTOMS, brain, draw

DRAWS = {  # size, patients, seed
    "small images": (32, 300, 1),
    "other seed": (64, 200, 5),
    "large images": (128, 60, 3),
}


def alike(images, groups) -> float:
    return adjusted_rand_score(groups, recover_patients(images).groups)


def unrelated(count: int, size: int = 32, seed: int = 0, channels: int = 1):
    """Coarse noise: images that have nothing in common."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, channels, 8, 8, generator=generator)
    return (255 * F.interpolate(coarse, size=(size, size), mode="bicubic")).clamp(0, 255).byte()


@pytest.mark.parametrize("case", DRAWS)
def test_drawn_patients_are_found(case):
    drawn = draw("brain_phantom", *DRAWS[case])
    assert alike(drawn.images, drawn.groups) >= 0.98


def test_many_drawn_patients_are_found():
    drawn = first_patients("brain_phantom", 400)
    assert alike(drawn.images, drawn.groups) >= 0.98


def test_of_few_patients_two_are_mistaken_for_one_in_one_draw_of_five_at_most():
    draws = [draw("brain_phantom", 64, 12, seed) for seed in (5, 0, 1, 2, 3)]
    agreement = sorted(alike(drawn.images, drawn.groups) for drawn in draws)
    assert agreement[0] > 0.85 and agreement[1] >= 0.98


@pytest.mark.parametrize("name", ["chest_phantom", "cervix_phantom", "findings_phantom"])
def test_visits_of_a_patient_are_not_found_by_pixels(name):
    """They differ in pose, breath and exposure, as real X-rays do: this needs patient numbers."""
    drawn = first_patients(name, 200)
    found = recover_patients(drawn.images)
    assert adjusted_rand_score(drawn.groups, found.groups) < 0.3
    assert exactly_recovered(found.groups, drawn.groups).sum() < 0.2 * 200
    assert not found.has_valley


def test_long_chains_hold_together_and_single_images_stay_alone(monkeypatch):
    monkeypatch.setattr(brain, "STEP", 2.0)  # millimetres: a series of thin slices
    many = replace(PHANTOMS["brain_phantom"], views=16)
    monkeypatch.setitem(PHANTOMS, "brain_phantom", many)
    drawn = draw("brain_phantom", 48, 40)
    found = recover_patients(drawn.images)
    assert adjusted_rand_score(drawn.groups, found.groups) >= 0.98
    alone = recover_patients(drawn.images[::16])  # one slice of each
    assert len(alone.sizes) == 40


def test_a_random_order_and_another_exposure_change_nothing():
    drawn = draw("brain_phantom", 48, 100)
    found = recover_patients(drawn.images)
    order = torch.randperm(len(drawn), generator=torch.Generator().manual_seed(0))
    darker = (drawn.images[order].float() * 0.8 + 10).round().to(torch.uint8)
    assert adjusted_rand_score(found.groups[order], recover_patients(darker).groups) > 0.98


def test_among_many_images_patients_are_found_as_well(monkeypatch):
    drawn = draw("brain_phantom", 48, 60, seed=3, views=8)
    exact = alike(drawn.images, drawn.groups)
    monkeypatch.setattr(links, "MANY", 100)
    assert alike(drawn.images, drawn.groups) > exact - 0.02


def test_the_tree_is_single_linkage():
    """Outside witness: scipy finds the same groups if non-neighbours are far apart."""
    images = draw("brain_phantom", 32, 16).images[:48]
    links, count = patient_links(images), 48
    apart = np.full((count, count), 9.0)
    sources, targets, ratios = links.edges()
    apart[sources, targets] = ratios
    apart = np.minimum(apart, apart.T)
    condensed = apart[np.triu_indices(count, 1)]
    for threshold in (0.45, 0.55, 0.65, 0.75):
        theirs = fcluster(linkage(condensed, "single"), threshold, "distance")
        assert adjusted_rand_score(theirs, recover_patients(images, threshold).groups) == 1


def shifted(pictures, right: float):
    """Moved by a part of a pixel, exactly, by the shift theorem."""
    wave = torch.fft.fftfreq(32)[None, None, :] * 2 * math.pi * right
    turned = torch.fft.fft2(pictures.view(-1, 32, 32)) * torch.exp(-1j * wave)
    return torch.fft.ifft2(turned).real.flatten(1)


def test_a_small_shift_costs_next_to_nothing_and_another_patient_as_much_as_before():
    pictures = normalise_exposure(draw("brain_phantom", 64, 12).images[::3])
    plain = (shifted(pictures, 0.5) - pictures).square().mean(1).sqrt()
    forgiven = tangent_distances(pictures, shifted(pictures, 0.5)[:, None])[:, 0]
    assert (forgiven < 0.45 * plain).all()
    others = pictures.roll(1, 0)
    plain = (others - pictures).square().mean(1).sqrt()
    kept = tangent_distances(pictures, others[:, None])[:, 0]
    assert (kept <= plain + 1e-5).all() and (kept > 0.6 * plain).all()


def test_exposure_changes_nothing():
    images = draw("brain_phantom", 32, 12).images.float()
    assert torch.allclose(
        normalise_exposure(images), normalise_exposure(0.7 * images + 20), atol=1e-4
    )


@pytest.mark.parametrize(("size", "patients", "seed"), [(32, 100, 1), (64, 20, 0), (64, 100, 5)])
def test_slices_show_patients_and_one_slice_of_each_does_not(size, patients, seed):
    drawn = draw("brain_phantom", size, patients, seed)
    assert recover_patients(drawn.images).has_valley
    assert not recover_patients(drawn.images[::3]).has_valley


SHORT, LONG = np.linspace(0.2, 0.4, 200), np.linspace(0.7, 0.9, 100)


@pytest.mark.parametrize(
    ("ratios", "valley"),
    [
        ([SHORT, LONG], True),
        ([LONG], False),  # nobody has two images
        ([SHORT], False),  # one chain
        ([np.zeros(200), LONG], False),  # copies
        ([np.linspace(0.2, 0.9, 400)], False),
        ([SHORT[::40], LONG], False),  # five links may be chance
        ([np.linspace(0.2, 0.9, 100), SHORT, LONG], True),
        ([[]], False),
    ],
)
def test_a_valley_is_deep_and_has_two_sides(ratios, valley):
    assert has_valley(np.concatenate(ratios), 0.55) is valley


@pytest.mark.parametrize("middle", [0.5, 0.6, 0.7])
def test_the_threshold_lies_in_the_gap(middle):
    rng = np.random.default_rng(0)
    ratios = np.concatenate(
        [rng.uniform(0.2, middle - 0.07, 500), rng.uniform(middle + 0.07, 1, 300)]
    )
    assert abs(lowest_density_threshold(ratios) - middle) < 0.04
    assert lowest_density_threshold(np.empty(0)) == pytest.approx(np.median(THRESHOLDS))


def test_patients_with_a_wide_margin_are_right_more_often():
    drawn = draw("brain_phantom", 32, 400)
    found = recover_patients(drawn.images, threshold=0.5)  # some patients are split here
    right = exactly_recovered(found.groups, drawn.groups)
    assert 10 < (~right).sum() < len(right) / 2
    assert found.margins[right].mean() > found.margins[~right].mean() + 0.02


def test_exact_is_neither_a_part_of_a_patient_nor_two():
    truth, found = [7, 7, 7, 4, 4, 9, 8, 8], [0, 0, 0, 1, 2, 3, 3, 3]
    assert exactly_recovered(torch.tensor(found), torch.tensor(truth)).tolist() == [
        True,
        False,
        False,
        False,
    ]
    assert exactly_recovered(torch.tensor(truth), torch.tensor(truth))[[4, 7, 8, 9]].all()


HARD = {  # images -> number of patients
    "none": (unrelated(0), 0),
    "one": (unrelated(1), 1),
    "all identical": (unrelated(1).repeat(70, 1, 1, 1), 1),
    "all black": (torch.zeros(60, 1, 40, 40, dtype=torch.uint8), 1),
    "unrelated": (unrelated(200), 200),
    "unrelated, in colour": (unrelated(200, channels=3), 200),
    "tiny": (unrelated(60, 9), 60),
    "pairs of copies": (unrelated(90).repeat(2, 1, 1, 1), 90),
    "more copies than neighbours": (
        torch.cat([unrelated(80), unrelated(1, seed=9).repeat(NEIGHBOURS + 20, 1, 1, 1)]),
        81,
    ),
}


@pytest.mark.parametrize("case", HARD)
def test_hard_cases(case):
    images, patients = HARD[case]
    found = recover_patients(images)
    assert len(found.sizes[found.sizes > 0]) == len(found.margins) == patients
    assert len(found.groups) == len(images) and np.isfinite(found.margins).all()
