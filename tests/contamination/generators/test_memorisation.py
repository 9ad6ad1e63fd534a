"""Copies are found however they were moved, mirrored or relit, and new images are not copies."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from small import soft_pictures

from utils.contamination.generators.memorisation import (
    aligned_distances,
    copy_ratios,
    memorisation_test,
)
from utils.contamination.planted_leaks import brighter, jpeg_copy
from utils.data.duplicates import nearest, small_grey


def shapes(count: int, seed: int) -> torch.Tensor:
    """Soft shapes around one middle picture, as registered images of different patients."""
    common, own = soft_pictures(1, 32, seed=99).float(), soft_pictures(count, 32, seed=seed).float()
    grain = torch.randn(own.shape, generator=torch.Generator().manual_seed(seed))
    return (0.4 * common + 0.6 * own + 6 * grain).clamp(0, 255).byte()


TRAIN, OTHERS, TEST = (shapes(120, seed) for seed in (1, 2, 3))
OF_TEST = copy_ratios(TEST, TRAIN, OTHERS)


def moved(images, down: int, across: int):
    """Moved, with the border repeated where nothing is known."""
    reach = 6
    wide = F.pad(images.float(), [reach] * 4, mode="replicate").byte()
    top, left = reach - down, reach - across
    return wide[..., top : top + 32, left : left + 32]


COPIES = {
    "identical": TRAIN,
    "moved by 1": moved(TRAIN, 0, 1),
    "moved by 2": moved(TRAIN, 2, -2),
    "moved by 4": moved(TRAIN, -4, 4),
    "mirrored": TRAIN.flip(-1),
    "mirrored and moved": moved(TRAIN.flip(-1), 2, 1),
    "brighter": brighter(TRAIN, 30),
    "saved as JPEG": jpeg_copy(TRAIN),
}


@pytest.mark.parametrize("change", COPIES)
def test_copies_are_found_whatever_was_done_to_them(change):
    found = memorisation_test(OF_TEST, copy_ratios(COPIES[change], TRAIN, OTHERS))
    assert found["memorised"] and found["copies"] > 0.95, found


def test_a_plain_distance_overlooks_a_copy_that_was_moved():
    """Why copies are aligned first: this is what the test would see otherwise."""
    bank = small_grey(TRAIN)
    plain, new = (nearest(small_grey(x), bank)[0][:, 0] for x in (COPIES["moved by 4"], TEST))
    assert (plain < new.kthvalue(2).values).float().mean() < 0.5


def test_five_percent_of_copies_are_found_and_the_smallest_share_is_said():
    mixed = torch.cat([moved(TRAIN[:6], 1, 2), shapes(114, seed=7)])
    found = memorisation_test(OF_TEST, copy_ratios(mixed, TRAIN, OTHERS))
    assert found["memorised"] and found["smallest found"] <= 0.05
    few = round(found["smallest found"] * 120)
    for count, verdict in ((few, True), (few - 1, False)):
        ratios = torch.cat([torch.zeros(count), torch.full((120 - count,), 2.0)])
        assert memorisation_test(OF_TEST, ratios)["memorised"] == verdict


@pytest.mark.parametrize("how", ["sharp", "blurred"])
def test_new_images_are_rarely_called_copies(how):
    verdicts = []
    for seed in range(20, 60):
        train, others, test, new = (shapes(40, 10 * seed + part) for part in range(4))
        if how == "blurred":  # nearer to every image, to those of training no more than to others
            new = F.avg_pool2d(new.float(), 3, 1, 1).byte()
        ratios = [copy_ratios(images, train, others) for images in (test, new)]
        verdicts.append(memorisation_test(*ratios)["memorised"])
    assert sum(verdicts) <= 5  # one of 40 expected, at most


def test_the_distance_is_that_of_the_best_correlation():
    image = TEST[:1]
    assert aligned_distances(image, image).item() == pytest.approx(0, abs=1e-3)
    assert aligned_distances(image, brighter(image, 20)).item() == pytest.approx(0, abs=0.05)
    middle = image[0, 0, 4:-4, 4:-4].flatten().numpy()
    best = max(
        np.corrcoef(middle, part[top : top + 24, left : left + 24].flatten())[0, 1]
        for part in (TRAIN[0, 0].numpy(), TRAIN[0, 0].flip(-1).numpy())
        for top in range(9)
        for left in range(9)
    )
    found = aligned_distances(image, TRAIN[:1]).item()
    assert found == pytest.approx(np.sqrt(2 - 2 * best), abs=1e-4)


def test_a_blank_image_has_a_distance():
    assert torch.isfinite(aligned_distances(torch.zeros_like(TEST[:2]), TRAIN)).all()
