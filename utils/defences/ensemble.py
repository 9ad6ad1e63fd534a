"""Several models that predict as one, and are attacked as one."""

import math
from dataclasses import replace

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from torch import Tensor, nn

from utils.attacks.adaptive import with_margin
from utils.attacks.base import Attack
from utils.defences.base import Defence
from utils.evaluation.predictions import Predictions

MIN_PROBABILITY = 1e-6  # smaller probabilities count as this one when a rule is fitted
TINY = 1e-30  # stands for a probability that float32 has rounded to 0
MIN_SPREAD = 1e-6  # of the logits of an image
NEVER = -1e3  # the logit of a class without images when stacking was fitted
STRENGTHS = np.logspace(-4, 1, 11)  # C of the regression: from strong regularisation to weak
VOTE_ROUNDS = 500  # of expectation maximisation
BLENDING_STEPS = 100  # of L-BFGS at most


class Ensemble(Defence):
    """All members see the same image; `rule` combines the logarithms of their probabilities.

    Gradients pass through every member, so an attack on the ensemble attacks all at once. Where
    the members are sure, theirs nearly vanish: `adaptive` also attacks the mean of the logits,
    and climbs the margin beside the cross-entropy.
    """

    def __init__(self, members, rule: nn.Module | None = None):
        super().__init__()
        self.members = nn.ModuleList(members)
        self.rule = rule or VotingRule(np.full(len(self.members), 1 / len(self.members)))
        self.eval()

    def forward(self, images: Tensor, rule: nn.Module | None = None) -> Tensor:
        logs = [member(images).float().log_softmax(1) for member in self.members]
        return (rule or self.rule)(torch.stack(logs))

    def views(self) -> tuple[nn.Module, ...]:
        equal = np.full(len(self.members), 1 / len(self.members))
        return self, UnderRule(self, MeanOfLogits(getattr(self.rule, "weights", equal)))

    def variants(self, attack: Attack) -> tuple[Attack, ...]:
        return with_margin(attack)


class UnderRule(nn.Module):
    """An ensemble as it would predict under another rule."""

    def __init__(self, ensemble: Ensemble, rule: nn.Module):
        super().__init__()
        self.ensemble, self.rule = ensemble, rule

    def forward(self, images: Tensor) -> Tensor:
        return self.ensemble(images, self.rule)


class VotingRule(nn.Module):
    """The weighted mean of the members' probabilities: logs (members, n, classes) -> logits."""

    def __init__(self, weights):
        super().__init__()
        self.register_buffer("weights", torch.as_tensor(weights, dtype=torch.float32))

    def forward(self, logs: Tensor) -> Tensor:
        return (logs + self.weights.log()[:, None, None]).logsumexp(0)


class BlendingRule(VotingRule):
    """The weighted sum of the members' log-probabilities: one member can rule a class out."""

    def forward(self, logs: Tensor) -> Tensor:
        return torch.einsum("m,mnc->nc", self.weights, floored(logs))


class MeanOfLogits(VotingRule):
    """The weighted mean of the members' logits, those of each image brought to the same spread.

    For an attacker: no member saturates, and none drowns the others by being surer of itself.
    The log-probabilities are the logits up to a number per image, which changes no gradient.
    """

    def forward(self, logs: Tensor) -> Tensor:
        # A constant in the gradient: with two classes the ratio itself would not depend on pixels.
        spread = logs.detach().std(2, keepdim=True).clamp_min(MIN_SPREAD)
        return torch.einsum("m,mnc->nc", self.weights.to(logs), logs / spread)


class StackingRule(nn.Module):
    """A linear model on all log-probabilities: it learns which member to trust on which class."""

    def __init__(self, weight, bias):
        super().__init__()
        self.register_buffer("weight", torch.as_tensor(np.asarray(weight), dtype=torch.float32))
        self.register_buffer("bias", torch.as_tensor(np.asarray(bias), dtype=torch.float32))

    def forward(self, logs: Tensor) -> Tensor:
        return _side_by_side(floored(logs)) @ self.weight.T + self.bias


def floored(logs: Tensor) -> Tensor:
    """At least the log of MIN_PROBABILITY, as the rule was fitted; the gradient has no floor."""
    return logs.detach().clamp_min(math.log(MIN_PROBABILITY)) + (logs - logs.detach())


