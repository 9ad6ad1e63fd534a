"""The networks of a real set under attack: alone, hardened, as one vote, behind a defence."""

from collections.abc import Sequence
from dataclasses import replace

from torch import nn

from utils.attacks.apgd import APGD, WorstCase
from utils.attacks.black_box.square import Square
from utils.attacks.pgd import PGD
from utils.attacks.random_noise import noise_of
from utils.course.real.networks import EPSILON, Study
from utils.course.real.steps import difference_row, score_row
from utils.defences.ensemble import Ensemble
from utils.defences.purification import GreyLevels, Purified
from utils.evaluation.attack_suite import AttackSuite
from utils.evaluation.comparisons.models import worse_of
from utils.evaluation.conditions import CLEAN, GREY_LEVELS, WORST_CASE, Condition
from utils.evaluation.flags.red_flags import check_attack
from utils.evaluation.inference import attacked_split, predict
from utils.evaluation.metrics import HEADLINE, score_of
from utils.evaluation.predictions import Predictions, pool_trainings

STEPS = 20
FACTORS = (0.25, 0.5, 1)  # of EPSILON: 1, 2 and 4 of 255
QUERIES = 50  # of the worst case, for each image that is left
MORE_QUERIES = 300  # of an attacker without gradients
CHECKED = 16  # images of the red flags
STOOD_STILL = 1000  # how much shorter the steps of an attack that goes nowhere are

Found = dict[Condition, Predictions]


def suite() -> AttackSuite:
    attack = PGD(EPSILON, STEPS, stop_when_fooled=True)
    return AttackSuite(attack, restarts=0, factors=FACTORS)  # the worst case starts again


def attacked(study: Study, variant: str) -> dict:
    """Noise, one step, PGD and the worst case at three sizes; `variant` names the networks."""
    models = getattr(study, variant)
    each = [suite().predict(model, study.few, study.kept) for model in models]
    found = _pooled(each)
    worst = worst_cases(models, study, each)
    noise = noise_of(suite().attack, EPSILON)
    noisy = pool_trainings([predict(model, study.test, noise) for model in models])
    scores = {str(condition): score_row(each) for condition, each in (found | worst).items()}
    scores["accuracy, clean"] = score_row(found[CLEAN], "accuracy")
    strongest = suite().strongest
    scores[f"accuracy, {strongest}"] = score_row(found[strongest], "accuracy")
    pgd, small, step = (suite().condition(*each) for each in ((), (None, _small()), _one_step()))
    return {
        "scores": scores,
        "differences": {
            "clean minus PGD": difference_row(found[CLEAN], found[pgd]),
            "clean minus small PGD": difference_row(found[CLEAN], found[small]),
            "noise minus clean": difference_row(noisy, study.pooled(study.test, models)),
            "one step minus PGD": difference_row(found[step], found[small]),
        },
        "flags": red_flags(study, models[0]),
        "learned": scores[str(CLEAN)]["low"] > 1 / study.classes,
        "images": {"PGD": len(study.few), "worst case": len(study.fewer)},
    }


def worst_cases(models: Sequence[nn.Module], study: Study, after_pgd: Sequence[Found]) -> Found:
    """What PGD, one step and noise have left, under other attacks; what falls to a small change
    falls to a larger."""
    return _pooled([_worst_of(*pair, study) for pair in zip(models, after_pgd, strict=True)])


def _worst_of(model: nn.Module, after_pgd: Found, study: Study) -> Found:
    found, rows, smaller = {}, study.fewer_rows, None
    for size in sorted(factor * EPSILON for factor in FACTORS):
        left = suite().worst_of(after_pgd, size).take(rows)
        left = left if smaller is None else worse_of(left, smaller)
        attack = WorstCase((APGD(size, STEPS, "margin"), Square(size, QUERIES)))
        smaller = predict(model, study.fewer, attack, after=left, keep=study.kept)
        found[Condition(WORST_CASE, size)] = smaller
    return found


def _pooled(each: Sequence[Found]) -> Found:
    return {name: pool_trainings([found[name] for found in each]) for name in each[0]}


