"""The search finds a trigger that is known to be there, and an outlier is one among many."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from small import small_split, trained_network, weights_of
from torch import nn

from utils.data.split import to_float
from utils.detection.trigger_inversion import TriggerSearch, anomaly_indices, inversion_table

SPLIT = small_split(96)
SEARCH = TriggerSearch(passes=40, batch_size=32)


class OneCorner(nn.Module):
    """A white corner means the second class; the others are dark and bright as a whole."""

    def forward(self, images):
        bright = 40 * (images.mean((1, 2, 3)) - 0.5)
        corner = 40 * (images[..., -4:, -4:].mean((1, 2, 3)) - 0.9) + bright.abs()
        return torch.stack([-bright, corner, bright], 1)


def test_it_finds_the_corner_and_that_it_is_small():
    triggers = SEARCH(OneCorner(), SPLIT)
    table = inversion_table(triggers)
    assert list(table.index) == list(SPLIT.class_names)
    assert (table["success"] >= SEARCH.wanted).all()
    assert table["area"].idxmin() == "bright" and table["anomaly index"].idxmax() == "bright"
    corner = triggers[1]
    assert corner.mask[..., -4:, -4:].sum() > 0.8 * corner.mask.sum() and corner.area < 0.1
    shown = corner(to_float(SPLIT.images))
    assert (OneCorner()(shown).argmax(1) == 1).float().mean() >= 0.9
    assert shown.min() >= 0 and shown.max() <= 1


def test_a_search_repeats_and_leaves_model_and_generator_alone():
    model = trained_network()
    before, state = weights_of(model), torch.get_rng_state()
    search = replace(SEARCH, passes=3)
    first, second = (search.towards(model, SPLIT, 0) for _ in range(2))
    assert torch.equal(first.mask, second.mask) and torch.equal(first.pattern, second.pattern)
    assert torch.equal(weights_of(model), before) and torch.equal(torch.get_rng_state(), state)
    assert all(weight.grad is None or not weight.grad.any() for weight in model.parameters())
    assert not torch.equal(first.mask, replace(search, seed=1).towards(model, SPLIT, 0).mask)


def test_a_search_without_success_returns_its_last_trigger():
    impossible = nn.Sequential(nn.Flatten(), nn.Linear(256, 3))
    impossible[1].weight.data *= 0
    impossible[1].bias.data = torch.tensor([1.0, 0.0, 0.0])
    found = replace(SEARCH, passes=2).towards(impossible, SPLIT, 1)
    assert found.success == 0 and 0 < found.area < 1


def test_there_must_be_an_image_of_another_class():
    with pytest.raises(ValueError, match="all images have the target 1"):
        SEARCH.towards(OneCorner(), SPLIT.take(SPLIT.labels == 1), 1)


@pytest.mark.parametrize(
    "areas, expected",
    [
        ([1, 2, 3, 4, 10], [2, 1, 0, -1, -7]),
        ([0.1, 0.3, 0.4], [2, 0, -1]),  # of three, the smaller gap is the unit
        ([0.2, 0.2, 0.2], [0, 0, 0]),
        ([0.1, 0.9], [np.nan, np.nan]),
    ],
)
def test_anomaly_indices_in_closed_form(areas, expected):
    assert anomaly_indices(areas) * 1.4826 == pytest.approx(expected, rel=1e-4, nan_ok=True)


def test_the_anomaly_index_agrees_with_statsmodels():
    robust = pytest.importorskip("statsmodels.robust")
    areas = np.random.default_rng(0).random(9)
    expected = (np.median(areas) - areas) / robust.mad(areas)
    assert anomaly_indices(areas) == pytest.approx(expected)