def fit_vote(members: list[Predictions]) -> VotingRule:
    """The weights that make the labels of held-out images most likely (EM)."""
    of_label = np.stack([m.probabilities[range(len(m.labels)), m.labels] for m in members])
    weights = np.full(len(members), 1 / len(members))
    for _ in range(VOTE_ROUNDS):
        share = weights[:, None] * of_label.clip(MIN_PROBABILITY)
        weights = (share / share.sum(0)).mean(1)
    return VotingRule(weights)


def fit_stacking(members: list[Predictions], seed: int = 0) -> StackingRule:
    """Logistic regression on the members' predictions for held-out images.

    Its regularisation is chosen by out-of-fold log-likelihood, with patients kept in one fold.
    A class without images is never predicted.
    """
    probabilities, labels, groups = _member_probabilities(members)
    present, labels = np.unique(labels, return_inverse=True)
    patients = [len(np.unique(groups[labels == one])) for one in range(len(present))]
    if min(patients) < 2 or len(present) < 2:
        raise ValueError(
            "stacking needs two patients of each of two classes; give a larger validation split"
        )
    inputs = _side_by_side(probabilities.log()).numpy()
    folds = StratifiedGroupKFold(min(5, *patients), shuffle=True, random_state=seed)
    folds = list(folds.split(inputs, labels, groups))

    # LogisticRegressionCV averages over folds, whatever their size, and without a floor.
    def loss(strength: float) -> float:
        model = LogisticRegression(C=strength, max_iter=2000)
        held_out = cross_val_predict(model, inputs, labels, cv=folds, method="predict_proba")
        return -np.log(held_out[range(len(labels)), labels].clip(MIN_PROBABILITY)).mean()

    model = LogisticRegression(C=min(STRENGTHS, key=loss), max_iter=2000).fit(inputs, labels)
    classes = probabilities.shape[2]
    weight, bias = np.zeros((classes, inputs.shape[1])), np.full(classes, NEVER)
    weight[present], bias[present] = _per_class(model.coef_, model.intercept_)
    return StackingRule(weight, bias)


def fit_blending(members: list[Predictions]) -> BlendingRule:
    """One weight of zero or more per member, the same for all classes."""
    probabilities, labels, _ = _member_probabilities(members)
    logs, labels = probabilities.log(), torch.as_tensor(labels)
    raw = torch.full((len(members),), -math.log(len(members)), requires_grad=True)
    optimizer = torch.optim.LBFGS([raw], max_iter=BLENDING_STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = nn.functional.cross_entropy(torch.einsum("m,mnc->nc", raw.exp(), logs), labels)
        value.backward()
        return value

    optimizer.step(loss)
    return BlendingRule(raw.detach().exp().numpy())


def combined(members: list[Predictions], rule: nn.Module | None = None) -> Predictions:
    """What an ensemble under this rule predicts, from what its members have predicted already."""
    rule = rule or VotingRule(np.full(len(members), 1 / len(members)))
    stacked = torch.as_tensor(np.stack([each.probabilities for each in members]))
    logs = stacked.float().clamp_min(TINY).log().to(next(rule.buffers()).device)
    return replace(members[0], probabilities=rule(logs).softmax(1).cpu().numpy())


def mean_of_separate_attacks(answers: list[Predictions]) -> Predictions:
    """The mean prediction for *different* images, each attacked for one member alone.

    This is no attack on an ensemble; it exists to be compared with one.
    """
    if not all(a.seen for a in answers):
        raise ValueError("needs to know which images were averaged; use predict(..., digest=True)")
    mean = np.mean([a.probabilities for a in answers], 0)
    seen = tuple(sorted({name for a in answers for name in a.seen}))
    return replace(answers[0], probabilities=mean, seen=seen)


def _member_probabilities(members: list[Predictions]) -> tuple[Tensor, np.ndarray, np.ndarray]:
    labels = members[0].labels
    if any(not np.array_equal(labels, other.labels) for other in members):
        raise ValueError("the members must predict the same images in the same order")
    stacked = np.stack([member.probabilities for member in members])
    probabilities = torch.as_tensor(stacked, dtype=torch.float32)
    return probabilities.clamp_min(MIN_PROBABILITY), labels, members[0].groups


def _side_by_side(logs: Tensor) -> Tensor:
    """(members, n, classes) to (n, members * classes)."""
    return logs.transpose(0, 1).flatten(1)


def _per_class(weight: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For two classes the regression keeps one row; the other is its negative."""
    if len(weight) > 1:
        return weight, bias
    return np.vstack([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
