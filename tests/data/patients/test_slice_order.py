"""Slices are put in order by their pixels alone, in the same direction for every patient."""

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from utils.data.patients.slice_order import slice_heights
from utils.data.split import Split

PATIENTS, SLICES = 12, 10


def volumes(seed: int = 0) -> tuple[Split, np.ndarray]:
    """A disc that shrinks along the body, with a pattern of its own in each patient; shuffled."""
    random = torch.Generator().manual_seed(seed)
    down, across = torch.meshgrid(*[torch.linspace(-1, 1, 32)] * 2, indexing="ij")
    patient = torch.arange(PATIENTS).repeat_interleave(SLICES)
    height = torch.linspace(0, 1, SLICES).repeat(PATIENTS)
    discs = (down**2 + across**2).sqrt() < (0.9 - 0.5 * height)[:, None, None]
    patterns = torch.rand(PATIENTS, 32, 32, generator=random)[patient]
    images = (255 * (0.6 * discs + 0.4 * patterns)).to(torch.uint8)[:, None]
    order = torch.randperm(len(images), generator=random)
    split = Split(images, patient % 2, ("a", "b"), groups=patient)
    return split.take(order), height[order].numpy()


def test_heights_follow_the_slices_of_every_patient_in_one_direction():
    split, truth = volumes()
    found = slice_heights(split)
    agreement = [
        spearmanr(found[split.patients == patient], truth[split.patients == patient])[0]
        for patient in range(PATIENTS)
    ]
    assert abs(np.mean(agreement)) > 0.99
    assert len(set(np.sign(agreement))) == 1


def test_heights_depend_on_no_label_and_on_no_order():
    split, _ = volumes()
    found = slice_heights(split)
    again = slice_heights(split.take(np.arange(len(split))[::-1].copy()))
    assert again[::-1] == pytest.approx(found, abs=1e-6)
    swapped = Split(split.images, 1 - split.labels, ("a", "b"), groups=split.groups)
    assert np.array_equal(slice_heights(swapped), found)
