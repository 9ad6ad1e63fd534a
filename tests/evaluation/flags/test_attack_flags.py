"""A sound evaluation raises no flag of the attack; each planted mistake raises its own."""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from small import small_network, small_split, trained_network
from utils.evaluation.attack_flags import ATTACK_FLAGS, NOT_APPLICABLE, NOT_RESOLVED
from utils.evaluation.red_flags import check_attack

from utils.attacks.apgd import APGD, worst_case
from utils.attacks.black_box import Square
from utils.attacks.pgd import PGD
from utils.data.split import Split, to_float
from utils.defences.adversarial_training import AdversarialLoss
from utils.defences.ensemble import Ensemble, mean_of_separate_attacks
from utils.evaluation.attack_suite import AttackSuite
from utils.evaluation.conditions import CLEAN
from utils.evaluation.inference import predict
from utils.evaluation.predictions import Predictions

EPSILON = 0.1
SPLIT = small_split(60, seed=5)
SUITE = AttackSuite(PGD(EPSILON))


def evaluated(attack, model=None, published=None, split=SPLIT):
    """The flags of a whole evaluation; `published` replaces some of its predictions."""
    model, suite = model or trained_network(), AttackSuite(attack)
    found = {**suite.predict(model, split), **(published or {})}
    return check_attack(model, split, suite, found)


def red(table) -> set[str]:
    return set(table.loc[table["red"], "flag"])


def reason(table, flag) -> str:
    return table.set_index("flag").loc[flag, "reason"]


def fitted(network, split: Split, steps: int = 60, epsilon: float = 0.0):
    """The network after a short training, adversarial where epsilon says so."""
    loss = AdversarialLoss(PGD(epsilon, 3), weight=1.0 if epsilon else 0.0)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for _ in range(steps):
            optimizer.zero_grad()
            loss(network, to_float(split.images), split.labels, 0).backward()
            optimizer.step()
    network.zero_grad()
    return network.eval()


def two_classes(seed: int) -> Split:
    """Dark or not."""
    split = small_split(60, seed=seed)
    return replace(split, labels=split.labels.clamp_max(1), class_names=("dark", "other"))


