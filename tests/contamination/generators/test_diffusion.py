"""The diffusion model: closed forms of its steps, resuming, and drawing what it has seen."""

from dataclasses import replace

import pytest
import torch
from small import small_split

from utils.contamination.generators.diffusion import (
    DiffusionConfig,
    DiffusionModel,
    DiffusionTrainer,
    mixed,
    to_remove,
    train_diffusion,
    unmixed,
)
from utils.data.split import to_float

CONFIG = DiffusionConfig(snapshots=(1, 3), passes=2, batch_size=16, directions=6, width=16, steps=4)


@pytest.mark.parametrize("time", [0.0, 0.3, 0.8, 1.0])
def test_what_to_remove_gives_image_and_noise(time):
    clean, noise, time = torch.randn(2, 50), torch.randn(2, 50), torch.tensor(time)
    found = unmixed(mixed(clean, noise, time), to_remove(clean, noise, time), time)
    assert torch.allclose(found[0], clean, atol=1e-5)
    assert torch.allclose(found[1], noise, atol=1e-5)


def test_noise_is_mixed_in_until_nothing_else_is_left():
    clean, noise = torch.randn(40_000), torch.randn(40_000)
    assert torch.equal(mixed(clean, noise, torch.tensor(0.0)), clean)
    assert torch.allclose(mixed(clean, noise, torch.tensor(1.0)), noise, atol=1e-6)
    spreads = [mixed(clean, noise, torch.tensor(t)).std().item() for t in (0.2, 0.5, 0.9)]
    assert spreads == pytest.approx([1, 1, 1], abs=0.02)


def test_coordinates_have_a_spread_of_one_and_lead_back_to_the_image():
    split = small_split(48)
    model = DiffusionModel(split, replace(CONFIG, directions=1000))
    images = to_float(split.images)
    rows = model.encode(images)
    assert rows.std(0, unbiased=False).numpy() == pytest.approx(1, abs=1e-3)
    assert torch.allclose(model.decode(rows, rows[:, :0]), images, atol=1e-4)
    few = DiffusionModel(split, CONFIG)
    again = few.redraw(images, torch.Generator().manual_seed(0))
    assert few.learned == 6 and again.shape == images.shape
    assert torch.allclose(few.encode(again), few.encode(images), atol=0.2)  # but for clipping
    assert (again.std((1, 2, 3)) / images.std((1, 2, 3))).mean() == pytest.approx(1, abs=0.1)


def test_it_draws_the_classes_that_it_has_seen(tmp_path):
    split = small_split(96)
    config = replace(CONFIG, snapshots=(4,), passes=40, width=32, learning_rate=3e-3, steps=10)
    model, history = train_diffusion(split, config, tmp_path)
    labels = torch.arange(3).repeat_interleave(20)
    images = model[4].draw(labels, torch.Generator().manual_seed(1))
    assert history[-1]["loss"] < history[0]["loss"] and images.shape == (60, 1, 16, 16)
    brightness = images.mean((1, 2, 3)).view(3, 20).mean(1)
    real = [to_float(split.images[split.labels == k]).mean().item() for k in range(3)]
    assert brightness.tolist() == pytest.approx(real, abs=0.05)
    again = model[4].draw(labels, torch.Generator().manual_seed(1))
    assert torch.equal(images, again)


def test_a_stopped_training_ends_as_one_that_was_not(tmp_path, monkeypatch):
    split, calls, step = small_split(48), [], DiffusionTrainer.train_step
    whole, history = train_diffusion(split, CONFIG, tmp_path / "whole")

    def killed(*args):
        calls.append(1)
        if len(calls) == 10:
            raise KeyboardInterrupt
        return step(*args)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(DiffusionTrainer, "train_step", killed)
        train_diffusion(split, CONFIG, tmp_path / "stopped")
    again, resumed = train_diffusion(split, CONFIG, tmp_path / "stopped")
    assert [row["loss"] for row in resumed] == [row["loss"] for row in history]
    for epochs in CONFIG.snapshots:
        one, other = whole[epochs].state_dict(), again[epochs].state_dict()
        assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_settings_that_cannot_be_are_refused(tmp_path):
    with pytest.raises(ValueError, match="numbers of epochs in order"):
        DiffusionConfig(snapshots=(4, 2))
    with pytest.raises(ValueError, match="begin at 1"):
        DiffusionConfig(steps=0)
    with pytest.raises(ValueError, match="a generator needs 8"):
        train_diffusion(small_split(12), CONFIG, tmp_path)
