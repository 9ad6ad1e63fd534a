"""Training of the inpainting generator: it learns, resumes, and refuses what it cannot learn."""

from dataclasses import replace

import pytest
import torch
from spots import spotted_split

from utils.contamination.generators.gan_trainer import GANConfig
from utils.contamination.inpainting_gan import InpaintingGAN, train_inpainters

SPLIT = spotted_split()
CONFIG = GANConfig(snapshots=(1, 3), batch_size=8, width=4, faster=1.0)


def test_a_stopped_training_ends_as_one_that_was_not(tmp_path, monkeypatch):
    whole, history = train_inpainters(SPLIT, CONFIG, tmp_path / "whole")
    turns, played = [], InpaintingGAN.epoch

    def killed(game):
        turns.append(1)
        if len(turns) == 3:
            raise KeyboardInterrupt
        return played(game)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(InpaintingGAN, "epoch", killed)
        train_inpainters(SPLIT, CONFIG, tmp_path / "stopped")
    again, resumed = train_inpainters(SPLIT, CONFIG, tmp_path / "stopped")
    assert [row["difference"] for row in resumed] == [row["difference"] for row in history]
    for epochs in CONFIG.snapshots:
        one, other = whole[epochs].state_dict(), again[epochs].state_dict()
        assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_training_brings_the_generator_closer_to_what_was_there(tmp_path):
    config = GANConfig(snapshots=(6,), batch_size=8, width=8, learning_rate=2e-3, faster=1.0)
    _, history = train_inpainters(SPLIT, config, tmp_path)
    assert history[-1]["difference"] < 0.7 * history[0]["difference"]


def test_other_masks_are_another_training(tmp_path):
    config = replace(CONFIG, snapshots=(1,))
    train_inpainters(SPLIT, config, tmp_path)
    train_inpainters(replace(SPLIT, masks=SPLIT.masks.roll(1, 2)), config, tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    "split, match",
    [
        (spotted_split(30), "'healthy' has 10 images|'spot' has 10 images with a masked finding"),
        (replace(SPLIT, masks=torch.zeros_like(SPLIT.masks)), "'spot' has 0 images with a masked"),
        (spotted_split(60, 24), "24 pixels are not supported"),
        (replace(SPLIT, masks=torch.ones_like(SPLIT.masks)), "window of 24 has no room"),
    ],
    ids=["few images", "no finding", "small images", "findings everywhere"],
)
def test_what_cannot_be_learned_from_is_refused_before_training(split, match, tmp_path):
    with pytest.raises(ValueError, match=match):
        train_inpainters(split, CONFIG, tmp_path)


def test_a_diverging_loss_is_an_error_and_keeps_the_snapshots(tmp_path, monkeypatch):
    played, turns = InpaintingGAN.epoch, []

    def lost_later(game):
        turns.append(1)
        return played(game) | ({"difference": float("nan")} if len(turns) > 1 else {})

    monkeypatch.setattr(InpaintingGAN, "epoch", lost_later)
    with pytest.raises(FloatingPointError, match="difference, in epoch 2; lower the learning rate"):
        train_inpainters(SPLIT, CONFIG, tmp_path)
    assert len(list(tmp_path.glob("*/generator_1.safetensors"))) == 1
