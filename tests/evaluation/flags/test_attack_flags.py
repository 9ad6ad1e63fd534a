"""A sound evaluation raises no flag of the attack; each planted mistake raises its own."""

from types import SimpleNamespace

import pytest
import torch
from planted import (
    EPSILON,
    SPLIT,
    Cautious,
    DividedTwice,
    HidesBelowTheGrid,
    Idle,
    Keyed,
    LeavesTheRange,
    OfAnother,
    ShuffledLabels,
    Tires,
    TooFar,
    TowardsTheLeastLikely,
    Turned,
    evaluated,
    fitted,
    plausible,
    predictions,
    reason,
    red,
    scaled,
    sound,
    two_classes,
)
from small import findings_network, findings_split, small_network, trained_network
from witnesses import Sure

from utils.attacks.apgd import APGD, worst_case_chain
from utils.attacks.black_box.square import Square
from utils.attacks.pgd import PGD
from utils.data.split import to_float
from utils.defences.ensemble import Ensemble
from utils.defences.purification import PURIFICATIONS, Purified
from utils.evaluation.attack_suite import AttackSuite
from utils.evaluation.flags.attack_flags import ATTACK_FLAGS, OTHER_IMAGES
from utils.evaluation.flags.judging import NOT_APPLICABLE, NOT_RESOLVED, evaluate_flags
from utils.evaluation.flags.model_flags import MODEL_FLAGS
from utils.evaluation.flags.published_flags import PUBLISHED_FLAGS
from utils.evaluation.flags.red_flags import check_attack

KINDS = [
    "standard",
    "transformer",
    "recurrent",
    "adversarially trained",
    "tiny",
    "of two classes",
    "a vote",
]
SOUND = [
    *((kind, PGD(EPSILON, 10)) for kind in KINDS),
    # 2.6 grey levels: saving undoes the least changes
    *((kind, PGD(EPSILON / 10, 10, stop_when_fooled=True)) for kind in KINDS),
    ("standard", PGD(EPSILON, stop_when_fooled=True, precision="bfloat16")),
    ("of two classes", PGD(EPSILON, stop_when_fooled=True, precision="bfloat16")),
]


@pytest.mark.parametrize(("kind", "attack"), SOUND, ids=str)
def test_a_sound_evaluation_raises_none(kind, attack):
    model, split = sound(kind)
    table = evaluated(attack, model, split=split, images=24)
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


# Figures that are made up do not belong to the model, either.
INVENTED = {"published predictions of another model", "published predictions of another attack"}


@pytest.mark.parametrize("flag", PUBLISHED)
def test_an_impossible_figure_raises_its_flag(flag):
    attack = PGD(EPSILON)
    raised = red(evaluated(attack, published=plausible(attack, **PUBLISHED[flag])))
    assert raised - INVENTED == {flag}


def test_plausible_figures_raise_none():
    attack = PGD(EPSILON)
    assert red(evaluated(attack, published=plausible(attack))) <= INVENTED


MISTAKES = {  # the flag, an attack, and the model that it is carried out on
    "steps too short to reach epsilon": (PGD(EPSILON, step=EPSILON / 30), trained_network),
    "leaves the ball or the pixel range": (LeavesTheRange(EPSILON), trained_network),
    "images survive a change of any size": (Cautious(EPSILON), trained_network),
    # on a network that a single step does not break: it counts among the published attacks
    "accuracy still falls with more steps": (Tires(EPSILON), lambda: sound("recurrent")[0]),
    "success vanishes when saved": (HidesBelowTheGrid(EPSILON), Keyed),
    "black box beats white box on an image": (PGD(EPSILON), lambda: scaled(1000)),
}
CONSEQUENCES = {  # what else such an attack may give away, and will on some machines
    "accuracy still falls with more steps": {"black box beats white box on an image"},
    "success vanishes when saved": {
        "images survive a change of any size",
        "black box beats white box on an image",
    },
    "black box beats white box on an image": {
        "accuracy falls further on rescaled logits",
        "accuracy falls further to APGD towards every class",
        "zero or undefined gradients",
    },
}


@pytest.mark.parametrize("flag", MISTAKES)
def test_a_planted_mistake_raises_its_flag(flag):
    attack, model = MISTAKES[flag]
    raised = red(evaluated(attack, model(), plausible(attack))) - INVENTED
    assert flag in raised and raised <= {flag} | CONSEQUENCES.get(flag, set())


@pytest.mark.parametrize(("left", "red"), [(0, False), (1, False), (2, False), (3, True)])
def test_one_image_that_survives_every_size_raises_nothing(left, red):
    """Of 16; from the third on they are more than the few that a greedy path may leave."""
    flag = "images survive a change of any size"
    last = predictions(left / 60).take(slice(0, 16))
    evidence = SimpleNamespace(attack=PGD(EPSILON), checks=SimpleNamespace(ladder=[last]))
    why = ATTACK_FLAGS[flag](evidence) or ""
    assert f"{left} of 16 are right" in why or not left and not why
    assert evaluate_flags({flag: lambda e: why}, None)["red"].all() == red
    assert why.startswith(NOT_RESOLVED) == (left > 0 and not red)


RESCALED = "accuracy falls further on rescaled logits"


def test_logits_that_saturate_the_softmax_raise_their_flag():
    table = evaluated(PGD(EPSILON), scaled(100))
    assert {RESCALED, "zero or undefined gradients"} <= red(table), table
    assert RESCALED not in red(evaluated(PGD(EPSILON, loss="margin"), scaled(100)))


