"""A head on features learns, is repeatable, and gets the settings it was given."""

import pytest
import torch
from torch import nn

from utils.defences.etf_head import DotRegression, head_on_features
from utils.training.config import TrainConfig
from utils.training.heads import fit_on_features
from utils.training.losses import CrossEntropy

CONFIG = TrainConfig(epochs=12, batch_size=8, learning_rate=1e-2, schedule="one_cycle")


def crowds(count: int = 49) -> tuple[torch.Tensor, torch.Tensor]:
    """Three crowds that overlap a little."""
    labels = torch.arange(count) % 3
    noise = torch.randn(count, 10, generator=torch.Generator().manual_seed(0))
    return noise + 4 * torch.eye(10)[labels], labels


@pytest.mark.parametrize("fixed, loss", [(False, CrossEntropy()), (True, DotRegression(True))])
def test_learns_and_is_repeatable(fixed, loss):
    rows, labels = crowds()
    trained = [
        fit_on_features(head_on_features(10, 3, fixed, 16, seed), rows, labels, CONFIG, loss)
        for seed in (0, 0, 1)
    ]
    said = [head(rows).detach() for head in trained]
    assert (said[0].argmax(1) == labels).float().mean() > 0.9 and not trained[0].training
    assert torch.equal(said[0], said[1]) and not torch.allclose(said[0], said[2])


def test_the_order_follows_the_seed_and_a_last_row_alone_is_skipped():
    rows, labels = crowds(17)  # two batches of eight, and one row that batch norm could not take
    heads = [
        fit_on_features(head_on_features(10, 3, False, 16), rows, labels, config)
        for config in (CONFIG, TrainConfig(12, 8, 1e-2, schedule="one_cycle", seed=1))
    ]
    assert not torch.equal(heads[0](rows), heads[1](rows))


def test_a_schedule_that_needs_validation_is_refused():
    with pytest.raises(ValueError, match="no validation score"):
        fit_on_features(nn.Linear(10, 3), *crowds(), TrainConfig(schedule="plateau"))
