"""Several models that answer as one: an attacker who means it attacks the one."""

import math
from dataclasses import replace

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from torch import Tensor, nn

from utils.evaluation.predictions import Predictions

MIN_PROBABILITY = 1e-6  # probabilities below this are not told apart
NEVER = -1e3  # the logit of a class that stacking was never shown
STRENGTHS = np.logspace(-4, 1, 11)  # of the regression: from hardly any to nearly free


class Ensemble(nn.Module):
    """All members see the same image; `rule` makes one answer of theirs.

    Gradients pass through every member, so an attack on it is an attack on all at once.
    """

    def __init__(self, members, rule: nn.Module | None = None):
        super().__init__()
        self.members = nn.ModuleList(members)
        self.rule = rule or VotingRule(np.full(len(self.members), 1 / len(self.members)))
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        said = [member(images).float().softmax(1) for member in self.members]
        return self.rule(torch.stack(said).clamp_min(MIN_PROBABILITY))


class VotingRule(nn.Module):
    """The weighted mean of the members' probabilities: (members, n, classes) -> logits."""

    def __init__(self, weights):
        super().__init__()
        self.register_buffer("weights", torch.as_tensor(np.asarray(weights), dtype=torch.float32))

    def forward(self, said: Tensor) -> Tensor:
        return torch.einsum("m,mnc->nc", self.weights, said).log()


class BlendingRule(VotingRule):
    """The weighted sum of the members' log-probabilities: who is sure of a "no" is heard."""

    def forward(self, said: Tensor) -> Tensor:
        return torch.einsum("m,mnc->nc", self.weights, said.log())


class StackingRule(nn.Module):
    """A linear model on all log-probabilities: it can learn which member to trust on what."""

    def __init__(self, weight, bias):
        super().__init__()
        self.register_buffer("weight", torch.as_tensor(np.asarray(weight), dtype=torch.float32))
        self.register_buffer("bias", torch.as_tensor(np.asarray(bias), dtype=torch.float32))

    def forward(self, said: Tensor) -> Tensor:
        return _side_by_side(said.log()) @ self.weight.T + self.bias


def fit_vote(answers: list[Predictions], rounds: int = 500) -> VotingRule:
    """The weights under which the answers to other images were least surprising (EM)."""
    of_truth = np.stack([a.probabilities[range(len(a.labels)), a.labels] for a in answers])
    weights = np.full(len(answers), 1 / len(answers))
    for _ in range(rounds):
        share = weights[:, None] * of_truth.clip(MIN_PROBABILITY)
        weights = (share / share.sum(0)).mean(1)
    return VotingRule(weights)


def fit_stacking(answers: list[Predictions], seed: int = 0) -> StackingRule:
    """Logistic regression on what the members said of images that they were not trained on.

    How free it is, is chosen by its probabilities out of fold, the folds cut between patients.
    A class of which they show nothing is never named.
    """
    said, labels, groups = _member_log_probabilities(answers)
    shown, labels = np.unique(labels, return_inverse=True)
    patients = [len(np.unique(groups[labels == one])) for one in range(len(shown))]
    if min(patients) < 2 or len(shown) < 2:
        raise ValueError(
            "stacking needs two patients of each of two classes; give a larger validation split"
        )
    seen = _side_by_side(said.log()).numpy()
    folds = StratifiedGroupKFold(min(5, *patients), shuffle=True, random_state=seed)
    folds = list(folds.split(seen, labels, groups))

    def surprise(strength: float) -> float:
        model = LogisticRegression(C=strength, max_iter=2000)
        unseen = cross_val_predict(model, seen, labels, cv=folds, method="predict_proba")
        return -np.log(unseen[range(len(labels)), labels].clip(MIN_PROBABILITY)).mean()

    model = LogisticRegression(C=min(STRENGTHS, key=surprise), max_iter=2000).fit(seen, labels)
    weight, bias = np.zeros((said.shape[2], seen.shape[1])), np.full(said.shape[2], NEVER)
    weight[shown], bias[shown] = _per_class(model.coef_, model.intercept_)
    return StackingRule(weight, bias)


def fit_blending(answers: list[Predictions], rounds: int = 100) -> BlendingRule:
    """One weight per member, zero or more, for its log-probabilities; no class is told apart."""
    said, labels, _ = _member_log_probabilities(answers)
    logs, truth = said.log(), torch.as_tensor(labels)
    raw = torch.full((len(answers),), -math.log(len(answers)), requires_grad=True)
    optimizer = torch.optim.LBFGS([raw], max_iter=rounds, line_search_fn="strong_wolfe")

    def surprise() -> Tensor:
        optimizer.zero_grad()
        value = nn.functional.cross_entropy(torch.einsum("m,mnc->nc", raw.exp(), logs), truth)
        value.backward()
        return value

    optimizer.step(surprise)
    return BlendingRule(raw.detach().exp().numpy())


def mean_of_separate_attacks(answers: list[Predictions]) -> Predictions:
    """The mean of answers to *different* images: nobody was shown an ensemble, so this is no
    attack on one. It is here to be seen beside the real thing."""
    if not all(a.seen for a in answers):
        raise ValueError("needs to know which images were averaged; use predict(..., digest=True)")
    mean = np.mean([a.probabilities for a in answers], 0)
    seen = tuple(sorted({name for a in answers for name in a.seen}))
    return replace(answers[0], probabilities=mean, seen=seen)


def _member_log_probabilities(answers: list[Predictions]) -> tuple[Tensor, np.ndarray, np.ndarray]:
    labels = answers[0].labels
    if any(not np.array_equal(labels, other.labels) for other in answers):
        raise ValueError("the members must have been asked about the same images")
    said = torch.as_tensor(np.stack([a.probabilities for a in answers]), dtype=torch.float32)
    return said.clamp_min(MIN_PROBABILITY), labels, answers[0].groups


def _side_by_side(logs: Tensor) -> Tensor:
    """(members, n, classes) to (n, members * classes)."""
    return logs.transpose(0, 1).flatten(1)


def _per_class(weight: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of two classes the regression keeps one row; the other is its negative."""
    if len(weight) > 1:
        return weight, bias
    return np.vstack([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
