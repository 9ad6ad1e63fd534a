"""Each planted mistake in a model, or in how it is attacked, raises its flag."""

from types import SimpleNamespace

import pytest
from planted import (
    EPSILON,
    SPLIT,
    SUITE,
    Augments,
    AugmentsByPlace,
    ByLot,
    Compresses,
    Drops,
    EachItsOwn,
    EndsInSoftmax,
    HidesItsNetwork,
    IgnoresEval,
    InCompany,
    Leaks,
    Noisy,
    Ripples,
    Rounds,
    RoundsInDisguise,
    StraightThrough,
    Trains,
    evaluated,
    evaluated_briefly,
    predictions,
    reason,
    red,
    saturated,
)
from small import trained_network
from torch import nn

from utils.attacks.adaptive import Adaptive, Expectation
from utils.attacks.pgd import PGD
from utils.defences.ensemble import Ensemble, mean_of_separate_attacks
from utils.defences.purification import GreyLevels, Purified
from utils.defences.smoothing import Smoothed
from utils.evaluation.conditions import CLEAN
from utils.evaluation.flags.gradient_experiments import STEP
from utils.evaluation.flags.judging import HARMLESS, NOT_APPLICABLE, NOT_RESOLVED
from utils.evaluation.flags.model_flags import ENOUGH_DRAWS, MODEL_FLAGS
from utils.evaluation.inference import predict

RANDOM, LUCK = "the same image gets different predictions", "early stop on a random model"
BATCH, MODE = "the prediction depends on the batch", "model in training mode"
DEAD, MASKED = "zero or undefined gradients", "masked gradients"
APART, LEFT = "ensemble members fed different images", "gradients left in the weights"
NO_LOGITS = "probabilities instead of logits"


def without_statistics() -> nn.Module:
    """Batch norm that was told to keep none."""
    network = trained_network()
    network[1].running_mean = network[1].running_var = None
    return network


def stopping() -> PGD:
    return PGD(EPSILON, 5, stop_when_fooled=True)


