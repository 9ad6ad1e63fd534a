"""Planted shortcuts are found, and where there is none nothing is flagged."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from small import small_split

from utils.audit import shortcuts
from utils.audit.shortcuts import (
    ALL,
    FACTS,
    cv_predict_from_features,
    file_facts,
    grouped_auc,
    image_facts,
    one_against_rest,
)
from utils.contamination.planted_leaks import with_bright_border
from utils.data.phantoms import draw
from utils.data.split import Split
from utils.evaluation.predictions import Predictions
from utils.evaluation.resampling import ALPHA
from utils.evaluation.roc import roc_scores


def split_of(labels, groups=None, channels: int = 1) -> Split:
    labels = torch.as_tensor(labels)
    images = torch.zeros(len(labels), channels, 16, 16, dtype=torch.uint8)
    names = tuple(f"class {label}" for label in range(int(labels.max()) + 1))
    return Split(images, labels, names, groups)


def told(facts: pd.DataFrame, split: Split) -> pd.DataFrame:
    return one_against_rest(facts, split).set_index("fact")


RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 2, 300)
SINGLE_FACTS = {  # a fact -> whether it predicts the class
    "the class itself": (LABELS, True),
    "the class, upside down": (-LABELS, True),
    "the class in noise": (LABELS + RNG.normal(0, 1, 300), True),
    "both ends": (np.where(LABELS, RNG.choice([-3, 3], 300), 0) + RNG.normal(0, 0.5, 300), True),
    "noise": (RNG.normal(0, 1, 300), False),
    "nothing": (np.zeros(300), False),
}


@pytest.mark.parametrize("name", SINGLE_FACTS)
def test_a_fact_predicts_what_is_in_it(name):
    fact, predictive = SINGLE_FACTS[name]
    row = told(pd.DataFrame({name: fact}), split_of(LABELS)).loc[name]
    assert (row["low"] > 0.5) == (row["p"] < ALPHA) == predictive
    assert row["low"] <= row["AUC"] <= row["high"]
    if name.startswith("the class") and "noise" not in name:
        assert row["AUC"] == 1 > row["low"]


def test_a_patients_own_fact_is_no_shortcut_to_others():
    """With folds that split patients, each patient would be recognised by the number."""
    groups = torch.arange(80).repeat_interleave(10)
    labels = torch.from_numpy(np.random.default_rng(1).integers(0, 2, 80))[groups]
    own = pd.DataFrame({"own": groups.numpy() * 1.0})
    grouped = told(own, split_of(labels, groups)).loc["own"]
    torn = told(own, split_of(labels)).loc["own"]
    assert grouped["low"] < 0.5 and torn["AUC"] > 0.9


def test_a_planted_border_is_found_and_no_other_fact_changes():
    drawn = draw("brain_phantom", 32, 120)
    before = told(image_facts(drawn.images), drawn)
    after = told(image_facts(with_bright_border(drawn, 0, by=20).images), drawn)
    assert before.loc["border", "p"] > ALPHA > after.loc["border", "p"]
    assert after.loc["border", "class"] == drawn.class_names[0]
    assert after.loc["border", "AUC"] > before.loc["border", "AUC"] + 0.1
    assert after.loc[ALL, "AUC"] > before.loc[ALL, "AUC"]
    assert abs(after.loc["contrast", "AUC"] - before.loc["contrast", "AUC"]) < 0.1


def test_facts_are_what_they_are_called():
    images = torch.zeros(3, 1, 32, 32, dtype=torch.uint8)
    images[1] = 100
    images[2, :, :2] = images[2, :, -2:] = images[2, :, :, :2] = images[2, :, :, -2:] = 50
    facts = image_facts(images)
    assert list(facts) == list(FACTS) and facts["brightness"].tolist()[:2] == [0, 100]
    assert facts["border"].tolist() == [0, 100, 50]
    assert facts["grain in the border"].tolist() == [0, 0, 0]
    assert facts["sharpness"][1] == 0 < facts["sharpness"][2]


@pytest.mark.parametrize("shape", [(4, 3, 16, 16), (4, 1, 9, 9), (1, 1, 8, 8)])
def test_facts_of_any_images(shape):
    images = torch.zeros(shape, dtype=torch.uint8)
    facts = image_facts(images)
    assert len(facts) == len(images) and np.isfinite(facts.to_numpy()).all()


def test_files_have_facts_and_drawn_images_none(tmp_path):
    for number, size in enumerate([(20, 10), (30, 40)]):
        Image.new("L", size).save(tmp_path / f"{number}.png")
    files = tuple(str(tmp_path / f"{number}.png") for number in (0, 1))
    images = Split(torch.zeros(2, 1, 8, 8).byte(), torch.tensor([0, 1]), ("a", "b"), files=files)
    facts = file_facts(images)
    assert facts[["width", "height"]].to_numpy().tolist() == [[20, 10], [30, 40]]
    assert facts["bytes of the file"][0] == (tmp_path / "0.png").stat().st_size
    assert file_facts(replace(images, files=None)).shape == (2, 0)


def test_every_image_is_predicted_out_of_fold():
    split = small_split(60)
    found = cv_predict_from_features(image_facts(split.images), split)
    assert np.allclose(found.probabilities.sum(1), 1) and found.accuracy > 0.6


REFUSED = {
    "one class": (split_of([0] * 9), "at least two classes"),
    "one patient of a class": (split_of([0, 0, 0, 1]), "two patients each"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_impossible_requests_are_refused(case):
    split, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        told(pd.DataFrame({"fact": np.zeros(len(split))}), split)


def test_the_grouped_auc_agrees_with_the_bootstrap():
    rng = np.random.default_rng(0)
    positive, groups = rng.random(300) < 0.3, rng.integers(0, 80, 300)
    score = positive + rng.normal(0, 1, 300) + rng.normal(0, 0.5, 80)[groups]
    found = grouped_auc(score, positive, groups)
    drawn = roc_scores(score, positive, groups).loc["AUROC"]
    assert np.isclose(found.value, drawn["value"])
    assert abs(found.low - drawn["low"]) < 0.02 and abs(found.high - drawn["high"]) < 0.02
    sure = grouped_auc(positive * 1.0, positive, np.arange(300))
    assert sure.value == 1 and 0.9 < sure.low < 1


def test_one_class_against_the_rest_is_not_averaged():
    labels = np.repeat([0, 1, 2], 60)
    facts = pd.DataFrame({"width": labels == 2, "nothing": np.arange(180) % 7})
    table = one_against_rest(facts, split_of(labels)).set_index("fact")
    row = table.loc["width"]
    assert (row["class"], row["AUC"]) == ("class 2", 1) and row["p"] < 1e-3
    assert table.loc["nothing", "p"] > 0.05 and len(table) == 3
    assert one_against_rest(facts, split_of(labels), knows_patients=False)["p"].isna().all()


def test_of_unknown_patients_many_useless_facts_rarely_tell_a_class(monkeypatch):
    """The intervals hold for all facts and classes at once."""

    def knows_nothing(facts, split, seed):
        probabilities = rng.dirichlet(np.ones(3), len(split))
        return Predictions(split.labels.numpy(), probabilities, split.patients, split.class_names)

    monkeypatch.setattr(shortcuts, "cv_predict_from_features", knows_nothing)
    rng = np.random.default_rng(0)
    split = split_of(rng.integers(0, 3, 150))
    useless = pd.DataFrame(rng.normal(size=(150, 11)))
    bounds = [one_against_rest(useless, split, False)["low"].max() for _ in range(30)]
    assert np.mean(np.array(bounds) > 0.5) < 0.15


def test_a_clear_shortcut_is_told_without_known_patients():
    rng = np.random.default_rng(0)
    facts = pd.DataFrame({"width": LABELS, "nothing": rng.normal(size=300)})
    known, unknown = (one_against_rest(facts, split_of(LABELS), k) for k in (True, False))
    known, unknown = (table.set_index("fact").loc["width"] for table in (known, unknown))
    assert 0.9 < unknown["low"] < known["low"] < unknown["AUC"] == 1
