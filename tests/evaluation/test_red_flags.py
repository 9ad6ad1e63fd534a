"""A sound evaluation raises no flag; each planted mistake raises its own."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from small import small_split, trained_network

from utils.attacks.apgd import APGD, worst_case
from utils.attacks.black_box import Square
from utils.attacks.pgd import PGD
from utils.data.split import to_float
from utils.defences.ensemble import Ensemble, mean_of_separate_attacks
from utils.evaluation.attack_suite import AttackSuite
from utils.evaluation.conditions import CLEAN
from utils.evaluation.intervals import Interval
from utils.evaluation.leakage import LeakageAlarm
from utils.evaluation.predict import predict
from utils.evaluation.predictions import Predictions
from utils.evaluation.red_flags import (
    ATTACK_FLAGS,
    CLEAN_FLAGS,
    NOT_APPLICABLE,
    check_attack,
    check_clean,
)

EPSILON = 0.1
SPLIT = small_split(60, seed=5)
SUITE = AttackSuite(PGD(EPSILON))


def evaluated(attack, model=None, published=None):
    """The flags of a whole evaluation; `published` replaces some of its predictions."""
    model, suite = model or trained_network(), AttackSuite(attack)
    found = {**suite.predict(model, SPLIT), **(published or {})}
    return check_attack(model, SPLIT, suite, found)


def red(table) -> set[str]:
    return set(table.loc[table["red"], "flag"])


@pytest.mark.parametrize("attack", [PGD(EPSILON), PGD(EPSILON, stop_when_fooled=True)], ids=repr)
def test_a_sound_evaluation_raises_none(attack):
    table = evaluated(attack)
    assert red(table) == set(), table
    assert list(table["flag"]) == list(ATTACK_FLAGS)


def predictions(right: float) -> Predictions:
    """Predictions of the same images of which this share is right."""
    hits = np.arange(len(SPLIT)) < right * len(SPLIT)
    predicted = np.where(hits, SPLIT.labels, (SPLIT.labels + 1) % 3)
    return Predictions(SPLIT.labels.numpy(), np.eye(3)[predicted], np.arange(len(hits)), "abc")


def plausible(attack, clean=0.95, noise=0.94, fgsm=0.6, iterated=(0.8, 0.5, 0.2)):
    """Predictions of a whole suite with these accuracies; by default plausible ones."""
    suite = AttackSuite(attack)
    sizes = [suite.condition(size=size) for size in suite.sizes]
    return {
        CLEAN: predictions(clean),
        suite.noise: predictions(noise),
        suite.condition("fgsm"): predictions(fgsm),
        **dict(zip(sizes, map(predictions, iterated), strict=True)),
    }


PUBLISHED = {  # figures that cannot be
    "iterated attack weaker than a single step": {"fgsm": 0.1},
    "accuracy rises with epsilon": {"iterated": (0.8, 0.5, 0.9)},
    "accuracy better than clean": {"clean": 0.1, "noise": 0.9},
    "random noise does as well": {"noise": 0.0},
}


@pytest.mark.parametrize("flag", PUBLISHED)
def test_an_impossible_figure_raises_its_flag(flag):
    attack = PGD(EPSILON)
    assert red(evaluated(attack, published=plausible(attack, **PUBLISHED[flag]))) == {flag}
    assert red(evaluated(attack, published=plausible(attack))) == set()


@dataclass(frozen=True)
class Broken(PGD):
    """PGD with the mistake under test in its last line."""

    def __call__(self, model, images, labels):
        return self.spoil(super().__call__(model, images, labels), model, images, labels)


class LeavesTheRange(Broken):
    def spoil(self, attacked, model, images, labels):
        return attacked + (attacked - images)


class HidesBelowTheGrid(Broken):
    """Fools by less than half a grey level, which a file does not hold."""

    def spoil(self, attacked, model, images, labels):
        return model.keyed(images)


class Trains(Broken):
    def spoil(self, attacked, model, images, labels):
        model.train()
        model(images)
        model.eval()
        return attacked


class Leaks(Broken):
    def spoil(self, attacked, model, images, labels):
        F.cross_entropy(model(attacked), labels).backward()
        return attacked


class Tires(Broken):
    """Stops halfway to the edge, however far it may go, unless given more steps."""

    def spoil(self, attacked, model, images, labels):
        if self.steps > 20 or self.epsilon == 1:
            return attacked
        return images


class Cautious(Broken):
    """Never goes further than EPSILON, whatever it is allowed."""

    def spoil(self, attacked, model, images, labels):
        return images + (attacked - images).clamp(-EPSILON, EPSILON)


class Keyed(torch.nn.Module):
    """Wrong exactly where an image lies off the 8-bit grid by the key."""

    def __init__(self):
        super().__init__()
        self.known = trained_network()

    def keyed(self, images):
        return (images + 0.4 / 255).clamp(0, 1)

    def forward(self, images):
        off = ((images * 255 - (images * 255).round()).mean((1, 2, 3)) - 0.4).abs() < 0.05
        logits = self.known(images)
        return torch.where(off[:, None], logits.roll(1, 1), logits)


class Sleeps(Broken):
    """Leaves one class alone, unless every pixel is free."""

    def spoil(self, attacked, model, images, labels):
        return torch.where(
            (labels == 0)[:, None, None, None] & (self.epsilon < 1), images, attacked
        )


class EachItsOwn(Ensemble):
    """Every member gets another image than the one before it."""

    def forward(self, images):
        turned = [member(images.flip(-1) if k else images) for k, member in enumerate(self.members)]
        return torch.stack([logits.softmax(1) for logits in turned]).mean(0).log()


def saturated() -> torch.nn.Module:
    """So sure of itself that float32 knows no slope any more; the labels are still right."""
    network = trained_network()
    network[-1].weight.data *= 1e4
    network[-1].bias.data *= 1e4
    return network


MISTAKES = {  # the flag, an attack, and the model that it is carried out on
    "steps too short to reach epsilon": (PGD(EPSILON, step=EPSILON / 30), trained_network),
    "leaves the ball or the pixel range": (LeavesTheRange(EPSILON), trained_network),
    "model in training mode": (Trains(EPSILON), trained_network),
    "ensemble members fed different images": (
        PGD(EPSILON),
        lambda: EachItsOwn([trained_network(0), trained_network(1)]),
    ),
    "gradients left in the weights": (Leaks(EPSILON), trained_network),
    "images survive a change of every pixel": (Cautious(EPSILON), trained_network),
    "accuracy still falls with more steps": (Tires(EPSILON), trained_network),
    "success vanishes when saved": (HidesBelowTheGrid(EPSILON), Keyed),
    "black box beats white box on an image": (Sleeps(EPSILON), trained_network),
    "zero or undefined gradients": (PGD(EPSILON), saturated),
}
CONSEQUENCES = {  # what else such an attack gives away
    "accuracy still falls with more steps": {"black box beats white box on an image"},
    "success vanishes when saved": {
        "images survive a change of every pixel",
        "black box beats white box on an image",
    },
    "zero or undefined gradients": {
        "images survive a change of every pixel",
        "black box beats white box on an image",
    },
}


@pytest.mark.parametrize("flag", MISTAKES)
def test_a_planted_mistake_raises_its_flag(flag):
    attack, model = MISTAKES[flag]
    raised = red(evaluated(attack, model(), plausible(attack)))
    assert raised == {flag} | CONSEQUENCES.get(flag, set())


def test_every_flag_has_its_mistake():
    assert {*PUBLISHED, *MISTAKES} == set(ATTACK_FLAGS)
    assert set(CLEAN_MISTAKES) == set(CLEAN_FLAGS)


@pytest.mark.parametrize("published", [SUITE.strongest, SUITE.condition()], ids=str)
def test_predictions_for_different_images_are_known_after_averaging(published):
    members = [trained_network(0), trained_network(1)]
    alone = [predict(member, SPLIT, SUITE.attack, digest=True) for member in members]
    mean = {published: mean_of_separate_attacks(alone)}
    raised = red(evaluated(SUITE.attack, Ensemble(members), mean))
    assert "ensemble members fed different images" in raised
    alike = mean_of_separate_attacks([predict(m, SPLIT, digest=True) for m in members])
    assert len(alike.seen) == 1
    assert red(evaluated(SUITE.attack, Ensemble(members), {CLEAN: alike})) == set()


OTHERS = [
    APGD(EPSILON, steps=20),
    Square(EPSILON, queries=200),
    PGD(1.5, norm="l2"),
    worst_case(EPSILON, 10, 30),
]
APPLICABLE = {  # of the flags about steps and about a black box
    "APGD": {"steps too short to reach epsilon", "accuracy still falls with more steps"}
    | {"black box beats white box on an image"},
    "Square": set(),
    "PGD": {"steps too short to reach epsilon", "accuracy still falls with more steps"},
    "WorstCase": {"black box beats white box on an image"},
}


@pytest.mark.parametrize("attack", OTHERS, ids=repr)
def test_any_attack_goes_through_the_flags(attack):
    table = evaluated(attack).set_index("flag")
    assert not table["red"].any(), table
    about_steps = set().union(*APPLICABLE.values())
    skipped = set(table.index[table["reason"] == NOT_APPLICABLE])
    assert skipped == about_steps - APPLICABLE[type(attack).__name__]


@dataclass(frozen=True)
class Idle(APGD):
    """APGD that returns the images as they are."""

    def __call__(self, model, images, labels):
        return images


@dataclass(frozen=True)
class TooFar(Square):
    """Square with twice its epsilon."""

    def __call__(self, model, images, labels):
        return Square(2 * self.epsilon, self.queries)(model, images, labels)


def test_a_planted_mistake_in_any_attack_raises_its_flag():
    idle = {"iterated attack weaker than a single step", "random noise does as well"}
    assert idle <= red(evaluated(Idle(EPSILON)))
    assert "leaves the ball or the pixel range" in red(evaluated(TooFar(EPSILON, 50)))
    far = LeavesTheRange(1.5, norm="l2")
    assert "leaves the ball or the pixel range" in red(evaluated(far))


def test_a_file_that_loses_the_attack_is_noticed():
    """The attack is sound; only the files in which it is saved are not."""
    model, suite = trained_network(), AttackSuite(PGD(EPSILON))
    found = suite.predict(model, SPLIT)
    clean = to_float(SPLIT.limit(40).images)
    table = check_attack(model, SPLIT, suite, found, file=lambda attacked: clean)
    assert red(table) == {"success vanishes when saved"}


SILENT = LeakageAlarm(
    baseline=Interval(0.05, 0.0, 0.1),
    majority=0.4,
    tested=60,
    siblings=0.0,
    shared_groups=0,
    identical=0,
    copies=0,
)
CLEAN_MISTAKES = {
    "no better than the majority class": (predictions(0.4), SILENT),
    "no better than a nearest-neighbour look-up": (
        predictions(0.8),
        replace(SILENT, baseline=Interval(0.75, 0.7, 0.8)),
    ),
    "duplicates across splits": (predictions(0.9), replace(SILENT, copies=2)),
    "siblings across splits": (predictions(0.9), replace(SILENT, siblings=0.5)),
    "a known patient in two splits": (predictions(0.9), replace(SILENT, shared_groups=1)),
}


@pytest.mark.parametrize("flag", CLEAN_MISTAKES)
def test_a_mistake_in_a_clean_score_raises_its_flag(flag):
    assert red(check_clean(*CLEAN_MISTAKES[flag])) == {flag}


def test_a_sound_clean_score_raises_none():
    assert red(check_clean(predictions(0.9), SILENT)) == set()


def test_the_audit_leaves_no_trace():
    model = trained_network()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    evaluated(PGD(EPSILON), model)
    assert torch.equal(torch.rand(2), expected)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert not model._forward_pre_hooks
