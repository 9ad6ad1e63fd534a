"""Gaps between populations."""

from dataclasses import replace

import numpy as np
import pytest
from small import random_predictions

from utils.course.real.networks import Study
from utils.course.real.other_patients import apart, kinds_of_files, other_patients
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
