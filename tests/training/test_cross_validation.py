"""Every patient is tested once, by a model that has not met them, whatever ran before."""

import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from small import small_network, small_split

from utils import HOME
from utils.backbones.classifier import build
from utils.data.split import Splits
from utils.evaluation.inference import features
from utils.evaluation.predictions import Predictions
from utils.training.config import TrainConfig
from utils.training.cross_validation import (
    FittedNetwork,
    FittedProbe,
    cross_validated,
    fold_splits,
    folds_of,
    out_of_fold_probabilities,
    small_set,
)
from utils.training.features import folded_probe
from utils.training.trainer import Trainer

SPLIT = small_split(60)
CONFIG = TrainConfig(epochs=3, batch_size=16, learning_rate=0.02)  # augmented: it draws numbers


def network(folder) -> FittedNetwork:
    return FittedNetwork(small_network, CONFIG, folder)


class Probe:
    """Keeps the folds that it was given and draws its answers."""

    def __init__(self):
        self.seen: list[Splits] = []

    def __call__(self, splits: Splits) -> Predictions:
        self.seen.append(splits)
        test = splits.test
        drawn = torch.rand(len(test), test.classes).numpy()
        return Predictions(test.labels.numpy(), drawn, test.patients, test.class_names)


@pytest.mark.parametrize("folds", [2, 5])
def test_every_patient_is_tested_once_and_on_no_other_side(folds):
    probe = Probe()
    found = cross_validated(SPLIT, probe, folds)
    assert len(probe.seen) == folds and np.isfinite(found.probabilities).all()
    assert np.array_equal(found.labels, SPLIT.labels.numpy())
    assert np.array_equal(found.groups, SPLIT.patients)
    tested = np.concatenate([np.unique(each.test.patients) for each in probe.seen])
    assert sorted(tested) == sorted(np.unique(SPLIT.patients))
    for each in probe.seen:
        train, validation, test = (set(part.patients) for _, part in each.items())
        assert not train & validation and not train & test and not validation & test
        assert len(train | validation | test) == len(np.unique(SPLIT.patients))


def test_each_fold_has_its_share_of_each_class():
    split = small_split(300)
    for part in folds_of(split, 5):
        counts = np.bincount(split.labels.numpy()[part], minlength=3)
        assert (np.abs(counts - 20) <= 2).all(), counts


def test_a_row_is_the_answer_for_its_image():
    class Named:
        def __call__(self, splits: Splits) -> Predictions:
            test = splits.test
            brightness = test.images.float().mean((1, 2, 3)).numpy()
            rows = np.stack([brightness, brightness, brightness], 1)
            return Predictions(test.labels.numpy(), rows, test.patients, test.class_names)

    found = cross_validated(SPLIT, Named())
    expected = SPLIT.images.float().mean((1, 2, 3)).numpy()
    assert found.probabilities[:, 0] == pytest.approx(expected)


def test_stopped_and_resumed_equals_never_stopped(tmp_path, monkeypatch):
    straight = cross_validated(SPLIT, network(tmp_path / "straight"), 3)
    epochs, whole = [], Trainer._pass

    def stops(*arguments):
        epochs.append(arguments)
        if len(epochs) == 5:  # in the second fold
            raise KeyboardInterrupt
        return whole(*arguments)

    monkeypatch.setattr(Trainer, "_pass", stops)
    with pytest.raises(KeyboardInterrupt):
        cross_validated(SPLIT, network(tmp_path / "stopped"), 3)
    torch.manual_seed(99)
    resumed = cross_validated(SPLIT, network(tmp_path / "stopped"), 3)
    assert np.array_equal(straight.probabilities, resumed.probabilities)
    assert len(epochs) == 5 + 5  # the first fold and an epoch of the second are not repeated


def test_a_fold_depends_on_no_other(tmp_path):
    whole = cross_validated(SPLIT, network(tmp_path / "whole"), 3)
    for number in (2, 0, 1):  # in another order, after other random numbers
        torch.rand(number + 1)
        part = folds_of(SPLIT, 3)[number]
        with torch.random.fork_rng():
            torch.manual_seed(number)
            alone = network(tmp_path / f"alone {number}")(fold_splits(SPLIT, part))
        assert np.array_equal(whole.probabilities[part], alone.probabilities)


