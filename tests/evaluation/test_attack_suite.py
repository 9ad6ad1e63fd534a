"""Every model goes through the same attacks, and any attack with an epsilon can be theirs."""

import numpy as np
import pytest
from small import small_split, trained_network

from utils.attacks.adaptive import Adaptive
from utils.attacks.apgd import APGD, WorstCase, worst_case_chain
from utils.attacks.black_box.few_pixels import FewPixels
from utils.attacks.black_box.square import Square
from utils.attacks.pgd import PGD
from utils.evaluation.attack_suite import AttackSuite
from utils.evaluation.conditions import CLEAN, Condition
from utils.evaluation.inference import predict

SPLIT = small_split(50, seed=4)
ATTACKS = [APGD(0.1, 10), Square(0.1, 40), PGD(1.5, norm="l2"), worst_case_chain(0.1, 5, 10)]


@pytest.fixture(scope="module")
def model():
    return trained_network()


def test_every_condition_has_predictions(model):
    suite = AttackSuite(PGD(8 / 255, stop_when_fooled=True), restarts=2)
    found = suite.predict(model, SPLIT)
    sizes = [Condition(kind, size / 255) for kind in ("fgsm", "pgd") for size in (4, 8, 16)]
    noise, strongest = Condition("noise", 8 / 255), Condition("pgd", 8 / 255, 2)
    assert list(found) == [CLEAN, noise, *sizes, strongest]
    assert suite.headline == [CLEAN, noise, sizes[1], sizes[4], strongest]
    assert (found[strongest].right <= found[suite.condition()].right).all()


def test_restarts_are_made_in_float32(model):
    """What survives an attack that rounds has to survive one that does not."""

    class Seen(PGD):
        def __call__(self, model, images, labels):
            precisions.append(self.precision)
            return super().__call__(model, images, labels)

    rounding = Seen(0.02, precision="bfloat16")
    for restarts, passes in ((0, 1), (1, 1), (2, 2)):
        precisions = []
        AttackSuite(rounding, restarts, factors=(1,)).predict(model, SPLIT)
        assert precisions == ["bfloat16", *["float32"] * passes]
    precisions = []
    AttackSuite(Seen(0.02), 0, factors=(1,)).predict(model, SPLIT)
    assert precisions == ["float32"]


def test_attacks_inside_an_attack_are_made_once_more_in_float32(model):
    class Seen(PGD):
        def __call__(self, model, images, labels):
            precisions.append(self.precision)
            return super().__call__(model, images, labels)

    rounding = Seen(0.02, precision="bfloat16")
    for whole in (WorstCase((rounding,)), Adaptive((rounding,), (model,))):
        precisions = []
        AttackSuite(whole, 0, factors=(1,)).predict(model, SPLIT)
        assert precisions == ["bfloat16", "float32"]


class Overshoots(PGD):
    """Works below its full size alone."""

    def __call__(self, model, images, labels):
        return super().__call__(model, images, labels) if self.epsilon < 0.1 else images


def test_the_last_condition_is_the_worst_of_all_that_were_tried_up_to_its_size(model):
    suite = AttackSuite(Overshoots(0.1, 4))
    found = suite.predict(model, SPLIT)
    up_to_it = [c for c in suite.conditions if (c.epsilon or 0) <= 0.1]
    assert len(up_to_it) == 6
    right = np.all([found[condition].right for condition in up_to_it], 0)
    assert np.array_equal(found[suite.strongest].right, right)
    assert right.sum() < found[suite.condition()].right.sum()
    beyond = found[suite.condition("fgsm", 0.2)].right
    assert (right & ~beyond).any()


def test_every_other_condition_stands_alone(model):
    """Only so can it show that a single step does more than many, or a small size than a large."""
    suite = AttackSuite(Overshoots(0.1, 4))
    found = suite.predict(model, SPLIT)
    for condition, attack in suite.conditions.items():
        alone = predict(model, SPLIT, attack).probabilities
        assert np.array_equal(found[condition].probabilities, alone)
    without = AttackSuite(Overshoots(0.1, 4), restarts=0)
    assert without.predict(model, SPLIT)[without.strongest].right.all()


def test_restarts_attack_what_no_condition_has_turned(model):
    """And where the attack itself has succeeded, its predictions are the published ones."""
    suite = AttackSuite(PGD(0.05, 1, step=0.01))
    found = suite.predict(model, SPLIT)
    worst, own = suite.worst_of(found), found[suite.condition()]
    assert 0 < worst.right.sum() < own.right.sum() < len(SPLIT)
    assert np.array_equal(worst.probabilities[~own.right], own.probabilities[~own.right])
    assert np.array_equal(worst.probabilities[worst.right], own.probabilities[worst.right])
    again = predict(model, SPLIT, suite.attack, seed=1, after=worst)
    assert np.array_equal(found[suite.strongest].probabilities, again.probabilities)
    smaller = suite.worst_of(found, 0.025)
    assert worst.right.sum() < smaller.right.sum()


def test_a_curve_has_the_sizes_of_one_kind(model):
    suite = AttackSuite(PGD(8 / 255), restarts=0)
    found = suite.predict(model, SPLIT)
    assert suite.curve(found)[8 / 255] is found[suite.condition("pgd")]
    assert list(suite.curve(found, "noise")) == [0.0, 8 / 255]  # at one size only
    assert suite.strongest == suite.condition() and len(suite.headline) == 4


@pytest.mark.parametrize("attack", ATTACKS, ids=repr)
def test_any_attack_with_an_epsilon_goes_through_it(attack, model):
    suite = AttackSuite(attack)
    found = suite.predict(model, SPLIT)
    accuracy = {size: each.accuracy for size, each in suite.curve(found).items()}
    assert list(accuracy) == [0.0, *suite.sizes]
    assert accuracy[attack.epsilon] < accuracy[0.0] and found[suite.noise].accuracy > 0.8
    assert found[suite.strongest].accuracy <= found[suite.condition()].accuracy


@pytest.mark.parametrize("attack", [FewPixels(), PGD(target=1)], ids=repr)
def test_an_attack_without_size_or_with_a_target_is_refused(attack):
    with pytest.raises(ValueError, match="needs an attack with an epsilon|untargeted"):
        AttackSuite(attack)


def test_the_attack_itself_is_one_of_the_sizes():
    with pytest.raises(ValueError, match="must contain 1"):
        AttackSuite(PGD(), factors=(0.5,))
