"""Clean scores, calibration, corruptions and promises of a study."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
from small import random_predictions

from utils.course.real.clean_scores import (
    calibration,
    clean_scores,
    corrupted,
    finding_or_none,
    promises,
)
from utils.course.real.networks import Study


def constant_study(study: Study) -> Study:
    """Networks whose heads see nothing."""
    blind = Study(study.real, study.parts, study.folder)
    models = [deepcopy(model) for model in study.standard]
    for model in models:
        model.head.weight.data.zero_()
    vars(blind)["standard"] = models
    return blind


def test_networks_that_have_learned_are_told_from_constant_ones(study):
    found = clean_scores(study)
    assert found["learned"] and found["scores"]["balanced accuracy"]["value"] > 0.8
    assert not [flag for flag in found["flags"] if "majority" in flag["flag"]]
    blind = clean_scores(constant_study(study))
    assert not blind["learned"] and blind["scores"]["balanced accuracy"]["value"] < 0.4
    assert "one prediction for every image" not in str(found["flags"])
    assert "no better than the majority class" in str(blind["flags"])


def test_any_finding_is_the_sum_of_all_but_the_first():
    found = random_predictions(0)
    both = finding_or_none(found)
    assert np.allclose(both.probabilities[:, 1], found.probabilities[:, 1:].sum(1))
    assert (both.labels == (found.labels > 0)).all()


def test_one_temperature_for_each_training(study):
    found = calibration(study)
    assert len(found["temperatures"]) == 2 and min(found["temperatures"]) > 0
    gap = found["scores"]["before"]["value"] - found["scores"]["after"]["value"]
    assert found["differences"]["before minus after"]["value"] == pytest.approx(gap)


def test_the_mean_is_that_of_the_families_and_the_worst_loses_most(study):
    found = corrupted(study)
    lost = {name: row["value"] for name, row in found["differences"].items() if "clean" in name}
    assert found["differences"][f"clean minus {found['worst']}"]["value"] == max(lost.values())
    names = [name.removeprefix("clean minus ") for name in lost]
    each = [found["scores"][name]["value"] for name in names]
    assert found["scores"]["mean"]["value"] == pytest.approx(np.mean(each))


def test_two_entrances_of_noise_are_compared_only_where_files_are_shrunk(study):
    whole = replace(study.parts, small=study.parts.files)
    same = Study(replace(study.real, size=study.real.file_size), whole, study.folder)
    vars(same)["standard"] = study.standard
    assert "file minus small" in corrupted(study)["differences"]
    assert "file minus small" not in corrupted(same)["differences"]


def test_coverage_is_lost_by_as_much_as_it_falls(study):
    found = promises(study)
    clean, moved = (found["scores"][f"coverage, {name}"]["value"] for name in ("clean", "moved"))
    assert found["differences"]["coverage lost"]["value"] == pytest.approx(clean - moved)