def test_the_callers_randomness_is_left_alone_and_does_not_matter():
    torch.manual_seed(7)
    first, after = cross_validated(SPLIT, Probe()), torch.rand(3)
    torch.manual_seed(7)
    assert torch.equal(after, torch.rand(3))
    assert np.array_equal(first.probabilities, cross_validated(SPLIT, Probe()).probabilities)
    other = cross_validated(SPLIT, Probe(), seed=1)
    assert not np.array_equal(first.probabilities, other.probabilities)


@pytest.mark.parametrize("folds", [1, 16])
def test_a_wrong_number_of_folds_is_refused(folds):
    with pytest.raises(ValueError, match=f"30 patients make 2 to 15 folds, got {folds}"):
        cross_validated(SPLIT, Probe(), folds)


def test_images_without_patients_are_patients_of_their_own():
    split = replace(SPLIT, groups=None)
    assert len(np.unique(cross_validated(split, Probe()).groups)) == len(split)


def test_a_probe_of_each_fold_is_fitted_to_the_features_of_its_images():
    model = build("gru_rows", SPLIT.classes, SPLIT.size)
    found = cross_validated(SPLIT, FittedProbe(features(model, SPLIT), SPLIT), 3)
    for part in folds_of(SPLIT, 3):
        known, test = SPLIT.take(np.setdiff1d(np.arange(len(SPLIT)), part)), SPLIT.take(part)
        probe = folded_probe(features(model, known), known)
        expected = probe.predict(features(model, test), test).probabilities
        assert found.probabilities[part] == pytest.approx(expected, abs=1e-4)


def test_no_image_is_predicted_by_a_head_that_met_its_patient(monkeypatch):
    learned = []

    def watched(rows, split, strengths):
        learned.append(set(split.patients))
        assert np.array_equal(rows[:, 0], split.images.flatten(1)[:, 0].numpy())
        return folded_probe(rows, split, strengths)

    monkeypatch.setattr("utils.training.cross_validation.folded_probe", watched)
    rows = SPLIT.images.flatten(1).float().numpy()
    found = out_of_fold_probabilities(rows, SPLIT, 0.1, folds=3)
    left_out = [set(SPLIT.patients) - known for known in learned]
    assert len(learned) == 3 and set.union(*left_out) == set(SPLIT.patients)
    assert sum(map(len, left_out)) == len(np.unique(SPLIT.patients))
    assert found.sum(1) == pytest.approx(1)


def test_a_small_set_is_named_and_a_large_one_is_not():
    splits = fold_splits(SPLIT, folds_of(SPLIT, 5)[0])
    every, tested = (len(np.unique(part.patients)) for part in (SPLIT, splits.test))
    assert f"{tested} of {every} patients are tested; by folds" in small_set(splits)
    many = replace(SPLIT, groups=torch.arange(len(SPLIT)))
    apart = replace(splits, test=many.take(np.resize(np.arange(len(many)), 500)))
    apart = replace(apart, test=replace(apart.test, groups=1000 + torch.arange(500)))
    assert small_set(apart) == ""


def test_the_lines_of_the_manual_work(tmp_path, capsys):
    """Those on few patients in dataset/README.md, on a small set."""
    manual = (HOME / "dataset/README.md").read_text(encoding="utf-8")
    (lines,) = re.findall(r"### Few patients.*?```python\n(.*?)```", manual, re.DOTALL)
    whole = SimpleNamespace(all_images=SPLIT)
    changes = {"/data/folds": str(tmp_path), '"resnet18"': '"gru_rows"', "112": "16"}
    for before, after in {**changes, "epochs=10": "epochs=1"}.items():
        assert before in lines
        lines = lines.replace(before, after)
    lines = lines.replace("from utils.data import load\n", "")
    exec(lines, {"load": lambda *_: whole})
    assert re.match(r"\d+\.\d \(\d+\.\d to \d+\.\d\)", capsys.readouterr().out)
