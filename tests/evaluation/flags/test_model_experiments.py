"""What the probes of the model see, and that they leave nothing behind."""

import pytest
import torch
from planted import (
    AugmentsByPlace,
    EachItsOwn,
    EndsInSoftmax,
    HidesItsNetwork,
    IgnoresEval,
    InCompany,
    Noisy,
)
from small import small_split, trained_network
from torch import nn

from utils.attacks.base import eval_mode
from utils.data.split import to_float
from utils.defences.ensemble import Ensemble
from utils.evaluation.flags.judging import SAME
from utils.evaluation.flags.model_experiments import differences, returns_probabilities, watched

FEW = small_split(60, seed=5).limit(8)


class InlineLayers(nn.Module):
    """Layers made in the forward pass are in training mode, and it does not matter to them."""

    def __init__(self):
        super().__init__()
        self.known = trained_network()

    def forward(self, images):
        return nn.Identity()(nn.Flatten()(self.known(images)))


@pytest.mark.parametrize(
    ("model", "trains"),
    [(trained_network, False), (InlineLayers, False), (IgnoresEval, True), (HidesItsNetwork, True)],
)
def test_layers_in_training_mode_are_seen_wherever_they_are_kept(model, trains):
    model = model()
    with eval_mode(model), watched(model) as seen:
        model(to_float(FEW.images))
    assert seen.trains == trains


def test_members_that_receive_different_images_are_seen():
    pair = [trained_network(0), trained_network(1)]
    for model, apart in ((Ensemble(pair), False), (EachItsOwn(pair), True)):
        with watched(model) as seen:
            model(to_float(FEW.images))
            model(to_float(FEW.images) / 2)  # another batch is no difference
        assert seen.apart == apart


def test_nothing_is_watched_any_more_after_an_error():
    model = trained_network().train()
    with pytest.raises(RuntimeError), watched(model) as seen:
        raise RuntimeError
    model(to_float(FEW.images))
    assert not seen.trains


@pytest.mark.parametrize(
    ("model", "passes", "batches"),
    [
        (trained_network, False, False),
        (Noisy, True, False),  # the same seed, the same noise
        (InCompany, False, True),
        (AugmentsByPlace, False, True),
    ],
)
def test_passes_and_batches_are_compared(model, passes, batches):
    between_passes, between_batches = differences(model(), FEW)
    assert (between_passes > SAME, between_batches > SAME) == (passes, batches)


def test_probabilities_are_no_logits():
    assert returns_probabilities(EndsInSoftmax(), FEW)
    assert not returns_probabilities(trained_network(), FEW)
    logs = nn.Sequential(trained_network(), nn.LogSoftmax(1))
    assert not returns_probabilities(logs, FEW)
    assert not returns_probabilities(nn.Sequential(trained_network(), nn.Sigmoid()), FEW)


def test_the_passes_do_not_touch_the_random_numbers_of_the_caller():
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    differences(Noisy(), FEW)
    assert torch.equal(torch.rand(2), expected)
