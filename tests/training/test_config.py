"""A wrong setting is refused when the configuration is made."""

import pytest

from utils.training.config import TrainConfig


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
