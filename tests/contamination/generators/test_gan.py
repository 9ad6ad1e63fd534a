"""The generator and its training: what it refuses, that it resumes, that it draws as asked."""

import pytest
import torch
from small import small_split

from utils.contamination.generators.gan import (
    Discriminator,
    Generator,
    diff_augment,
    diversity,
    doublings,
    train_generators,
)
from utils.contamination.generators.gan_trainer import GANConfig

CONFIG = GANConfig(snapshots=(1, 3), batch_size=16, width=4, latent=8)


@pytest.mark.parametrize("size", [32, 40, 48, 56, 64, 96, 128])
@pytest.mark.parametrize("channels", [1, 3])
def test_sizes_and_colours(size, channels):
    generator = Generator(3, size, channels, width=4, latent=8).eval()
    labels = torch.tensor([0, 2])
    images = generator.draw(labels, torch.Generator().manual_seed(0))
    assert images.shape == (2, channels, size, size)
    assert images.min() >= 0 and images.max() <= 1
    assert Discriminator(3, size, channels, width=4)(images, labels).shape == (2,)


@pytest.mark.parametrize("size", [20, 33, 160, 256])
def test_other_sizes_are_refused_with_those_that_fit(size):
    with pytest.raises(ValueError, match=f"{size} pixels are not supported; take one of 32, 40"):
        doublings(size)


def test_a_stopped_training_ends_as_one_that_was_not(tmp_path, monkeypatch):
    split = small_split(48, 32)
    whole, history = train_generators(split, CONFIG, tmp_path / "whole")
    calls = []

    def killed(*args):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return diversity(*args)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("utils.contamination.generators.gan.diversity", killed)
        train_generators(split, CONFIG, tmp_path / "stopped")
    again, resumed = train_generators(split, CONFIG, tmp_path / "stopped")
    assert [row["epoch"] for row in resumed] == [0, 1, 2]
    assert [row["generator_loss"] for row in resumed] == [row["generator_loss"] for row in history]
    for epochs in CONFIG.snapshots:
        one, other = whole[epochs].state_dict(), again[epochs].state_dict()
        assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_what_was_trained_is_loaded(tmp_path, monkeypatch):
    split = small_split(48, 32)
    first, _ = train_generators(split, CONFIG, tmp_path)
    monkeypatch.setattr("utils.contamination.generators.gan.ConditionalGAN.epoch", None)
    second, history = train_generators(split, CONFIG, tmp_path)
    labels = torch.arange(3)
    draws = [g[3].draw(labels, torch.Generator().manual_seed(1)) for g in (first, second)]
    assert torch.equal(*draws) and len(history) == 3


def test_too_few_images_of_a_class_are_refused(tmp_path):
    split = small_split(48, 32)
    rows = torch.cat(
        [torch.nonzero(split.labels != 1)[:, 0], torch.nonzero(split.labels == 1)[:4, 0]]
    )
    with pytest.raises(ValueError, match="has 4 images; a generator needs 8"):
        train_generators(split.take(rows), CONFIG, tmp_path)


def test_a_diverging_loss_is_an_error_and_keeps_the_snapshots(tmp_path, monkeypatch):
    turns = []

    def lost_later(*args):
        turns.append(1)
        return float("nan") if len(turns) > 2 else diversity(*args)  # two calls an epoch

    monkeypatch.setattr("utils.contamination.generators.gan.diversity", lost_later)
    with pytest.raises(FloatingPointError, match="diversity, in epoch 2; lower the learning rate"):
        train_generators(small_split(48, 32), CONFIG, tmp_path)
    assert len(list(tmp_path.glob("*/generator_1.safetensors"))) == 1


def test_soft_changes_let_gradients_through_and_leave_no_image_alone():
    images = torch.rand(4, 1, 32, 32, requires_grad=True)
    changed, again = diff_augment(images), diff_augment(images)
    assert changed.shape == images.shape
    for one, other in ((changed, images), (changed, again)):
        assert ((one - other).abs().flatten(1).amax(1) > 0.01).all()
    changed.sum().backward()
    assert (images.grad.flatten(1).abs().sum(1) > 0).all()


def test_diversity_is_0_for_one_image_and_that_of_its_class_alone():
    labels = torch.tensor([0, 0, 1, 1])
    same = torch.rand(2, 1, 8, 8).repeat_interleave(2, 0)
    assert diversity(same, labels) == 0
    assert diversity(torch.rand(4, 1, 8, 8), labels) > 0.1
