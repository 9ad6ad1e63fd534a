"""The losses of the defence are what their formulas say, and collapse is seen."""

from dataclasses import replace
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from small import small_network, small_split, small_splits, trained_network
from torch import nn
from witnesses import Sure

from utils.attacks.pgd import PGD, fgsm
from utils.attacks.random_noise import RandomUniform
from utils.data.split import to_float
from utils.defences.losses.adversarial_training import (
    AdversarialLoss,
    Hardened,
    TradesLoss,
    collapsed_epochs,
    divergence,
    fast_adversarial,
)
from utils.defences.losses.awp import AwpLoss
from utils.defences.losses.mart import MartLoss
from utils.defences.smoothing import NoiseLoss
from utils.evaluation.inference import predict
from utils.training.losses import (
    CleanScore,
    CrossEntropy,
    ValidationScore,
    epochs_within,
    passes_of,
)

SPLIT = small_split(12)
IMAGES, LABELS = to_float(SPLIT.images), SPLIT.labels
STEADY = PGD(0.1, 3, random_start=False)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weights", [None, (1.0, 2.0, 0.5)])
@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_the_loss_is_the_weighted_sum(weight, weights, smoothing):
    model = trained_network()  # in evaluation mode, so that clean and attacked do not mix
    share = None if weights is None else torch.tensor(weights)
    settings = {"weight": share, "label_smoothing": smoothing}
    clean = F.cross_entropy(model(IMAGES), LABELS, **settings)
    attacked = F.cross_entropy(model(STEADY(model, IMAGES, LABELS)), LABELS, **settings)
    loss = AdversarialLoss(STEADY, weight, own=CrossEntropy(weights, smoothing))
    expected = ((1 - weight) * clean + weight * attacked).item()
    assert loss(model, IMAGES, LABELS, 0).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("grow, epsilons", [(0, [0.1, 0.1]), (1, [0.05, 0.1]), (3, [0.025, 0.05])])
def test_the_curriculum_grows_to_the_full_attack(grow, epsilons):
    loss = AdversarialLoss(PGD(0.1, 8), grow=grow)
    assert [loss.at(epoch).epsilon for epoch in (0, 1)] == pytest.approx(epsilons)
    assert loss.at(grow) == loss.at(99) == PGD(0.1, 8)
    for epoch in range(5):
        attack = loss.at(epoch)
        assert attack.steps * attack.step_size >= attack.epsilon  # never too short to cross


def test_the_fast_variant_takes_one_long_step_and_shows_no_clean_image():
    loss, seen = fast_adversarial(0.1), []
    model = trained_network()
    model.register_forward_pre_hook(lambda _, args: seen.append(args[0].detach()))
    loss(model, IMAGES, LABELS, 0).backward()
    assert len(seen) == 2  # where to step, and what to learn from
    assert not torch.equal(seen[1], IMAGES) and (seen[1] - IMAGES).abs().max() <= 0.1 + 1e-6
    assert loss.at(0).step_size == pytest.approx(0.125)


def test_an_attacker_who_knows_a_hardened_network_sees_past_a_flat_cross_entropy():
    """Sure of everything, it gives the cross-entropy no gradient; the margin has one."""
    network, split = Sure(trained_network(), 200.0), small_split(60, seed=7)
    hardened, attack = Hardened(network), PGD(0.1, 8)
    assert torch.equal(hardened(IMAGES), network(IMAGES))
    known = hardened.adaptive(attack)
    assert [each.loss for each in known.attacks] == ["cross_entropy", "margin"]
    plain, adaptive = (predict(hardened, split, each).accuracy for each in (attack, known))
    assert adaptive < plain - 0.2


TRADES = TradesLoss(0.1, steps=5)


def test_the_clean_part_of_trades_is_its_own_loss():
    model, own = trained_network(), CrossEntropy((1.0, 2.0, 0.5), label_smoothing=0.2)
    without = replace(TRADES, beta=0, own=own)(model, IMAGES, LABELS, 0)
    assert without.item() == pytest.approx(own(model, IMAGES, LABELS, 0).item(), rel=1e-5)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("without", [replace(TRADES, beta=0), replace(TRADES, epsilon=0)], ids=repr)
def test_trades_without_weight_or_without_room_is_the_plain_loss(without, training):
    model = trained_network().train(training and without.epsilon == 0)
    model[3].eval()  # dropout would draw anew for each copy
    plain = CrossEntropy()(model, IMAGES, LABELS, 0).item()
    assert without(model, IMAGES, LABELS, 0).item() == pytest.approx(plain, rel=1e-5)


def test_the_trades_attacker_moves_the_answers_further_than_noise_within_the_box():
    model = trained_network()
    torch.manual_seed(0)
    attacked, noise = TRADES.attacked(model, IMAGES), RandomUniform(0.1)(model, IMAGES, LABELS)
    moved, by_noise = (divergence(model(IMAGES), model(x)) for x in (attacked, noise))
    assert (moved > by_noise).all() and (moved > 0).all()
    longer = replace(TRADES, steps=20).attacked(model, IMAGES)
    assert divergence(model(IMAGES), model(longer)).mean() >= 0.95 * moved.mean()
    assert (attacked - IMAGES).abs().max() <= 0.1 + 1e-6
    assert attacked.min() >= 0 and attacked.max() <= 1 and not attacked.requires_grad


