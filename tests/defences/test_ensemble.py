"""An ensemble is one model: it votes as it says, and an attack on it goes through all members."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import optimize
from small import small_split, trained_network

from utils.attacks.pgd import PGD
from utils.data.split import to_float
from utils.defences.ensemble import (
    BlendingRule,
    Ensemble,
    StackingRule,
    VotingRule,
    fit_blending,
    fit_stacking,
    fit_vote,
    mean_of_separate_attacks,
)
from utils.evaluation.predict import predict

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


def surprise(rule, answers) -> float:
    """Mean negative log-probability of the truth."""
    said = torch.as_tensor(np.stack([a.probabilities for a in answers]), dtype=torch.float32)
    logs = rule(said).log_softmax(1).numpy()
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
    """Fitted on one set of patients, asked about others; two of the three members guess."""
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
    said = rule(torch.as_tensor(swapped.probabilities, dtype=torch.float32)[None]).argmax(1)
    assert (said.numpy() == honest.labels).mean() == pytest.approx(honest.accuracy, abs=0.02)


def test_stacking_of_two_classes_is_the_regression_itself():
    answers = [noisy(0.8, 1, classes=2), noisy(0.7, 2, classes=2)]
    said = torch.as_tensor(np.stack([a.probabilities for a in answers]), dtype=torch.float32)
    logits = fit_stacking(answers)(said)
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


def test_probabilities_of_zero_do_not_stop_the_gradient():
    said = torch.tensor([[[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]]])
    for rule in (VotingRule([0.5, 0.5]), BlendingRule([0.5, 0.5])):
        assert rule(said.clamp_min(1e-6)).isfinite().all()


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
    said = torch.as_tensor(np.stack([a.probabilities for a in SAID]), dtype=torch.float32)
    named = rule(said).argmax(1).numpy()
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
