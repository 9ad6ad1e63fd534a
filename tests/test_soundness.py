"""A sound evaluation raises no flag; each planted mistake raises its own."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from small import small_split, trained_network

from utils.battery import Battery
from utils.contamination.attacks import PGD
from utils.predictions import Predictions
from utils.similarity import LeakageAlarm
from utils.soundness import ATTACK_FLAGS, CLEAN_FLAGS, audit, audit_clean

EPSILON = 0.1
SPLIT = small_split(60, seed=5)
BATTERY = Battery(PGD(EPSILON))


def evaluated(attack, model=None, **published):
    """The audit of a whole evaluation; `published` replaces what was found by what was said."""
    model = model or trained_network()
    battery = Battery(attack)
    return audit(model, SPLIT, battery, {**battery.ask(model, SPLIT), **published})


def red(table) -> set[str]:
    return set(table.loc[table["red"], "flag"])


@pytest.mark.parametrize("attack", [PGD(EPSILON), PGD(EPSILON, stop_when_fooled=True)], ids=repr)
def test_a_sound_evaluation_raises_none(attack):
    table = evaluated(attack)
    assert red(table) == set(), table
    assert list(table["flag"]) == list(ATTACK_FLAGS)


def saying(right: float) -> Predictions:
    """Predictions of the same images of which this share is right."""
    hits = np.arange(len(SPLIT)) < right * len(SPLIT)
    said = np.where(hits, SPLIT.labels, (SPLIT.labels + 1) % 3)
    return Predictions(SPLIT.labels.numpy(), np.eye(3)[said], np.arange(len(said)), "abc")


def said(clean=0.95, noise=0.94, fgsm=0.6, pgd=(0.8, 0.5, 0.2)) -> dict[str, Predictions]:
    """A whole battery of answers with these shares right; by default one that could be."""
    names = [BATTERY.name("pgd", size) for size in BATTERY.sizes]
    return {
        "clean": saying(clean),
        BATTERY.name("noise"): saying(noise),
        BATTERY.name("fgsm"): saying(fgsm),
        **dict(zip(names, map(saying, pgd), strict=True)),
    }


PUBLISHED = {  # figures that cannot be
    "iterated attack weaker than a single step": {"fgsm": 0.1},
    "accuracy rises with epsilon": {"pgd": (0.8, 0.5, 0.9)},
    "accuracy better than clean": {"clean": 0.1, "noise": 0.9},
    "random noise does as well": {"noise": 0.0},
}


@pytest.mark.parametrize("flag", PUBLISHED)
def test_an_impossible_figure_raises_its_flag(flag):
    assert red(evaluated(PGD(EPSILON), **said(**PUBLISHED[flag]))) == {flag}
    assert red(evaluated(PGD(EPSILON), **said())) == set()


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


MISTAKES = {
    "steps too short to reach epsilon": (PGD(EPSILON, step=EPSILON / 30), None),
    "leaves the ball or the pixel range": (LeavesTheRange(EPSILON), None),
    "model in training mode": (Trains(EPSILON), None),
    "gradients left in the weights": (Leaks(EPSILON), None),
    "images survive a change of every pixel": (Cautious(EPSILON), None),
    "accuracy still falls with more steps": (Tires(EPSILON), None),
    "success vanishes when saved": (HidesBelowTheGrid(EPSILON), Keyed),
    "zero or undefined gradients": (PGD(EPSILON), "saturated"),
}


def saturated() -> torch.nn.Module:
    """So sure of itself that float32 knows no slope any more; the labels are still right."""
    network = trained_network()
    network[-1].weight.data *= 1e4
    network[-1].bias.data *= 1e4
    return network


@pytest.mark.parametrize("flag", MISTAKES)
def test_a_planted_mistake_raises_its_flag(flag):
    attack, model = MISTAKES[flag]
    model = saturated() if model == "saturated" else model and model()
    raised = red(evaluated(attack, model, **said()))
    follow = {"images survive a change of every pixel"} & raised
    assert raised - (follow if flag in CONSEQUENCES else set()) == {flag}


CONSEQUENCES = {  # mistakes that also keep the attack from winning with every pixel free
    "success vanishes when saved",
    "zero or undefined gradients",
}


def test_every_flag_has_its_mistake():
    assert {*PUBLISHED, *MISTAKES} == set(ATTACK_FLAGS)


SILENT = LeakageAlarm(
    look_up=0.05,
    interval=(0.0, 0.1),
    majority=0.4,
    tested=60,
    siblings=0.0,
    shared_groups=0,
    identical=0,
    near=0,
)
CLEAN_MISTAKES = {
    "no better than the majority class": (saying(0.4), SILENT),
    "no better than a nearest-neighbour look-up": (saying(0.8), replace(SILENT, look_up=0.75)),
    "duplicates across splits": (saying(0.9), replace(SILENT, near=2)),
    "siblings across splits": (saying(0.9), replace(SILENT, siblings=0.5)),
    "a patient in two splits": (saying(0.9), replace(SILENT, shared_groups=1)),
}


@pytest.mark.parametrize("flag", CLEAN_FLAGS)
def test_a_mistake_in_a_clean_score_raises_its_flag(flag):
    assert red(audit_clean(*CLEAN_MISTAKES[flag])) == {flag}


def test_a_sound_clean_score_raises_none():
    assert red(audit_clean(saying(0.9), SILENT)) == set()


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