def test_trades_leaves_no_gradient_and_no_batch_norm_behind_before_its_loss():
    model = trained_network().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    TRADES.attacked(model, IMAGES)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(weight.grad is None for weight in model.parameters()) and model.training


def test_trades_is_the_formula_of_the_paper_written_out():
    """Cross-entropy + beta / n * sum p log(p / q), on the same attacked images."""
    model = trained_network()
    torch.manual_seed(0)
    attacked = TRADES.attacked(model, IMAGES)
    p, q = model(IMAGES).softmax(1), model(attacked).softmax(1)
    plain = -p[range(len(p)), LABELS].log().mean()
    expected = plain + 6 * (p * (p / q).log()).sum() / len(p)
    torch.manual_seed(0)
    found = TRADES(model, IMAGES, LABELS, 0)
    assert found.item() == pytest.approx(expected.item(), rel=1e-4)
    weights = list(model.parameters())
    gradients = (torch.autograd.grad(loss, weights) for loss in (found, expected))
    for ours, theirs in zip(*gradients, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-3, atol=1e-5)


COSTS = {
    "plain": (CrossEntropy(), [2, 2, 2]),
    "three steps": (AdversarialLoss(PGD(0.1, 3)), [10, 10, 10]),
    "attacked only": (AdversarialLoss(PGD(0.1, 3), weight=1.0), [8, 8, 8]),
    "curriculum": (AdversarialLoss(PGD(0.1, 4), grow=1), [8, 12, 12]),
    "fast": (fast_adversarial(0.1), [4, 4, 4]),
    "trades": (TradesLoss(0.1, 3), [11, 11, 11]),
    "mart": (MartLoss(PGD(0.1, 3)), [10, 10, 10]),
    "awp": (AwpLoss(AdversarialLoss(PGD(0.1, 3), weight=1.0)), [10, 10, 10]),
    "awp, later": (AwpLoss(TradesLoss(0.1, 3), start=1), [11, 15, 15]),
    "awp of mart": (AwpLoss(MartLoss(PGD(0.1, 3))), [14, 14, 14]),
    "noise": (NoiseLoss(0.1), [2, 2, 2]),
}


def count_passes(model, args, logits, made):
    made.append(len(logits))  # forward, and, where a gradient is needed, backward
    if logits.requires_grad:
        logits.register_hook(lambda gradient: made.append(len(gradient)))


@pytest.mark.parametrize("name", COSTS)
def test_passes_are_those_that_are_made(name):
    loss, expected = COSTS[name]
    for epoch, passes in enumerate(expected):
        model, made = trained_network(), []
        model.register_forward_hook(partial(count_passes, made=made))
        loss(model, IMAGES, LABELS, epoch).backward()
        assert sum(made) == passes * len(IMAGES) and loss.passes(epoch) == passes
    assert passes_of(loss, 3) == sum(expected)
    assert epochs_within(loss, sum(expected)) == 3
    assert epochs_within(loss, sum(expected) - 1) == 2 and epochs_within(loss, 1) == 0


def test_the_monitor_names_the_epochs_in_which_one_step_and_many_disagree():
    rows = [(0.4, 0.45), (0.5, 0.52), (0.05, 0.9), (0.3, 0.5)]
    history = [{"epoch": e, "score": s, "one_step": o} for e, (s, o) in enumerate(rows)]
    assert collapsed_epochs(history) == [3]
    assert collapsed_epochs(history, gap=0.01) == [1, 2, 3, 4]


class Folded(nn.Module):
    """Bends the pixels up and down before the network sees them: the first step is misled."""

    def __init__(self, network, period: float):
        super().__init__()
        self.network, self.period = network, period

    def forward(self, images):
        wave = self.period / 6.28 * torch.sin(6.28 / self.period * images)
        return self.network(images - 1.9 * wave)


def test_the_score_sees_a_gradient_that_misleads_one_step():
    """What a collapsed training ends in: one step hardly hurts, many steps do."""
    validation, score = small_splits().validation, ValidationScore(PGD(0.08, 20), fgsm(0.08))
    found = {}
    for name, model in (("plain", trained_network()), ("folded", Folded(trained_network(), 0.1))):
        found[name] = score(model.eval(), validation, predict(model, validation))
    gaps = {name: row["one_step"] - row["score"] for name, row in found.items()}
    assert gaps["folded"] > gaps["plain"] + 0.3


def test_the_score_without_an_attack_is_the_clean_one():
    validation, model = small_splits().validation, small_network().eval()
    clean = predict(model, validation)
    assert set(ValidationScore()(model, validation, clean)) == {"score"}
    assert ValidationScore(fgsm(0.0))(model, validation, clean) == ValidationScore()(
        model, validation, clean
    )
    with_step = replace(ValidationScore(), one_step=fgsm(0.1))
    assert set(with_step(model, validation, clean)) == {"score", "one_step"}


def test_who_only_watches_lets_the_clean_accuracy_decide():
    validation, model = small_splits().validation, trained_network()
    clean, under = predict(model, validation), (PGD(0.08, 5), fgsm(0.08))
    decides, watched = (
        kind(*under)(model, validation, clean) for kind in (ValidationScore, CleanScore)
    )
    assert watched["attacked"] == decides["score"] < watched["score"]
    assert watched["one_step"] == decides["one_step"]
    assert watched["score"] == ValidationScore()(model, validation, clean)["score"]