MISTAKES = {  # an attack, the model that it is carried out on, and what must be red
    "trains": (Trains(EPSILON, 5), trained_network, {MODE}),
    "a wrapper ignores eval": (PGD(EPSILON, 5), IgnoresEval, {MODE, RANDOM}),
    "a network in a list": (PGD(EPSILON, 5), HidesItsNetwork, {MODE, RANDOM}),
    "members apart": (
        PGD(EPSILON, 5),
        lambda: EachItsOwn([trained_network(0), trained_network(1)]),
        {APART},
    ),
    "backward": (Leaks(EPSILON, 5), trained_network, {LEFT}),
    "saturated": (PGD(EPSILON, 5), saturated, {DEAD}),
    "rounding": (PGD(EPSILON, 5), Rounds, {DEAD, MASKED}),
    "rounding in disguise": (PGD(EPSILON, 5), RoundsInDisguise, {MASKED}),
    "ripples": (PGD(EPSILON, 5), Ripples, {MASKED}),
    "JPEG": (PGD(EPSILON, 5), Compresses, {DEAD, MASKED}),
    "input noise": (PGD(EPSILON, 5), Noisy, {RANDOM}),
    "input noise, early stop": (stopping(), Noisy, {RANDOM, LUCK}),
    "dropout as a function": (PGD(EPSILON, 5), Drops, {RANDOM}),
    "augmentation at test": (PGD(EPSILON, 5), Augments, {RANDOM}),
    "augmentation from one seed": (PGD(EPSILON, 5), AugmentsByPlace, {BATCH}),
    "member by lot": (PGD(EPSILON, 5), ByLot, {RANDOM}),
    "judged in company": (PGD(EPSILON, 5), InCompany, {BATCH}),
    "no statistics": (PGD(EPSILON, 5), without_statistics, {BATCH}),
    "softmax": (PGD(EPSILON, 5), EndsInSoftmax, {NO_LOGITS}),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_raises_its_flags_and_no_other_of_the_model(mistake):
    attack, model, flags = MISTAKES[mistake]
    table = evaluated_briefly(attack, model())
    assert red(table) & set(MODEL_FLAGS) == flags, table


def test_every_flag_of_the_model_has_its_mistake():
    assert set().union(*(flags for *_, flags in MISTAKES.values())) == set(MODEL_FLAGS)


def test_a_random_model_cannot_show_masked_gradients_nor_a_batch():
    table = evaluated_briefly(PGD(EPSILON, 5), Noisy())
    assert reason(table, MASKED) == reason(table, BATCH) == NOT_APPLICABLE


SLOPES = {  # by the length of the step
    "straight": {STEP: 0.9},
    "bent": {STEP: 0.16, STEP / 16: 0.9},
    "wrong": {STEP: 0.1, STEP / 16: 0.1, STEP / 256: 0.1, 4 * STEP: 0.1},
}
VERDICTS = [  # how the gradient holds, accuracy under noise and attack, and how the reason begins
    ("straight", 0.9, 0.9, ""),
    ("bent", 0.24, 0.0, HARMLESS),
    ("bent", 0.9, 0.5, HARMLESS),
    ("bent", 0.0, 0.0, HARMLESS),
    ("bent", 0.9, 0.88, "cosine 0.90"),
    ("bent", 0.05, 0.05, NOT_RESOLVED),
    ("wrong", 0.9, 0.0, HARMLESS),
    ("wrong", 0.9, 0.5, "cosine 0.10"),
    ("wrong", 0.05, 0.05, "cosine 0.10"),
    ("wrong", 0.0, 0.0, "cosine 0.10"),
]


@pytest.mark.parametrize(("slopes", "noise", "attacked", "begins"), VERDICTS)
def test_gradients_are_masked_where_they_mislead_the_attack(slopes, noise, attacked, begins):
    """Not where a steep network bends, nor where the attack that follows them leaves nothing."""
    evidence = SimpleNamespace(
        attack=PGD(EPSILON),
        is_random=False,
        checks=SimpleNamespace(slope_agreements=SLOPES[slopes]),
        noise=predictions(noise),
        strongest=predictions(attacked),
    )
    why = MODEL_FLAGS[MASKED](evidence) or ""
    assert why.startswith(begins) and bool(why) == bool(begins)


def test_rounding_with_a_stand_in_for_its_gradient_masks_nothing():
    assert MASKED not in red(evaluated_briefly(PGD(EPSILON, 5), StraightThrough()))


def test_an_attack_in_expectation_may_attack_a_random_model():
    class Expects(PGD):
        draws = 20

    assert not red(evaluated_briefly(Expects(EPSILON, 5), Noisy())) & {RANDOM, LUCK}


@pytest.mark.parametrize("draws", [ENOUGH_DRAWS, ENOUGH_DRAWS - 1])
def test_the_adaptive_attack_on_a_random_model_is_in_expectation(draws):
    attack = Adaptive((PGD(EPSILON, 5),), (Expectation(Noisy(), draws),), repeats=5)
    found = red(evaluated_briefly(attack, Noisy())) & {RANDOM, LUCK}
    assert found == (set() if draws == ENOUGH_DRAWS else {RANDOM})


DEFENCES = {  # none has a gradient of its own
    "smoothing": lambda: Smoothed(trained_network(), 0.1),
    "fewer grey levels": lambda: Purified(trained_network(), GreyLevels(4)),
}


@pytest.mark.parametrize("defence", DEFENCES)
def test_the_attack_that_a_defence_brings_raises_no_flag_of_the_model(defence):
    model, plain = DEFENCES[defence](), PGD(EPSILON, 5)
    assert DEAD in red(evaluated_briefly(plain, model))
    assert not red(evaluated_briefly(model.adaptive(plain), model)) & set(MODEL_FLAGS)


@pytest.mark.parametrize("published", [SUITE.strongest, SUITE.condition()], ids=str)
def test_predictions_for_different_images_are_known_after_averaging(published):
    members = [trained_network(0), trained_network(1)]
    alone = [predict(member, SPLIT, SUITE.attack, digest=True) for member in members]
    mean = {published: mean_of_separate_attacks(alone)}
    assert APART in red(evaluated(SUITE.attack, Ensemble(members), mean))


def test_predictions_for_the_same_images_may_be_averaged():
    members = [trained_network(0), trained_network(1)]
    alike = mean_of_separate_attacks([predict(m, SPLIT, digest=True) for m in members])
    assert len(alike.seen) == 1
    assert red(evaluated(SUITE.attack, Ensemble(members), {CLEAN: alike})) == set()
