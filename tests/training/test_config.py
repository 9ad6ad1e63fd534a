"""A wrong setting is refused when the configuration is made."""

from dataclasses import replace

import pytest

from utils.course.real.networks import TRAINING
from utils.training.config import TrainConfig, for_more, for_weights


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("epochs", 0, "^epochs must be at least 1, got 0$"),
        ("batch_size", 1, "^batch_size must be at least 2, got 1$"),
        ("patience", -1, "^patience must be at least 0, got -1$"),
        ("learning_rate", -1.0, "^learning_rate must be positive, got -1.0$"),
        ("learning_rate", float("nan"), "^learning_rate must be positive"),
        ("head_rate", 0.0, "^head_rate must be positive, got 0.0$"),
        ("warmup", -1, "^warmup must be at least 0, got -1$"),
        ("head_epochs", -1, "^head_epochs must be at least 0, got -1$"),
        ("ema", 1.0, "^ema must be at least 0 and below 1, got 1.0$"),
        ("ema", float("nan"), "^ema must be at least 0"),
        ("optimizer", "adm", "^unknown optimizer 'adm'; choose from"),
        ("schedule", "cos", "^unknown schedule 'cos'; choose from"),
    ],
)
def test_a_wrong_setting_is_refused_when_made(name, wrong, message):
    with pytest.raises(ValueError, match=message):
        TrainConfig(**{name: wrong})


@pytest.mark.parametrize("settings", [{"epochs": 3, "warmup": 3}, {"schedule": "plateau"}])
def test_a_rise_needs_epochs_after_it_and_a_schedule_of_steps(settings):
    with pytest.raises(ValueError, match="epochs of warmup need more epochs"):
        TrainConfig(**{"warmup": 1, **settings})
    assert TrainConfig(**{**settings, "warmup": 0})


@pytest.mark.parametrize(
    ("weights", "frozen", "changed"),
    [
        ("random", False, {}),
        ("imagenet", True, {}),
        ("imagenet", False, {"head_rate": 10, "ema": 0.998, "warmup": 1}),
        ("/path/to/weights.pth", False, {"head_rate": 10, "ema": 0.998, "warmup": 1}),
    ],
)
def test_weights_that_have_learned_before_are_fine_tuned(weights, frozen, changed):
    config = TrainConfig(epochs=5, seed=3)
    found = for_weights(config, weights, frozen)
    assert found == replace(config, **changed)
    assert for_weights(found, weights, frozen) == found  # a search and the training after it


@pytest.mark.parametrize("settings", [{"schedule": "one_cycle"}, {"schedule": "plateau"}])
def test_a_rate_that_rises_or_follows_no_plan_gets_no_warmup(settings):
    assert for_weights(TrainConfig(epochs=5, **settings), "pretrained").warmup == 0
    assert for_weights(TrainConfig(epochs=1), "pretrained").warmup == 0


def test_the_networks_on_real_images_are_fine_tuned_in_the_same_way():
    plain = replace(TRAINING, head_rate=1.0, ema=0.0)
    assert for_weights(plain, "imagenet") == TRAINING != plain


def test_a_network_that_goes_on_learning_has_no_new_head():
    config = TrainConfig(epochs=5)
    assert for_more(config) == config
    found = for_more(for_weights(config, "imagenet"))
    assert (found.head_rate, found.warmup, found.ema) == (1, 0, 0.998)
