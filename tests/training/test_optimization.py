"""Rates as torch has them, weights by part, and the average in closed form."""

import pytest
import torch
from small import small_classifier, small_network, weights_of
from torch import nn

from utils.defences.losses.mutual_learning import MutualPeers
from utils.training.optimization import (
    FIRST_RATE,
    OPTIMIZERS,
    SCHEDULES,
    heads_alone,
    parameter_groups,
    plateau,
    rate_share,
    weight_average,
)

STEPS = 40


def rates(schedule: str, warmup: int = 0) -> list[float]:
    return [rate_share(schedule, step, STEPS, warmup) for step in range(STEPS)]


def rates_of(kind, **options) -> list[float]:
    """What a schedule of torch makes of a learning rate of 1."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule, found = kind(optimizer, **options), []
    for _ in range(STEPS):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


def test_cosine_and_step_are_those_of_torch():
    schedules = torch.optim.lr_scheduler
    assert rates("cosine") == pytest.approx(rates_of(schedules.CosineAnnealingLR, T_max=STEPS))
    assert rates("step") == pytest.approx(rates_of(schedules.MultiStepLR, milestones=[14, 27]))


def test_one_cycle_is_that_of_torch_but_for_one_step():
    """torch reaches the top one step sooner, and its floor in the last step."""
    theirs = rates_of(
        torch.optim.lr_scheduler.OneCycleLR, max_lr=1.0, total_steps=STEPS, cycle_momentum=False
    )
    ours = rates("one_cycle")
    assert ours[0] == pytest.approx(FIRST_RATE) and theirs[0] == pytest.approx(FIRST_RATE)
    assert ours.index(max(ours)) == 12 and max(ours) == 1
    assert ours[1:] == pytest.approx(theirs[:-1], abs=0.13)
    assert rates("one_cycle", 12) == ours  # 30 % of 40


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_schedule_begins_where_its_rise_ends(schedule):
    found = rates(schedule, warmup=10)
    assert found[:11] == sorted(found[:11]) and found[0] == pytest.approx(FIRST_RATE)
    assert found[10] == 1 and min(found) > 0
    assert found[10:] == [rate_share(schedule, step, 30, 0) for step in range(30)] or (
        schedule == "one_cycle" and found == rates("cosine", warmup=10)
    )


def test_the_shortest_training_has_rates():
    for schedule in SCHEDULES:
        assert 0 < rate_share(schedule, 0, 1) <= 1
        assert 0 < rate_share(schedule, 0, 2, 1) < rate_share(schedule, 1, 2, 1) == 1


def test_a_plateau_lowers_the_rate():
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = plateau(optimizer, epochs=20)
    found = []
    for score in (0.1, 0.2, 0.2, 0.2, 0.2, 0.3):
        schedule.step(score)
        found.append(optimizer.param_groups[0]["lr"])
    assert found == pytest.approx([1, 1, 1, 1, 0.1, 0.1])


def test_the_heads_have_a_rate_of_their_own():
    peers = MutualPeers(small_classifier(0), small_classifier(1))
    others, heads = parameter_groups(peers, 0.1, 10.0)
    assert (others["lr"], heads["lr"]) == (0.1, 1.0)
    expected = {id(w) for peer in peers.members for w in peer.head.parameters()}
    assert {id(weight) for weight in heads["params"]} == expected
    assert len(others["params"]) + len(heads["params"]) == len(list(peers.parameters()))
    (alone,) = parameter_groups(peers, 0.1, 1.0)
    assert len(alone["params"]) == len(list(peers.parameters()))


def test_a_model_without_a_head_is_refused():
    for wanted in (lambda m: parameter_groups(m, 0.1, 2.0), lambda m: heads_alone(m).__enter__()):
        with pytest.raises(ValueError, match="Sequential holds no Classifier"):
            wanted(small_network())


def test_only_the_heads_learn_inside_and_all_after():
    model = small_classifier()
    with heads_alone(model):
        model.train()
        model(torch.rand(8, 1, 16, 16)).sum().backward()
        assert all(weight.grad is None for weight in model.backbone.parameters())
        assert all(weight.grad is not None for weight in model.head.parameters())
        assert not model.backbone.training and model.head.training
    assert all(weight.requires_grad for weight in model.parameters())
    assert model.train().backbone.training


def test_a_frozen_backbone_stays_frozen_after():
    model = small_classifier(frozen=True)
    with heads_alone(model):
        pass
    assert model.frozen and not any(w.requires_grad for w in model.backbone.parameters())


@pytest.mark.parametrize("steps", [1, 2, 30])
def test_the_average_is_the_closed_form(steps):
    """The share of the past is at most the decay, and (1 + n) / (10 + n) while that is less."""
    model = small_network()
    average, decay, mean = weight_average(model, 0.8), 0.8, None
    counter = (
        weights_of(model)
        .new_tensor(
            [
                name.endswith("tracked")
                for name, v in model.state_dict().items()
                for _ in v.flatten()
            ]
        )
        .bool()
    )
    for step in range(steps):
        with torch.no_grad():
            for value in (*model.parameters(), model[1].running_mean):
                value.add_(torch.randn_like(value))
            model[1].num_batches_tracked += 1
        average.update_parameters(model)
        share = min(decay, (1 + step) / (10 + step))
        newest = weights_of(model) * ~counter
        mean = newest if mean is None else share * mean + (1 - share) * newest
    found = average.module.state_dict()
    assert found["1.num_batches_tracked"] == steps
    assert torch.allclose(weights_of(average.module) * ~counter, mean, atol=1e-5)
    assert not average.module.training


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_all_weights_at_once_are_moved_as_one_by_one(optimizer):
    together, alone = small_network(), small_network()
    kind = OPTIMIZERS[optimizer]
    fast = kind(together.parameters(), lr=0.02, weight_decay=0.1)
    together_only = {"fused", "foreach"}
    settings = {key: kept for key, kept in kind.keywords.items() if key not in together_only}
    slow = kind.func(alone.parameters(), lr=0.02, weight_decay=0.1, foreach=False, **settings)
    made = torch.Generator().manual_seed(0)
    for _ in range(5):
        for one, other in zip(together.parameters(), alone.parameters(), strict=True):
            one.grad = torch.randn(one.shape, generator=made)
            other.grad = one.grad.clone()
        fast.step()
        slow.step()
    if "fused" not in kind.keywords:
        assert torch.equal(weights_of(together), weights_of(alone))
    assert torch.allclose(weights_of(together), weights_of(alone), atol=1e-6)
