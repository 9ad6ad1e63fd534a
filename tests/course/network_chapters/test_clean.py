"""What the chapters of a network share, on small data: tuned, trained, evaluated, recorded."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from small import small_splits

from utils.backbones.classifier import build
from utils.course.network_chapters.clean import Chapter, open_chapter
from utils.course.records import read_records
from utils.evaluation.comparisons.claims import Claim
from utils.evaluation.conditions import CLEAN
from utils.evaluation.predictions import pool_trainings
from utils.run import start_run
from utils.training.config import TrainConfig, for_weights
from utils.training.tuning import SearchSpace

PARAMETERS = {
    "DATASET": "small",
    "SIZE": 16,
    "BACKBONE": "gru_rows",
    "WEIGHTS": "random",
    "EPOCHS": 3,
    "PATIENCE": 0,
    "SEED": 0,
}


@pytest.fixture
def chapter(assets):
    return Chapter(start_run("rnn", "small", 0, device="cpu"), small_splits(), PARAMETERS)


@pytest.mark.slow
def test_a_chapter_leaves_a_record_of_what_it_shows(chapter, assets):
    tuning = chapter.tune(SearchSpace(2, 48, learning_rate=(1e-3, 5e-3), batch_size=(16,)))
    assert 1e-3 <= tuning.config.learning_rate <= 5e-3 and tuning.config.epochs == 3
    training = chapter.train(tuning.config)
    evaluation = chapter.evaluate(training.model)
    heat = chapter.localisation(training.model, evaluation)
    assert heat == {} and chapter.saliency(training.model, "gradient").axes
    found = Claim("Better than chance", "It learns.", "accuracy", "it", "chance").evaluate(
        pool_trainings([evaluation.predictions[CLEAN]] * 3), 1 / 3
    )
    chapter.record(training, evaluation, heat, [found])
    (record,) = read_records(assets)
    assert record.claims == [found.row] and found.row["trainings"] == 3
    kept = record.predictions["standard"][CLEAN]
    assert np.allclose(kept.probabilities, evaluation.predictions[CLEAN].probabilities, atol=1e-6)
    assert record.facts["parameters"] == PARAMETERS
    assert f"{evaluation.leakage.majority:.1%}" in evaluation.baselines
    assert "constant answer 33.3% in balanced accuracy" in evaluation.baselines
    assert list(evaluation.scores.index) == [str(name) for name in evaluation.predictions]


def test_published_weights_are_fine_tuned_and_random_ones_are_not(chapter, monkeypatch):
    seen = []

    def watched(model, splits, config, *rest):
        seen.append(config)
        raise InterruptedError

    monkeypatch.setattr("utils.course.network_chapters.clean.train_or_load", watched)
    monkeypatch.setattr(Chapter, "builder", property(lambda _: lambda: torch.nn.Identity()))
    config = TrainConfig(epochs=3)
    for chosen in ({}, {"WEIGHTS": "imagenet"}, {"WEIGHTS": "imagenet", "FROZEN": True}):
        with pytest.raises(InterruptedError):
            replace(chapter, parameters={**PARAMETERS, **chosen}).train(config)
    assert seen == [config, for_weights(config, "imagenet"), config]
    assert seen[1] != config


def test_a_small_set_is_named_below_its_scores(chapter):
    found = chapter.evaluate(build("gru_rows", 3, 16))
    assert "patients are tested; by folds" in found.baselines
    assert found.scores.note.endswith(found.note) and found.note
    assert "\n" not in replace(found, note="").baselines


def test_counts_add_up(chapter):
    counts = chapter.counts
    assert (counts[list(chapter.names)].sum(axis=1) == counts["total"]).all()
    assert counts.loc["train", "total"] == len(chapter.splits.train)


def test_a_chapter_opens_drawn_data_with_a_test_set_of_its_own(
    assets, tmp_path, monkeypatch, few_patients
):
    monkeypatch.setattr("utils.data.loading.VARIABLES", tmp_path / "variables")
    asked = {"DATASET": "brain_phantom", "SIZE": 32, "SEED": 0, "LIMIT": 20, "PER_PATIENT": 1}
    asked |= {"TEST_PATIENTS": 60, "ATTACKED_IMAGES": 12, "DATA_ROOT": ""}
    counts = open_chapter("resnet_atk", asked).counts
    assert counts["total"].to_dict() == {"train": 20, "validation": 12, "test": 60, "attacked": 12}
    assert set(counts.loc["test", list(counts.columns[:-1])]) == {15}
    assert set(counts.loc["attacked", list(counts.columns[:-1])]) == {3}


def test_the_builder_gives_the_same_network_each_time(chapter):
    first, second = (chapter.builder().state_dict() for _ in range(2))
    assert all((first[name] == second[name]).all() for name in first)
