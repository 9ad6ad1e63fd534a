"""Gaps between populations."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from small import random_predictions, soft_pictures

from utils.course.real.networks import Study
from utils.course.real.other_patients import apart, kinds_of_files, official_test, other_patients
from utils.data.split import Split, Splits
from utils.evaluation.predictions import pool_trainings


def test_a_gap_is_that_of_the_scores_with_an_interval_of_both_sides():
    first = pool_trainings([random_predictions(seed) for seed in range(3)])
    second = pool_trainings([random_predictions(seed, skill=0) for seed in range(3, 6)])
    gap = apart(first, second, "balanced accuracy")
    assert gap["low"] < gap["value"] < gap["high"] and gap["trainings"] == 3
    same = apart(first, replace(first, groups=first.groups + 1000), "balanced accuracy")
    assert same["value"] == 0 and same["low"] < 0 < same["high"]


def test_held_out_patients_stand_beside_the_official_test(study):
    found = other_patients(study)
    score = {name: row["value"] for name, row in found["scores"].items()}
    sides = [score[f"balanced accuracy, {who}"] for who in ("held-out training patients",
                                                            "official test")]  # fmt: skip
    gap = found["differences"]["balanced accuracy, held out minus official"]["value"]
    assert gap == pytest.approx(sides[0] - sides[1])


def test_drawn_images_need_the_same_classes(study):
    with pytest.raises(ValueError, match="chest_phantom has the classes .*choose another"):
        other_patients(study, "chest_phantom")


def test_files_of_one_kind_are_left_out_of_training(study: Study):
    found = kinds_of_files(study)
    assert set(found["differences"]) == {"IM- known minus NORMAL2-", "NORMAL2- known minus IM-"}
    assert all(np.isfinite(row["value"]) for row in found["scores"].values())


def tiny_and_squeezed(seed: int, ratio: float, count: int = 8) -> tuple[Split, Split]:
    """The middle squares of wide or high pictures, and these pictures squeezed to squares."""
    height, width = (96, round(96 * ratio)) if ratio > 1 else (round(96 / ratio), 96)
    whole, side = soft_pictures(count, (height, width), seed=seed).float(), min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    middle = whole[..., top : top + side, left : left + side]
    shown = [
        F.interpolate(each, (size, size), mode="bilinear", antialias=True).round().to(torch.uint8)
        for each, size in ((middle, 28), (whole, 112))
    ]
    return tuple(Split(each, torch.arange(count) % 2, ("a", "b")) for each in shown)


def test_tiny_images_are_found_among_squeezed_files_of_unknown_proportions():
    parts = [tiny_and_squeezed(seed, ratio) for seed, ratio in enumerate((1.47, 0.9, 1.83))]
    tiny, files = (Splits(*each) for each in zip(*parts, strict=True))
    name = "{} images like an official test file"
    swapped = replace(tiny, train=tiny.test, test=tiny.train)
    for small, expected in ((tiny, (1, 0)), (swapped, (0, 1))):
        found = official_test(small, files)["scores"]
        assert tuple(found[name.format(part)]["value"] for part in ("test", "train")) == expected
        assert found[name.format("test")]["patients"] == 8
