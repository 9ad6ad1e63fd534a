"""Re-estimated statistics are those of the images, and nothing else of the model changes."""

from copy import deepcopy

import pytest
import torch
from small import small_network, small_split, trained_network, weights_of
from torch import nn

from utils.data.split import to_float
from utils.evaluation.inference import predict
from utils.training.batch_norm import predict_by_own_statistics, reestimate_batch_norm

SPLIT = small_split(48, seed=5)


def expected(convolution: nn.Module, batch_size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and variance of what the convolution makes of the images, averaged over batches."""
    with torch.no_grad():
        found = [convolution(part) for part in to_float(SPLIT.images).split(batch_size)]
    flat = [part.transpose(0, 1).flatten(1) for part in found]
    return (
        torch.stack([part.mean(1) for part in flat]).mean(0),
        torch.stack([part.var(1) for part in flat]).mean(0),
    )


@pytest.mark.parametrize("batch_size", [48, 16])
def test_the_statistics_are_the_closed_form(batch_size):
    model = trained_network()
    mean, variance = expected(model[0], batch_size)
    assert not torch.allclose(model[1].running_mean, mean, atol=1e-3)
    reestimate_batch_norm(model, SPLIT, batch_size)
    assert torch.allclose(model[1].running_mean, mean, atol=1e-6)
    assert torch.allclose(model[1].running_var, variance, rtol=1e-4)


def test_a_batch_left_over_counts_no_more_than_its_images():
    """49 images in batches of at most 16 are 13, 12, 12 and 12: no single image is a batch."""
    model, sizes = small_network(), []
    model.register_forward_pre_hook(lambda module, inputs: sizes.append(len(inputs[0])))
    reestimate_batch_norm(model, small_split(49), 16)
    assert sizes == [13, 12, 12, 12]


def test_weights_modes_and_momentum_stay():
    model = trained_network()
    model[3].train()
    weights = [value.clone() for value in model.parameters()]
    reestimate_batch_norm(model, SPLIT)
    assert all(torch.equal(a, b) for a, b in zip(weights, model.parameters(), strict=True))
    assert model[1].momentum == 0.1
    assert [part.training for part in model] == [False, False, False, True, False, False, False]


def test_it_undoes_statistics_of_other_images():
    model = trained_network()
    right = predict(model, SPLIT).accuracy
    model[1].running_mean += 0.5
    model[1].running_var *= 9
    assert predict(model, SPLIT).accuracy < right - 0.2
    reestimate_batch_norm(model, SPLIT)
    assert predict(model, SPLIT).accuracy >= right


def test_a_model_without_batch_norm_is_refused():
    with pytest.raises(ValueError, match="Sequential has no batch norm"):
        reestimate_batch_norm(nn.Sequential(nn.Flatten(), nn.Linear(256, 3)), SPLIT)


def test_predictions_by_own_statistics_leave_the_model_as_it_was():
    model = trained_network()
    before = weights_of(model)
    expected = deepcopy(model)
    reestimate_batch_norm(expected, SPLIT)
    found = predict_by_own_statistics(model, SPLIT)
    assert torch.equal(weights_of(model), before)
    assert (found.probabilities == predict(expected, SPLIT).probabilities).all()
