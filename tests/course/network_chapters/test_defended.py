"""Adversarially trained twins: tuned on their own objective, trained from the twin's weights."""

from dataclasses import replace

import pytest
import torch
from small import small_splits, weights_of

from utils.backbones.classifier import build
from utils.course.network_chapters.clean import Chapter
from utils.course.network_chapters.defended import defend, loss_of, seeds_of_pairs, train_pairs
from utils.course.trained_models import TrainedModel
from utils.run import start_run
from utils.training.config import TrainConfig
from utils.training.loop import train_or_load
from utils.training.tuning import SearchSpace

PARAMETERS = {
    "SEED": 0,
    "EPSILON": 8,
    "ADVERSARIAL_WEIGHT": 0.5,
    "GROW": 1,
    "ADVERSARIAL_IMAGES": 0,
    "ADVERSARIAL_EPOCHS": 2,
    "PER_PATIENT": 0,
    "LESSON_STEPS": 3,
    "JUDGED_IMAGES": 0,
}


@pytest.fixture
def chapter(assets):
    return Chapter(start_run("rnn_atk", "small", 0, device="cpu"), small_splits(), PARAMETERS)


def test_the_loss_follows_the_parameters(chapter):
    loss = loss_of(chapter)
    assert loss.weight == 0.5 and loss.attack.steps == 3
    assert loss.attack.epsilon == pytest.approx(8 / 255)


def test_every_class_counts_the_same_in_the_loss(chapter):
    counts = chapter.splits.train.counts
    shares = counts * counts.new_tensor(loss_of(chapter).own.class_weights, dtype=float)
    assert shares.tolist() == pytest.approx([shares.mean().item()] * len(shares))


@pytest.mark.slow
def test_a_defence_is_trained_and_leaves_the_twin_alone(chapter):
    model = build("gru_rows", 3, 16)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    twin = TrainedModel(model, TrainConfig(epochs=2, batch_size=16), {}, "rnn")
    search = SearchSpace(1, 32, epochs=1, learning_rate=(1e-3, 2e-3), batch_size=(16,))
    found = defend(chapter, twin, search)
    assert set(found.models) == set(found.histories) == {"adversarial"}
    assert [figure.axes != [] for figure in found.figures.values()] == [True]
    assert all(len(history) == 2 for history in found.histories.values())
    assert all((model.state_dict()[name] == value).all() for name, value in before.items())
    assert set(found.kept) == set(found.models) and isinstance(found.collapsed, list)


@pytest.mark.slow
def test_a_learning_rate_stands_in_place_of_a_search(chapter):
    twin = TrainedModel(build("gru_rows", 3, 16), TrainConfig(epochs=5, batch_size=16), {}, "rnn")
    found = defend(chapter, twin, 2e-3)
    hidden = [{"epoch": 0, "one_step": 0.9, "score": 0.1}]
    assert replace(found, histories={"adversarial": hidden}).collapsed == [1]
    assert found.config == TrainConfig(epochs=2, batch_size=16, learning_rate=2e-3)
    assert found.chosen == {"learning_rate": 2e-3}


@pytest.mark.slow
def test_a_pair_has_weights_of_its_own_and_begins_with_its_standard_network(chapter, monkeypatch):
    parameters = {"BACKBONE": "gru_rows", "WEIGHTS": "random"}
    config = TrainConfig(epochs=2, batch_size=16)
    twin, seen = TrainedModel(build("gru_rows", 3, 16), config, parameters, "rnn"), []

    def watched(model, splits, plan, *rest):
        seen.append((weights_of(model), plan))
        return train_or_load(model, splits, plan, *rest)

    monkeypatch.setattr("utils.course.network_chapters.defended.train_or_load", watched)
    pairs = train_pairs(chapter, twin, replace(config, epochs=1), 2, epochs=3)
    assert [len(side) for side in pairs.values()] == [2, 2]
    assert [plan.epochs for _, plan in seen] == [3, 1, 3, 1]
    assert [plan.seed for _, plan in seen] == [1000, 1000, 1001, 1001]
    for number, standard in enumerate(pairs["standard"]):
        assert torch.equal(weights_of(standard), seen[2 * number + 1][0])
        assert not torch.equal(weights_of(standard), weights_of(pairs["adversarial"][number]))
    assert not torch.equal(seen[0][0], seen[2][0])


def test_no_training_of_one_seed_is_that_of_another():
    rows = [{seed, *seeds_of_pairs(seed, 9)} for seed in range(5)]
    assert len(set().union(*rows)) == sum(map(len, rows)) == 50
