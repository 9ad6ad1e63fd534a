"""An ensemble is one model: it votes as it says, and an attack on it goes through all members."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import optimize
from small import small_split, trained_network
from torch import nn
from witnesses import Sure

from utils.attacks.losses import margin
from utils.attacks.pgd import PGD
from utils.data.split import to_float
from utils.defences.ensemble import (
    BlendingRule,
    Ensemble,
    MeanOfLogits,
    StackingRule,
    VotingRule,
    combined,
    fit_blending,
    fit_stacking,
    fit_vote,
    mean_of_separate_attacks,
)
from utils.evaluation.inference import predict

SPLIT = small_split(60, seed=7)
MEMBERS = [trained_network(seed) for seed in range(3)]
SAID = [predict(member, SPLIT, digest=True) for member in MEMBERS]
RULES = {
    "equal votes": None,
    "learned votes": fit_vote(SAID),
    "stacking": fit_stacking(SAID),
    "blending": fit_blending(SAID),
}


def noisy(right: float, seed: int, count: int = 400, classes: int = 3):
    """Answers that are right with this probability, over patients of two images."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    named = np.where(rng.random(count) < right, labels, rng.integers(0, classes, count))
    probabilities = np.full((count, classes), 0.2 / (classes - 1))
    probabilities[range(count), named] = 0.8
    return type(SAID[0])(labels, probabilities, np.arange(count) // 2, tuple("abc"[:classes]))


def logs_of(answers) -> torch.Tensor:
    """What a rule is given: the members' log-probabilities."""
    return torch.as_tensor(np.stack([a.probabilities for a in answers])).float().log()


def surprise(rule, answers) -> float:
    """Mean negative log-probability of the truth."""
    logs = rule(logs_of(answers)).log_softmax(1).numpy()
    return -logs[range(len(logs)), answers[0].labels].mean()


def test_equal_votes_are_the_mean_of_the_probabilities():
    mean = np.mean([said.probabilities for said in SAID], 0)
    assert np.allclose(predict(Ensemble(MEMBERS), SPLIT).probabilities, mean, atol=1e-5)


def test_a_rule_with_one_weight_is_that_member():
    one = [0.0, 1.0, 0.0]
    eye = np.hstack([weight * np.eye(3) for weight in one])
    for rule in (VotingRule(one), BlendingRule(one), StackingRule(eye, np.zeros(3))):
        said = predict(Ensemble(MEMBERS, rule), SPLIT)
        assert np.allclose(said.probabilities, SAID[1].probabilities, atol=1e-4)


def test_learned_votes_are_the_best_there_are():
    answers = [noisy(right, seed) for seed, right in enumerate((0.9, 0.6, 0.3))]
    found = fit_vote(answers)
    of_truth = np.stack([a.probabilities[range(400), a.labels] for a in answers])
    best = optimize.minimize(
        lambda w: -np.log(w @ of_truth).mean(),
        np.full(3, 1 / 3),
        bounds=[(0, 1)] * 3,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
    )
    assert float(found.weights.sum()) == pytest.approx(1)
    assert surprise(found, answers) <= best.fun + 1e-3
    assert found.weights.argmax() == 0 and found.weights.argmin() == 2


@pytest.mark.parametrize("fit", [fit_vote, fit_stacking, fit_blending])
def test_a_fitted_rule_is_better_than_equal_votes_where_one_member_guesses(fit):
    """Fitted on one set of patients, measured on others; two of the three members guess."""
    answers = [
        [noisy(right, 10 * part + n) for n, right in enumerate((0.9, 0, 0))] for part in (1, 2)
    ]
    assert (
        surprise(fit(answers[0]), answers[1]) < surprise(VotingRule([1 / 3] * 3), answers[1]) - 0.05
    )


def test_stacking_learns_that_a_member_has_swapped_two_classes():
    honest = noisy(0.9, 3)
    swapped = type(honest)(
        honest.labels, honest.probabilities[:, [1, 0, 2]], honest.groups, honest.class_names
    )
    rule = fit_stacking([swapped])
    said = rule(logs_of([swapped])).argmax(1)
    assert (said.numpy() == honest.labels).mean() == pytest.approx(honest.accuracy, abs=0.02)


def test_stacking_of_two_classes_is_the_regression_itself():
    answers = [noisy(0.8, 1, classes=2), noisy(0.7, 2, classes=2)]
    logits = fit_stacking(answers)(logs_of(answers))
    assert logits.shape == (400, 2) and torch.allclose(logits[:, 0], -logits[:, 1], atol=1e-5)
    assert surprise(fit_stacking(answers), answers) < surprise(VotingRule([0, 1]), answers)


@pytest.mark.parametrize("name", RULES)
def test_an_attack_passes_through_all_members_and_leaves_no_trace(name):
    ensemble = Ensemble(MEMBERS, RULES[name])
    pixels = to_float(SPLIT.images).requires_grad_()
    seen = [[] for _ in MEMBERS]
    hooks = [
        member.register_forward_pre_hook(lambda _, args, kept=kept: kept.append(args[0]))
        for member, kept in zip(MEMBERS, seen, strict=True)
    ]
    attacked = predict(ensemble, SPLIT, PGD(0.2, 5))
    for hook in hooks:
        hook.remove()
    assert all(torch.equal(a, b) for a, b in zip(seen[0], seen[1], strict=True))  # one image
    assert attacked.accuracy < predict(ensemble, SPLIT).accuracy
    gradient = torch.autograd.grad(ensemble(pixels)[:, 0].sum(), pixels)[0]
    assert gradient.isfinite().all() and gradient.flatten(1).any(1).float().mean() > 0.5
    assert all(weight.grad is None for weight in ensemble.parameters())


@pytest.mark.parametrize("name", RULES)
def test_members_that_are_sure_still_pass_their_gradient_on(name):
    """Of a class with a probability of 1e-40, which float32 takes for 0."""
    logits = torch.tensor([[[90.0, 0.0, -5.0]], [[0.0, 90.0, 3.0]], [[90.0, 2.0, 0.0]]])
    logits.requires_grad_()
    found = Ensemble(MEMBERS, RULES[name]).rule(logits.log_softmax(2))
    gradient = torch.autograd.grad(margin(found, torch.tensor([0])).sum(), logits)[0]
    assert found.isfinite().all() and gradient.isfinite().all() and gradient.any()


def by_probabilities(rule, members, images):
    """How ensembles were computed at first: clamped probabilities, and their mean or logarithm."""
    stacked = torch.stack([member(images).softmax(1) for member in members]).clamp_min(1e-6)
    if isinstance(rule, StackingRule):
        return stacked.log().transpose(0, 1).flatten(1) @ rule.weight.T + rule.bias
    if isinstance(rule, BlendingRule):
        return torch.einsum("m,mnc->nc", rule.weights, stacked.log())
    return torch.einsum("m,mnc->nc", rule.weights, stacked).log()


@pytest.mark.parametrize("times", [1.0, 6.0, 30.0])
@pytest.mark.parametrize("name", RULES)
def test_log_space_changes_no_prediction(name, times):
    members, images = [Sure(member, times) for member in MEMBERS], to_float(SPLIT.images)
    ensemble = Ensemble(members, RULES[name])
    with torch.no_grad():
        expected = by_probabilities(ensemble.rule, members, images).softmax(1)
        assert torch.allclose(ensemble(images).softmax(1), expected, atol=1e-5)


ATTACK = PGD(0.1, 10)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("times", [1.0, 30.0])
def test_being_sure_does_not_save_an_ensemble_from_an_attack_that_knows_it(name, times):
    """What is left is about what an attack on the mean of the members' own logits leaves."""
    members = [Sure(member, times) for member in MEMBERS]
    ensemble = Ensemble(members, RULES[name])
    surrogate = Ensemble(MEMBERS).views()[1]
    through = predict(ensemble, SPLIT, ATTACK, seen_by_attacker=surrogate).accuracy
    known = predict(ensemble, SPLIT, ensemble.adaptive(ATTACK)).accuracy
    assert known <= predict(ensemble, SPLIT, ATTACK).accuracy
    assert known <= through + 0.02, (known, through)


@pytest.mark.parametrize("name, hidden", [("equal votes", 0.1), ("blending", 0.5)])
def test_sure_members_hide_their_gradient_from_an_attack_on_clamped_probabilities(name, hidden):
    """The same predictions, computed in log space and attacked by one that knows them.

    How much is hidden depends on the trained members, and these on the computer.
    """
    members = [Sure(member, 30.0) for member in MEMBERS]
    ensemble = Ensemble(members, RULES[name])

    class Clamped(nn.Module):
        def forward(self, images):
            return by_probabilities(ensemble.rule, members, images)

    flattered = predict(Clamped(), SPLIT, ATTACK).accuracy
    assert predict(ensemble, SPLIT, ensemble.adaptive(ATTACK)).accuracy < flattered - hidden


def test_the_mean_of_logits_does_not_depend_on_how_sure_a_member_is():
    images = to_float(SPLIT.images)
    one = Ensemble(MEMBERS).views()[1](images).log_softmax(1)
    other = Ensemble([Sure(MEMBERS[0], 50.0), *MEMBERS[1:]]).views()[1](images).log_softmax(1)
    assert torch.allclose(one, other, atol=1e-4)


def test_the_mean_of_logits_has_a_gradient_with_two_classes():
    logs = torch.tensor([[[2.0, 0.0]], [[1.0, 0.0]]], requires_grad=True)
    lead = margin(MeanOfLogits([0.5, 0.5])(logs.log_softmax(2)), torch.tensor([0]))
    gradient = torch.autograd.grad(lead.sum(), logs)[0]
    assert (gradient[:, 0, 0] < 0).all() and torch.allclose(
        gradient[0] / gradient[1], torch.tensor(0.5)
    )


def test_the_mean_of_logits_leaves_out_members_without_a_vote():
    one = [0.0, 1.0, 0.0]
    view = Ensemble(MEMBERS, VotingRule(one)).views()[1]
    images = to_float(SPLIT.images)
    assert torch.equal(view(images).argmax(1), MEMBERS[1](images).argmax(1))


def test_an_attack_that_knows_the_ensemble_shows_its_members_the_same_images():
    ensemble, seen = Ensemble(MEMBERS), []
    hooks = [m.register_forward_pre_hook(lambda _, args: seen.append(args[0])) for m in MEMBERS]
    predict(ensemble, SPLIT, ensemble.adaptive(ATTACK))
    for hook in hooks:
        hook.remove()
    assert len(seen) % 3 == 0
    for one, two, three in zip(*(seen[place::3] for place in range(3)), strict=True):
        assert torch.equal(one, two) and torch.equal(two, three)


@pytest.mark.parametrize("name", RULES)
def test_what_members_predicted_combines_to_what_the_ensemble_predicts(name):
    direct = predict(Ensemble(MEMBERS, RULES[name]), SPLIT)
    found = combined(SAID, RULES[name])
    assert np.allclose(found.probabilities, direct.probabilities, atol=1e-4)
    assert np.array_equal(found.labels, direct.labels)


def test_separate_attacks_give_the_mean_of_the_predictions():
    mean = np.mean([said.probabilities for said in SAID], 0)
    assert np.array_equal(mean_of_separate_attacks(SAID).probabilities, mean)


def test_predictions_for_other_images_are_refused():
    other = predict(MEMBERS[0], small_split(60).take(torch.arange(59, -1, -1)))
    for fit in (fit_stacking, fit_blending):
        with pytest.raises(ValueError, match="same images"):
            fit([SAID[0], other])


def test_a_class_that_stacking_was_never_shown_is_never_named():
    few = np.flatnonzero(SPLIT.labels != 1)
    rule = fit_stacking([said.take(few) for said in SAID])
    named = rule(logs_of(SAID)).argmax(1).numpy()
    assert set(named) == {0, 2}
    assert (named[few] == SPLIT.labels.numpy()[few]).mean() > 0.6


def test_stacking_on_one_patient_of_a_class_is_refused():
    lone = [replace(said, groups=np.where(said.labels == 2, 10_000, said.groups)) for said in SAID]
    with pytest.raises(ValueError, match="two patients"):
        fit_stacking(lone)


def test_stacking_of_one_class_is_refused():
    few = np.flatnonzero(SPLIT.labels == 1)
    with pytest.raises(ValueError, match="of each of two classes"):
        fit_stacking([said.take(few) for said in SAID])


def test_equal_votes_predict_the_mean_of_the_probabilities():
    first, second = SAID[:2]
    mean = combined([first, second]).probabilities
    assert np.allclose(mean, (first.probabilities + second.probabilities) / 2)
