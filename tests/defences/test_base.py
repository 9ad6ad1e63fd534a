"""The contract of every defence that is a module: it brings the attack of one that knows it."""

import importlib
from pkgutil import walk_packages

import pytest
import torch
from small import small_split, trained_network
from witnesses import Sure, size_of

import utils.defences
from utils.attacks.adaptive import adaptive_attack
from utils.attacks.pgd import PGD
from utils.data.split import to_float
from utils.defences.base import Defence, views_of
from utils.defences.ensemble import Ensemble, fit_blending, fit_stacking
from utils.defences.losses.adversarial_training import Hardened
from utils.defences.purification import PURIFICATIONS, Purified
from utils.defences.rejection import Rejector, SelectiveClassifier
from utils.defences.smoothing import Smoothed
from utils.evaluation.inference import logits, predict

SPLIT = small_split(60, seed=7)
MEMBERS = [trained_network(seed) for seed in range(3)]
SAID = [predict(member, SPLIT) for member in MEMBERS]
MODEL = MEMBERS[0]


def rejecting(measure):
    return SelectiveClassifier(MODEL, Rejector(measure).fit(logits(MODEL, small_split(96, seed=5))))


DEFENCES = {
    **{name: Purified(MODEL, step) for name, step in PURIFICATIONS.items()},
    "adversarial training": Hardened(MODEL),
    "smoothing": Smoothed(MODEL, 0.1, draws=40),
    "soft vote": Ensemble(MEMBERS),
    "soft vote of sure members": Ensemble([Sure(member, 6.0) for member in MEMBERS]),
    "blending": Ensemble(MEMBERS, fit_blending(SAID)),
    "stacking": Ensemble(MEMBERS, fit_stacking(SAID)),
    "energy": rejecting("energy"),
    "confidence": rejecting("confidence"),
    "a vote behind a filter": Purified(Ensemble(MEMBERS), PURIFICATIONS["JPEG"]),
    "a rejector behind a filter": SelectiveClassifier(
        Purified(MODEL, PURIFICATIONS["JPEG"]), rejecting("energy").rejector
    ),
}
EVERY = pytest.mark.parametrize("name", DEFENCES)
ATTACKS = [PGD(0.05, 8), PGD(0.9, 8, norm="l2"), PGD(0.05, 8, loss="margin", stop_when_fooled=True)]


def success(defence, split, attack) -> float:
    """The share of images that harm the defence, as it judges by itself."""
    found = logits(defence, split, attack)
    wrong = found.argmax(1) != split.labels
    if isinstance(defence, SelectiveClassifier):
        wrong &= defence.rejector.accepts(found)
    return float(wrong.float().mean())


@EVERY
@pytest.mark.parametrize("attack", ATTACKS, ids=repr)
def test_an_attack_that_knows_the_defence_does_at_least_as_much_harm(name, attack):
    defence = DEFENCES[name]
    plain, known = (success(defence, SPLIT, one) for one in (attack, defence.adaptive(attack)))
    assert known >= plain, (known, plain)


@EVERY
def test_a_large_attack_that_knows_the_defence_leaves_little(name):
    defence = DEFENCES[name]
    found = success(defence, SPLIT, defence.adaptive(PGD(0.25, 20)))
    assert found > 0.8, found


@EVERY
@pytest.mark.parametrize("attack", ATTACKS[:2], ids=repr)
def test_it_stays_in_the_ball_and_leaves_no_trace(name, attack):
    defence, images, labels = DEFENCES[name].train(), to_float(SPLIT.images), SPLIT.labels
    known = defence.adaptive(attack)
    attacked = known(defence, images, labels)
    assert (known.epsilon, known.norm) == (attack.epsilon, attack.norm)
    assert size_of(attacked - images, attack.norm).max() <= attack.epsilon + 1e-5
    assert attacked.min() >= 0 and attacked.max() <= 1 and not attacked.requires_grad
    assert defence.training and all(weight.grad is None for weight in defence.parameters())
    defence.eval()


@EVERY
def test_its_views_predict_classes_and_have_gradients(name):
    images = to_float(SPLIT.images).requires_grad_()
    alive = False
    for view in views_of(DEFENCES[name].eval()):
        found = view(images)
        assert found.shape == (len(SPLIT), 3) and found.isfinite().all()
        alive |= bool(torch.autograd.grad(found[:, 0].sum(), images)[0].any())
    assert alive


def test_every_defence_that_is_a_module_keeps_the_contract():
    for module in walk_packages(utils.defences.__path__, "utils.defences."):
        importlib.import_module(module.name)
    kinds = {type(defence) for defence in DEFENCES.values()}
    assert {
        kind for kind in Defence.__subclasses__() if kind.__module__.startswith("utils.")
    } == kinds


def test_a_plain_network_is_its_own_view_and_its_attack_stays_as_it_is():
    attack = PGD(0.1)
    assert adaptive_attack(MODEL, attack) is attack and views_of(MODEL) == (MODEL,)
    assert adaptive_attack(DEFENCES["JPEG"], attack).attacks == (attack,)
