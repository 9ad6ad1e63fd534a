"""Repairs disarm a trigger and leave the model alone that they were given."""

from functools import cache, partial

import pytest
import torch
from small import small_classifier, small_split, trained_network, weights_of
from torch import nn

from utils.backbones.classifier import Classifier
from utils.contamination.backdoor import Patch, Poison
from utils.data.split import Splits, to_float
from utils.defences.repair.backdoor_repair import (
    fine_prune,
    fine_tune,
    kept_features,
    repair_table,
    unlearn,
)
from utils.training.config import TrainConfig

TRIGGER = Patch(0.3)
POISON = Poison(TRIGGER, target=0, rate=0.15)
CLEAN = Splits(*(small_split(count, seed=seed) for seed, count in enumerate((120, 60, 90), 40)))
CONFIG = TrainConfig(epochs=6, batch_size=20, learning_rate=0.02, augment=False)
REPAIRS = [fine_tune, fine_prune, partial(unlearn, trigger=TRIGGER)]
EVERY = pytest.mark.parametrize("repair", REPAIRS, ids=["fine-tuned", "fine-pruned", "unlearned"])


@cache
def poisoned() -> Classifier:
    model, split = small_classifier(), POISON(small_split(240))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for _ in range(100):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(to_float(split.images)), split.labels).backward()
            optimizer.step()
    return model.eval()


@EVERY
def test_the_model_stays_as_it_is_and_its_copy_has_the_same_parts(repair, tmp_path):
    model = poisoned()
    before = weights_of(model)
    repaired = repair(model, CLEAN, config=CONFIG, folder=tmp_path)
    assert torch.equal(weights_of(model), before)
    assert repaired is not model and type(repaired.head) is nn.Linear and not repaired.training
    assert repaired.state_dict().keys() == model.state_dict().keys()
    assert not torch.equal(weights_of(repaired), before)
    again = repair(model, CLEAN, config=CONFIG, folder=tmp_path)  # loaded
    assert torch.equal(weights_of(again), weights_of(repaired))


def test_unlearning_disarms_the_trigger_and_keeps_the_skill(tmp_path):
    models = {"as it was": poisoned()}
    models["unlearned"] = unlearn(poisoned(), CLEAN, TRIGGER, CONFIG, tmp_path)
    table = repair_table(models, CLEAN.test, POISON)["value"]
    assert table["as it was", "attack success rate"] > 0.9
    assert table["unlearned", "attack success rate"] < 0.2
    assert table["unlearned", "balanced accuracy"] > 0.95
    assert table["unlearned", "missed disease"] < 0.05


def test_success_is_counted_over_the_images_of_other_classes():
    table = repair_table({"it": poisoned()}, CLEAN.test, POISON).loc["it"]
    others = to_float(CLEAN.test.take(CLEAN.test.labels != POISON.target).images)
    shown = {"attack success rate": TRIGGER(others), "without the trigger": others}
    for name, images in shown.items():
        obeyed = (poisoned()(images).argmax(1) == POISON.target).float().mean()
        assert table.loc[name, "value"] == pytest.approx(float(obeyed))


class Means(nn.Module):
    """Three features: brightness, a hundredth of it, and what none but a trigger has."""

    num_features = 3

    def forward(self, images):
        bright = images.mean((1, 2, 3))
        return torch.stack([bright, bright / 100, 0 * bright], 1)


def means(*weights: float) -> Classifier:
    """Dark, else bright: from the features with these weights."""
    head = nn.Linear(3, 3)
    head.weight.data = torch.tensor([[0.0] * 3, list(weights), [0.0] * 3])
    head.bias.data = torch.tensor([0.0, -40.0, -90.0])
    model = Classifier(Means(), head)
    model.mean.zero_()
    model.std.fill_(1)
    return model.eval()


@pytest.mark.parametrize(
    "weights, tolerance, kept",
    [
        ((80.0, 0.0, 50.0), 0.0, [1, 0, 0]),
        ((0.0, 8000.0, 50.0), 0.0, [1, 1, 0]),  # the least active one that is needed ends it
        ((0.0, 8000.0, 50.0), 1.0, [0, 0, 0]),
    ],
)
def test_the_least_active_features_go_as_long_as_validation_allows(weights, tolerance, kept):
    assert kept_features(means(*weights), CLEAN, tolerance).tolist() == kept


def test_pruned_features_stay_without_weight(tmp_path):
    model = poisoned()
    kept = kept_features(model, CLEAN, 0.3)
    head = fine_prune(model, CLEAN, CONFIG, tmp_path, tolerance=0.3).head
    assert 0 < (kept == 0).sum() < len(kept)
    assert torch.equal((head.weight == 0).all(0), kept == 0)


def test_pruning_needs_to_know_the_head(tmp_path):
    with pytest.raises(TypeError, match="needs a Classifier with a linear head, got Sequential"):
        fine_prune(trained_network(), CLEAN, CONFIG, tmp_path)
