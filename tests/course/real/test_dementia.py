"""The steps on slices of MRI."""

import pytest
from toy_study import toy_heads

from utils.course.real import dementia


@pytest.fixture(scope="module")
def heads(tmp_path_factory):
    return toy_heads(tmp_path_factory.mktemp("heads"))


def test_clean_scores_stand_beside_those_of_the_border(heads):
    found = dementia.clean_scores(heads)
    assert found["learned"] and found["scores"]["AUC"]["trainings"] == dementia.PARTITIONS
    assert found["images"] == {"slices": 72, "patients": 12}
    assert "border alone: AUC" in found["scores"]


def test_folds_by_image_flatter(heads):
    found = dementia.leakage(heads)
    assert found["differences"]["by image minus by patient"]["value"] >= 0
    assert found["scores"]["look-up after a split by image"]["value"] == 1
    leaky, honest = (found["scores"][f"folds by {unit}, AUC"] for unit in ("image", "patient"))
    assert leaky["trainings"] == honest["trainings"] == dementia.PARTITIONS
    assert leaky["value"] >= honest["value"]
    coin = found["differences"]["coin minus chance"]
    assert coin["trainings"] == dementia.COINS and abs(coin["value"]) < 0.5


def test_attacks_and_corruptions_have_their_controls(heads):
    attacked, noisy = dementia.under_attack(heads), dementia.corrupted(heads)
    left = [attacked["scores"][f"pgd {size}"]["value"] for size in dementia.SIZES]
    assert left == sorted(left, reverse=True) and "noise 4" in attacked["scores"]
    assert noisy["scores"]["clean"] == attacked["scores"]["clean"]
    assert attacked["learned"]


def test_half_of_the_patients_calibrate_and_the_others_are_new(heads):
    found = dementia.promises(heads)
    clean, moved = (found["scores"][f"coverage, {name}"] for name in ("clean", "moved"))
    assert clean["patients"] == moved["patients"] == 6
    lost = found["differences"]["coverage lost"]["value"]
    assert lost == pytest.approx(clean["value"] - moved["value"])
