"""A sound evaluation raises no flag; each planted mistake raises its own."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from small import small_split, trained_network

from utils.attacks.pgd import PGD
from utils.attacks.regions import StrongestPatch
from utils.data.split import to_float
from utils.defences.ensemble import Ensemble, mean_of_separate_attacks
from utils.evaluation.attack_suite import AttackSuite
from utils.evaluation.image_similarity import psnr
from utils.evaluation.leakage import LeakageAlarm
from utils.evaluation.predict import predict
from utils.evaluation.predictions import Predictions
from utils.evaluation.red_flags import ATTACK_FLAGS, CLEAN_FLAGS, check_attack, check_clean
from utils.evaluation.reporting_flags import PRINTED_FLAGS, Report, check_report
from utils.evaluation.sanity_checks import run_sanity_checks

EPSILON = 0.1
SPLIT = small_split(60, seed=5)
BATTERY = AttackSuite(PGD(EPSILON))


def evaluated(attack, model=None, **published):
    """The audit of a whole evaluation; `published` replaces what was found by what was said."""
    model = model or trained_network()
    battery = AttackSuite(attack)
    return check_attack(model, SPLIT, battery, {**battery.ask(model, SPLIT), **published})


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
    raised = red(evaluated(attack, model(), **said()))
    assert raised == {flag} | CONSEQUENCES.get(flag, set())


def test_every_flag_has_its_mistake():
    assert {*PUBLISHED, *MISTAKES} == set(ATTACK_FLAGS)
    assert set(CLEAN_MISTAKES) == set(CLEAN_FLAGS)
    assert set(MISPRINTS) == set(PRINTED_FLAGS)


@pytest.mark.parametrize("published", ["pgd_25.5_restarts", "pgd_25.5"])
def test_answers_to_different_images_are_known_after_averaging(published):
    members = [trained_network(0), trained_network(1)]
    alone = [predict(member, SPLIT, BATTERY.attack) for member in members]
    raised = red(
        evaluated(BATTERY.attack, Ensemble(members), **{published: mean_of_separate_attacks(alone)})
    )
    assert "ensemble members fed different images" in raised
    alike = mean_of_separate_attacks([predict(member, SPLIT) for member in members])
    assert len(alike.seen) == 1
    assert red(evaluated(BATTERY.attack, Ensemble(members), clean=alike)) == set()


def test_a_black_box_is_asked_only_where_it_says_something():
    """Not where nobody is left, and not where the white box was confined to a region."""
    model, few = trained_network(), SPLIT.limit(6)
    withstood = {
        name: split for name, split in (("nobody", few.take(torch.arange(0))), ("all", few))
    }
    found = {
        name: run_sanity_checks(model, few, PGD(EPSILON), left) for name, left in withstood.items()
    }
    assert found["nobody"].black_box is None and len(found["all"].black_box.labels) == 6
    confined = PGD(EPSILON, where=StrongestPatch(4))
    assert run_sanity_checks(model, few, confined, few).black_box is None


def test_a_file_that_loses_the_attack_is_noticed():
    """The attack is sound; only the files in which it is handed in are not."""
    model, battery = trained_network(), AttackSuite(PGD(EPSILON))
    answers = battery.ask(model, SPLIT)
    clean = to_float(SPLIT.limit(40).images)
    table = check_attack(model, SPLIT, battery, answers, file=lambda shown: clean)
    assert red(table) == {"success vanishes when saved"}


SILENT = LeakageAlarm(
    look_up=0.05,
    interval=(0.0, 0.1),
    majority=0.4,
    tested=60,
    siblings=0.0,
    shared_groups=0,
    identical=0,
    copies=0,
)
CLEAN_MISTAKES = {
    "no better than the majority class": (saying(0.4), SILENT),
    "no better than a nearest-neighbour look-up": (saying(0.8), replace(SILENT, look_up=0.75)),
    "duplicates across splits": (saying(0.9), replace(SILENT, copies=2)),
    "siblings across splits": (saying(0.9), replace(SILENT, siblings=0.5)),
    "a known patient in two splits": (saying(0.9), replace(SILENT, shared_groups=1)),
}


@pytest.mark.parametrize("flag", CLEAN_MISTAKES)
def test_a_mistake_in_a_clean_score_raises_its_flag(flag):
    assert red(check_clean(*CLEAN_MISTAKES[flag])) == {flag}


def test_a_sound_clean_score_raises_none():
    assert red(check_clean(saying(0.9), SILENT)) == set()


PIXELS = to_float(SPLIT.images)
SEEN = (PIXELS, (PIXELS + 4 / 255).clamp(0, 1))
ANSWERS = saying(0.9)
HONEST = Report(
    answers=ANSWERS,
    accuracy=0.9,
    names=ANSWERS.class_names,
    pictures=SEEN,
    psnr=float(psnr(*SEEN).mean()),
    detector=(saying(0.7), saying(0.7)),
)
MISPRINTS = {
    "accuracy is not hits over images": replace(HONEST, accuracy=54 / 64),
    "class names not those of the data": replace(HONEST, names=("c", "b", "a")),
    "PSNR not that of the pictures": replace(HONEST, psnr=HONEST.psnr + 48.1),
    "detector needs the original": replace(HONEST, detector=(saying(1), saying(0.5))),
}


@pytest.mark.parametrize("flag", MISPRINTS)
def test_a_misprint_raises_its_flag(flag):
    assert red(check_report(MISPRINTS[flag])) == {flag}


@pytest.mark.parametrize("printed", [HONEST, Report()], ids=["everything", "nothing"])
def test_a_page_that_says_what_is_raises_none(printed):
    assert red(check_report(printed)) == set()


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