def tiny_network():
    """Little more than a hundred weights, in the pattern of an EfficientNet."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return torch.nn.Sequential(
            torch.nn.Conv2d(1, 4, 5, stride=4),
            torch.nn.BatchNorm2d(4),
            torch.nn.SiLU(),
            torch.nn.AdaptiveAvgPool2d(1),
            torch.nn.Flatten(),
            torch.nn.Linear(4, 3),
        )


@cache
def sound(kind: str) -> tuple[torch.nn.Module, Split]:
    """A model that is what it says, and the images to test it on."""
    known = small_split(60, seed=90)
    if kind == "adversarially trained":
        return fitted(small_network(), known, epsilon=EPSILON / 2), SPLIT
    if kind == "tiny":
        return fitted(tiny_network(), known, 200, epsilon=EPSILON / 4), SPLIT
    if kind == "of two classes":
        return fitted(small_network(classes=2), two_classes(90)), two_classes(5)
    return trained_network(), SPLIT


KINDS = ["standard", "adversarially trained", "tiny", "of two classes"]
SOUND = [
    PGD(EPSILON),
    PGD(EPSILON, stop_when_fooled=True, precision="bfloat16"),
    PGD(EPSILON / 10, stop_when_fooled=True),  # 2.6 grey levels: saving undoes the least changes
]


@pytest.mark.parametrize("attack", SOUND, ids=repr)
@pytest.mark.parametrize("kind", KINDS)
def test_a_sound_evaluation_raises_none(kind, attack):
    model, split = sound(kind)
    table = evaluated(attack, model, split=split)
    assert red(table) == set(), table
    assert list(table["flag"]) == list(ATTACK_FLAGS)


def test_a_small_change_that_a_robust_model_resists_is_not_resolved():
    """It is no more than noise, but a larger attack of this kind is: nothing is wrong with it."""
    model, split = sound("adversarially trained")
    table = evaluated(PGD(EPSILON / 20), model, split=split)
    assert reason(table, "random noise does as well").startswith(NOT_RESOLVED)


def test_a_flag_that_few_images_cannot_raise_is_not_resolved():
    few = SPLIT.take(torch.arange(8))  # of four patients
    table = evaluated(PGD(EPSILON / 20), split=few)
    for flag in ("random noise does as well", "accuracy still falls with more steps"):
        assert reason(table, flag) == f"{NOT_RESOLVED}: too few patients (4)"
    assert "too few" in reason(table, "success vanishes when saved")


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
    "random noise does as well": {"noise": 0.4},
    "random noise of this size destroys the score": {
        "noise": 0.3,
        "fgsm": 0.1,
        "iterated": (0.1, 0.1, 0.0),
    },
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


class Noisy(torch.nn.Module):
    """Adds noise to what it is shown: a random defence."""

    def __init__(self):
        super().__init__()
        self.known = trained_network()

    def forward(self, images):
        return self.known(images + 0.2 * torch.randn_like(images))


class InCompany(Noisy):
    """Judges the brightness of an image by that of the others in its batch."""

    def forward(self, images):
        return self.known(images + 0.5 - images.mean())


class Rounds(Noisy):
    """Rounds the pixels to a few grey levels, through which no gradient passes."""

    def forward(self, images):
        return self.known((images * 7).round() / 7)


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
    "images survive a change of any size": (Cautious(EPSILON), trained_network),
    "accuracy still falls with more steps": (Tires(EPSILON), trained_network),
    "success vanishes when saved": (HidesBelowTheGrid(EPSILON), Keyed),
    "black box beats white box on an image": (Sleeps(EPSILON), trained_network),
    "zero or undefined gradients": (PGD(EPSILON), saturated),
    "the same image gets different predictions": (PGD(EPSILON), Noisy),
    "the prediction depends on the batch": (PGD(EPSILON), InCompany),
}
CONSEQUENCES = {  # what else such an attack may give away, and will on some machines
    "model in training mode": {
        "accuracy still falls with more steps",
        "images survive a change of any size",
    },
    "accuracy still falls with more steps": {"black box beats white box on an image"},
    "success vanishes when saved": {
        "images survive a change of any size",
        "black box beats white box on an image",
    },
    "zero or undefined gradients": {"black box beats white box on an image"},
    "the same image gets different predictions": {"images survive a change of any size"},
    "the prediction depends on the batch": {"images survive a change of any size"},
}


@pytest.mark.parametrize("flag", MISTAKES)
def test_a_planted_mistake_raises_its_flag(flag):
    attack, model = MISTAKES[flag]
    raised = red(evaluated(attack, model(), plausible(attack)))
    assert flag in raised and raised <= {flag} | CONSEQUENCES.get(flag, set())


def test_every_flag_has_its_mistake():
    assert {*PUBLISHED, *MISTAKES} == set(ATTACK_FLAGS)


class Turned(Broken):
    """Descends the loss."""

    def spoil(self, attacked, model, images, labels):
        return (2 * images - attacked).clamp(0, 1)


class DividedTwice(Broken):
    """Takes a number in [0, 1] for grey levels."""

    def spoil(self, attacked, model, images, labels):
        return images + (attacked - images) / 255


class OfAnother(Broken):
    """Attacks another network than the one that is evaluated."""

    def spoil(self, attacked, model, images, labels):
        return PGD(self.epsilon, self.steps)(small_network(7), images, labels)


class ShuffledLabels(Broken):
    def spoil(self, attacked, model, images, labels):
        return PGD(self.epsilon, self.steps)(model, images, labels.roll(1))


NO_MORE_THAN_NOISE = "random noise does as well"
ANY_SIZE = "images survive a change of any size"
WHOLE = {  # evaluations with a mistake, published as they come out, and what must be red
    (Turned, "standard"): {NO_MORE_THAN_NOISE, ANY_SIZE},
    (Turned, "adversarially trained"): {NO_MORE_THAN_NOISE, ANY_SIZE},
    (DividedTwice, "standard"): {NO_MORE_THAN_NOISE, ANY_SIZE},
    (DividedTwice, "adversarially trained"): {NO_MORE_THAN_NOISE, ANY_SIZE},
    (OfAnother, "standard"): {"iterated attack weaker than a single step"},
    (OfAnother, "adversarially trained"): {ANY_SIZE},
    (ShuffledLabels, "standard"): {ANY_SIZE},
    (ShuffledLabels, "adversarially trained"): {ANY_SIZE},
}


@pytest.mark.parametrize(("mistake", "kind"), WHOLE)
def test_a_broken_attack_is_red_whatever_the_model(mistake, kind):
    model, split = sound(kind)
    assert WHOLE[mistake, kind] <= red(evaluated(mistake(EPSILON), model, split=split))


HIDDEN = {
    Rounds: {NO_MORE_THAN_NOISE, ANY_SIZE, "zero or undefined gradients"},
    Noisy: {"the same image gets different predictions"},
    InCompany: {"the prediction depends on the batch"},
    saturated: {"zero or undefined gradients"},
}


@pytest.mark.parametrize("model", HIDDEN)
def test_a_model_that_hides_its_gradients_is_red(model):
    assert HIDDEN[model] <= red(evaluated(PGD(EPSILON), model()))


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
ABOUT_STEPS = {"steps too short to reach epsilon", "accuracy still falls with more steps"}
APPLICABLE = {  # of the flags about steps, gradients and a black box
    "APGD": {*ABOUT_STEPS, ANY_SIZE, "black box beats white box on an image"},
    "Square": set(),
    "PGD": {*ABOUT_STEPS, ANY_SIZE},  # in l2, in which no black box is there
    "WorstCase": {ANY_SIZE, "black box beats white box on an image"},
}


@pytest.mark.parametrize("attack", OTHERS, ids=repr)
def test_any_attack_goes_through_the_flags(attack):
    table = evaluated(attack).set_index("flag")
    assert not table["red"].any(), table
    not_for_all = set().union(*APPLICABLE.values())
    skipped = set(table.index[table["reason"] == NOT_APPLICABLE])
    assert skipped == not_for_all - APPLICABLE[type(attack).__name__]


@dataclass(frozen=True)
class Idle(APGD):
    """APGD that returns the images as they are."""

    def __call__(self, model, images, labels):
        return images


@dataclass(frozen=True)
class TooFar(Square):
    """Square with twice its epsilon."""

    def __call__(self, model, images, labels):
        return Square(min(1, 2 * self.epsilon), self.queries)(model, images, labels)


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
