"""Adversarially trained twins: tuned on their own objective, trained from the twin's weights."""

import pytest
from small import small_splits

from utils.backbones import build
from utils.course.defended_models import defend, losses_of
from utils.course.network_chapter import Chapter
from utils.course.trained_models import TrainedModel
from utils.run import start_run
from utils.training.config import TrainConfig
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


def test_losses_follow_the_parameters(chapter):
    losses = losses_of(chapter)
    assert losses["adversarial"].weight == 0.5 and losses["adversarial"].attack.steps == 3
    assert losses["fast"].attack.epsilon == pytest.approx(10 / 255, rel=0.3)


def test_every_class_counts_the_same_in_both_losses(chapter):
    counts = chapter.splits.train.counts
    for loss in losses_of(chapter).values():
        shares = counts * counts.new_tensor(loss.own.class_weights, dtype=float)
        assert shares.tolist() == pytest.approx([shares.mean().item()] * len(shares))


@pytest.mark.slow
def test_both_defences_are_trained_and_leave_the_twin_alone(chapter):
    model = build("gru_rows", 3, 16)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    twin = TrainedModel(model, TrainConfig(epochs=2, batch_size=16), {}, "rnn")
    search = SearchSpace(1, 32, epochs=1, learning_rate=(1e-3, 2e-3), batch_size=(16,))
    found = defend(chapter, twin, search)
    assert set(found.models) == set(found.histories) == {"adversarial", "fast"}
    assert [figure.axes != [] for figure in found.figures.values()] == [True]  # one for both
    assert all(len(history) == 2 for history in found.histories.values())
    assert all((model.state_dict()[name] == value).all() for name, value in before.items())
    assert set(found.kept) == set(found.models) and isinstance(found.collapsed, list)


@pytest.mark.slow
def test_one_kind_is_trained_with_a_learning_rate_in_place_of_a_search(chapter):
    twin = TrainedModel(build("gru_rows", 3, 16), TrainConfig(epochs=5, batch_size=16), {}, "rnn")
    found = defend(chapter, twin, 2e-3, kinds=("adversarial",))
    assert set(found.models) == {"adversarial"} and found.collapsed == []
    assert found.config == TrainConfig(epochs=2, batch_size=16, learning_rate=2e-3)
    assert found.chosen == {"learning_rate": 2e-3}