EVERY_CLASS = "accuracy falls further to APGD towards every class"


def sure_of_two_classes():
    return scaled(100, fitted(small_network(classes=2), two_classes(90))), two_classes(5)


AIMS_BADLY = {  # an attack, and a model of which a stronger white box breaks more images
    "the farthest class": (
        PGD(EPSILON, loss=TowardsTheLeastLikely()),
        lambda: sound("adversarially trained"),
    ),
    "short steps": (PGD(EPSILON, step=EPSILON / 400), lambda: sound("adversarially trained")),
    "saturated": (PGD(EPSILON), lambda: (scaled(100), SPLIT)),
    "saturated, two classes": (PGD(EPSILON), sure_of_two_classes),
}


@pytest.mark.parametrize("mistake", AIMS_BADLY)
def test_an_attack_that_aims_badly_is_beaten_by_one_that_aims_at_every_class(mistake):
    attack, made = AIMS_BADLY[mistake]
    model, split = made()
    table = evaluated(attack, model, split=split)
    assert EVERY_CLASS in red(table), table
    assert "to APGD towards every class" in reason(table, EVERY_CLASS)
    if mistake == "the farthest class":  # another start, more steps and rescaling find nothing
        assert red(table) <= {EVERY_CLASS, "black box beats white box on an image"}


def test_aiming_at_every_class_is_not_applicable_without_classes_or_gradients():
    """Of several findings there is no other class, and through rounding passes no gradient."""
    of_findings = evaluated(PGD(EPSILON), findings_network(), split=findings_split(60, seed=2))
    rounded = Purified(trained_network(), PURIFICATIONS["fewer grey levels"])
    for table in (of_findings, evaluated(PGD(EPSILON, 5), rounded)):
        assert reason(table, EVERY_CLASS) == NOT_APPLICABLE


KNOWN = "accuracy falls further to an attack that knows the model"


def vote(times: float) -> Ensemble:
    """Members of a longer training; these small ones are less sure than those of the course."""
    return Ensemble([Sure(trained_network(seed), times) for seed in range(3)])


def test_a_vote_of_sure_members_attacked_without_knowing_it_raises_its_flag():
    table = evaluated(PGD(EPSILON), vote(60))
    assert KNOWN in red(table), table
    assert "to the adaptive attack" in reason(table, KNOWN)


def test_an_attack_that_knows_the_vote_raises_none():
    table = evaluated(vote(60).adaptive(PGD(EPSILON)), vote(60))
    assert KNOWN not in red(table) and reason(table, KNOWN) == NOT_APPLICABLE


def test_a_defence_that_was_attacked_as_if_it_were_none_raises_its_flag():
    """Rounding has no gradient; a worst case of many attacks without it is no better."""
    for attack in (PGD(EPSILON, 5), worst_case_chain(EPSILON, 5, 30)):
        table = evaluated(attack, Purified(trained_network(), PURIFICATIONS["fewer grey levels"]))
        assert KNOWN in red(table), table


def test_every_flag_has_its_mistake():
    tested = {*PUBLISHED, *MISTAKES, RESCALED, EVERY_CLASS, KNOWN, OTHER_IMAGES}
    assert tested | {*MODEL_FLAGS, *PUBLISHED_FLAGS} == set(ATTACK_FLAGS)


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


OTHERS = [
    APGD(EPSILON, steps=20),
    Square(EPSILON, queries=200),
    PGD(1.5, norm="l2"),
    worst_case_chain(EPSILON, 10, 30),
]
ABOUT_STEPS = {
    "steps too short to reach epsilon",
    "accuracy still falls with more steps",
    "accuracy falls further on rescaled logits",
}
GRADIENTS, QUERIES = "masked gradients", "black box beats white box on an image"
APPLICABLE = {  # of the flags about steps, gradients and a black box
    "APGD": {*ABOUT_STEPS, ANY_SIZE, GRADIENTS, EVERY_CLASS, QUERIES},
    "Square": set(),
    "PGD": {*ABOUT_STEPS, ANY_SIZE, GRADIENTS, EVERY_CLASS},  # in l2, where no black box is there
    "WorstCase": {ANY_SIZE, GRADIENTS, QUERIES},  # it aims at every class itself
}


@pytest.mark.parametrize("attack", OTHERS, ids=repr)
def test_any_attack_goes_through_the_flags(attack):
    table = evaluated(attack).set_index("flag")
    assert not table["red"].any(), table
    not_for_all = set().union(*APPLICABLE.values())
    skipped = set(table.index[table["reason"] == NOT_APPLICABLE])
    assert skipped == {KNOWN} | not_for_all - APPLICABLE[type(attack).__name__]


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


class StopsBelowTheGrid(HidesBelowTheGrid):
    """Just across the boundary, as long as it stops there."""

    def spoil(self, attacked, model, images, labels):
        stopped = super().spoil(attacked, model, images, labels)
        return stopped if self.stop_when_fooled else attacked


@pytest.mark.parametrize("stops", [True, False])
def test_rounding_may_undo_a_stop_but_not_all_steps(stops):
    kind = StopsBelowTheGrid if stops else HidesBelowTheGrid
    flags = red(evaluated(kind(3 * EPSILON, stop_when_fooled=True), Keyed()))
    assert ("success vanishes when saved" in flags) != stops


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