def red_flags(study: Study, model: nn.Module) -> list[dict]:
    """Of the first training: the checks cost as much as the attack."""
    published = suite().predict(model, study.few, study.kept)
    whole = predict(model, study.test)
    found = check_attack(model, study.few, suite(), published, CHECKED, whole=whole)
    return found[found["red"]][["flag", "reason"]].to_dict("records")


def hardened_gain(study: Study) -> dict:
    """What training under attack wins under PGD, and costs on clean images: the same networks."""
    attack, test = suite().attack, study.few
    under, clean = {}, {}
    for name, models in (("before", study.narrow), ("hardened", study.hardened)):
        found = [predict(model, test, attack, keep=study.kept) for model in models]
        under[name], clean[name] = pool_trainings(found), study.pooled(study.test, models)
    return {
        "scores": {f"{name}, PGD": score_row(each) for name, each in under.items()}
        | {f"{name}, clean, all test images": score_row(each) for name, each in clean.items()},
        "differences": {
            "hardened minus before, PGD": difference_row(under["hardened"], under["before"]),
            "hardened minus before, clean": difference_row(clean["hardened"], clean["before"]),
        },
    }


def ensemble(study: Study) -> dict:
    """The three trainings as one vote: clean, attacked as one model, and through one member."""
    vote, some = Ensemble(study.standard), study.fewer
    known = [predict(model, study.parts.small.validation) for model in study.standard]
    rank = [score_of(each, HEADLINE).value for each in known]
    best = study.standard[rank.index(max(rank))]
    attack = PGD(EPSILON, STEPS)
    found = {
        "clean": predict(vote, some),
        "through its best member": predict(vote, some, attack, seen_by_attacker=best),
    }
    for factor in FACTORS:
        sized = replace(attack, epsilon=factor * EPSILON, stop_when_fooled=True)
        name = f"as one model, {GREY_LEVELS * factor * EPSILON:g}"
        found[name] = predict(vote, some, vote.adaptive(sized))
    whole, alone = predict(vote, study.test), study.pooled(study.test)
    as_one = found[f"as one model, {GREY_LEVELS * EPSILON:g}"]
    return {
        "scores": {name: score_row(each) for name, each in found.items()}
        | {"clean, all test images": score_row(whole)},
        "differences": {
            "through one minus as one": difference_row(found["through its best member"], as_one),
            "clean minus as one": difference_row(found["clean"], as_one),
            "vote minus one network": difference_row(whole, alone),
        },
        "images": len(some),
    }


def other_attackers(study: Study) -> dict:
    """Of the first training: questions alone, saved files, short steps.

    Rounding and hardening, two defences of one narrow network.
    """
    model, some = study.standard[0], study.fewer
    attack = suite().attack
    rounded = Purified(study.narrow[0], GreyLevels())
    found = {
        "clean": predict(model, some),
        "PGD": predict(model, some, attack),
        "PGD that stood still": predict(
            model, some, replace(attack, step=attack.step_size / STOOD_STILL)
        ),
        "PGD, saved": predict(model, attacked_split(model, some, attack)),
        "questions": predict(model, some, Square(EPSILON, MORE_QUERIES)),
        "rounding, PGD": predict(rounded, some, attack),
        "rounding, PGD that knows it": predict(rounded, some, rounded.adaptive(attack)),
        "hardened, PGD": predict(study.hardened[0], some, attack),
    }
    pairs = {
        "clean minus questions": ("clean", "questions", HEADLINE),
        "stood still minus PGD": ("PGD that stood still", "PGD", "accuracy"),
        "clean minus saved": ("clean", "PGD, saved", "accuracy"),
        "rounding minus known": ("rounding, PGD", "rounding, PGD that knows it", HEADLINE),
        "hardened minus rounding": ("hardened, PGD", "rounding, PGD that knows it", HEADLINE),
    }
    return {
        "scores": {name: score_row(each) for name, each in found.items()},
        "differences": {
            name: difference_row(found[first], found[second], metric)
            for name, (first, second, metric) in pairs.items()
        },
        "images": len(some),
    }


def _small() -> float:
    return FACTORS[0] * EPSILON


def _one_step() -> tuple[str, float]:
    return "fgsm", _small()
