"""Training of two networks: snapshots, resumption, the average, and what is refused."""

import copy
from dataclasses import replace

import pytest
import torch
from small import small_split

from utils.contamination.generators.gan import ConditionalGAN, train_generators
from utils.contamination.generators.gan_trainer import GANConfig, frozen

CONFIG = GANConfig(snapshots=(1, 3), batch_size=16, width=4, latent=8)


def test_weights_that_are_no_numbers_are_never_kept(tmp_path):
    config = replace(CONFIG, learning_rate=1e30)
    with pytest.raises(FloatingPointError, match="weights"):
        train_generators(small_split(48, 32), config, tmp_path)
    assert not list(tmp_path.glob("*/generator_*"))


def test_the_average_forgets_the_random_weights_it_began_with():
    game = ConditionalGAN(small_split(48, 32), CONFIG, torch.device("cpu"))
    before = copy.deepcopy(game.average.state_dict())
    with torch.no_grad():
        for value in game.generator.parameters():
            value += 1
    for _ in range(20):
        game.update_average()
    moved = [game.average.state_dict()[n] - v for n, v in before.items() if v.is_floating_point()]
    assert torch.cat([each.flatten() for each in moved]).max() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("wrong", [{"snapshots": ()}, {"snapshots": (3, 1)}, {"batch_size": 1}])
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError):
        replace(CONFIG, **wrong)


def test_a_frozen_network_lets_gradients_through_and_gets_none():
    network, images = torch.nn.Linear(2, 1), torch.ones(1, 2, requires_grad=True)
    with frozen(network):
        network(images).sum().backward()
    assert images.grad.any() and network.weight.grad is None
    assert all(value.requires_grad for value in network.parameters())


def test_each_snapshot_is_the_generator_after_its_epochs(tmp_path):
    """One that was trained for as long alone draws the same."""
    split, labels = small_split(48, 32), torch.arange(3)
    several, history = train_generators(split, CONFIG, tmp_path / "several")
    alone, _ = train_generators(split, replace(CONFIG, snapshots=(1,)), tmp_path / "alone")
    assert list(several) == [1, 3] and [row["epoch"] for row in history] == [0, 1, 2]
    first, same, later = (
        generator.draw(labels, torch.Generator().manual_seed(0))
        for generator in (several[1], alone[1], several[3])
    )
    assert torch.equal(first, same) and not torch.equal(first, later)
