"""The models of all runs, each once: their scores under attack, and what was declared of them."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from utils.course.records import Record
from utils.evaluation.comparisons.claims import FAILS, HOLDS, UNDECIDED
from utils.evaluation.comparisons.differences import drops, gain
from utils.evaluation.comparisons.models import A_BETTER, compare, one_model
from utils.evaluation.conditions import CLEAN, Condition
from utils.evaluation.intervals import Interval
from utils.evaluation.metrics import HEADLINE, score_of
from utils.evaluation.predictions import Predictions, as_method, pool_trainings
from utils.evaluation.resampling import FEWEST_TRAININGS
from utils.figures.elements.style import plural

ByCondition = dict[Condition, Predictions]
Models = dict[tuple[str, str], ByCondition]  # by (run, variant)
Attacked = dict[tuple[str, str], dict[str, Predictions]]  # by (network, training), then by STATES
Scores = dict[tuple[str, str], dict[str, Interval]]
STATES = ("clean", "noise", "attacked")
PGD, STANDARD, DEFENDED = "pgd", "standard", "adversarial"


def pool_records(records: list[Record]) -> dict[str, dict[str, ByCondition]]:
    """Predictions by run, variant and condition, with the seeds of a run pooled.

    The patients are the same in each seed. A single seed is one network, not yet a method.
    Only runs whose other settings agree are pooled; otherwise the settings join the name.
    A condition that one of the seeds lacks is left out: pairs would no longer match.
    """
    return {
        name: {
            variant: {
                condition: _pooled([record.predictions[variant][condition] for record in alike])
                for condition in conditions
                if all(condition in record.predictions.get(variant, ()) for record in alike)
            }
            for variant, conditions in alike[0].predictions.items()
        }
        for name, alike in _alike(records).items()
    }


def strongest_conditions(records: list[Record]) -> dict[str, Condition | None]:
    """By run, the condition by which its models are judged; None for a run without an attack."""
    return {name: alike[0].strongest for name, alike in _alike(records).items()}


def unique_models(records: list[Record]) -> Models:
    """The predictions of each model by (run, variant) and condition; a model occurs once.

    The standard model of resnet_atk *is* that of resnet, evaluated under more conditions and
    perhaps trained again: it counts for the run that has more of them.
    """
    models = {
        (run, variant): conditions
        for run, variants in pool_records(records).items()
        for variant, conditions in variants.items()
        if conditions
    }
    unique: list[tuple[str, str]] = []
    for name in sorted(models, key=lambda name: -len(models[name])):
        twins = [other for other in unique if other[0] != name[0] and other[1] == name[1]]
        if not any(one_model(models[name], models[twin]) for twin in twins):
            unique.append(name)
    return {name: models[name] for name in models if name in unique}


def pgd_of(records: list[Record]) -> Condition | None:
    """The attack by which most runs judge their models, if it is PGD; None without one."""
    strongest = (record.strongest for record in records)
    counted = Counter(attack for attack in strongest if attack is not None and attack.attack == PGD)
    return counted.most_common(1)[0][0] if counted else None


def models_under_pgd(records: list[Record]) -> Attacked:
    """Each model on clean images, under noise of the same size and under the PGD of `pgd_of`.

    A run with more restarts counts by its own. A model without one of the three is left out: a
    weaker attack would flatter it.
    """
    attack = pgd_of(records)
    if attack is None:
        return {}
    alike = [record for record in records if _at_least(record.strongest, attack)]
    strongest, noise = strongest_conditions(alike), Condition("noise", attack.epsilon)
    models = {}
    for (run, variant), found in unique_models(alike).items():
        conditions = dict(zip(STATES, (CLEAN, noise, strongest[run]), strict=True))
        if set(conditions.values()) <= set(found):
            name = run.replace("_atk", ""), variant
            models[name] = {state: found[c] for state, c in conditions.items()}
    return models


def _at_least(attack: Condition | None, other: Condition) -> bool:
    """The same attack of the same size, with as many restarts or more."""
    return (
        attack is not None
        and (attack.attack, attack.epsilon) == (other.attack, other.epsilon)
        and attack.restarts >= other.restarts
    )


def scores_under_pgd(models: Attacked, score: str = HEADLINE) -> Scores:
    """By model: the score on clean images, the score under attack, and their paired difference."""
    return {
        name: {
            "clean": score_of(found["clean"], score),
            "attacked": score_of(found["attacked"], score),
            "change": gain(found["clean"], found["attacked"], score),
        }
        for name, found in models.items()
    }


def drops_under_pgd(models: Attacked) -> Scores:
    """By model: the combined drop under noise and under attack, in percent of the clean score."""
    return {
        name: {
            state: Interval(*drops(found["clean"], found[state]).loc["combined"])
            for state in STATES[1:]
        }
        for name, found in models.items()
    }


def constant_answer(models: Attacked) -> float:
    """The balanced accuracy of a constant answer; NaN without a model."""
    classes = [found["clean"].classes for found in models.values()]
    return 1 / classes[0] if classes else np.nan


def declared_pairs(models: Iterable[tuple[str, str]]) -> list[tuple[tuple, tuple]]:
    """The contrasts declared before any run: each network after adversarial training (A) minus
    the same network after standard training (B)."""
    names = list(models)
    pairs = [((network, DEFENDED), (network, STANDARD)) for network, _ in names]
    return [pair for pair in dict.fromkeys(pairs) if set(pair) <= set(names)]


def first_trainings(models: Attacked) -> Attacked:
    """One network of each model, for pictures that count images."""
    return {
        name: {state: found[state].by_training[0] for state in found}
        for name, found in models.items()
        if name[1] in (STANDARD, DEFENDED)
    }


def compare_declared(models: Attacked) -> pd.DataFrame:
    """The declared contrasts under attack, with Holm's correction for their number.

    They are about the two ways of training: with fewer than three trainings of each there is no
    interval, no test and no verdict, and such a pair does not count in the correction.
    """
    attacked = {", ".join(name): as_method(found["attacked"]) for name, found in models.items()}
    pairs = [(", ".join(a), ", ".join(b)) for a, b in declared_pairs(models)]
    return compare(attacked, pairs, HEADLINE)


def headline(claims: Sequence[dict], scores: Scores, contrasts: pd.DataFrame, chance: float) -> str:
    """What the course found: a few lines of Markdown, with the numbers of the runs."""
    verdicts = Counter(row["verdict"] for row in claims)
    standard, defended = (
        [found for (_, training), found in scores.items() if training == own]
        for own in (STANDARD, DEFENDED)
    )
    better, tested = (contrasts["verdict"] == A_BETTER).sum(), contrasts["p"].notna().sum()
    lines = [
        f"**Claims.** Of {len(claims)} fixed before their run, {verdicts[HOLDS]} held, "
        f"{verdicts[FAILS]} failed, {verdicts[UNDECIDED]} remained undecided.",
        f"**Attack.** {plural(len(standard), 'standard network')}: {_ranges(standard)} "
        f"({HEADLINE}; a constant answer scores {100 * chance:.0f} %).",
        f"**Defence.** {plural(len(defended), 'network')} after adversarial training: "
        f"{_ranges(defended)}. {better} of the {plural(tested, 'declared contrast')} over at "
        f"least {FEWEST_TRAININGS} trainings show a gain; {len(contrasts) - tested} more have "
        "fewer trainings, and no verdict.",
    ]
    if not scores:
        lines[1:] = ["**Networks.** No model without a red flag was attacked with PGD."]
    return "\n".join(f"- {line}" for line in lines)


def _alike(records: list[Record]) -> dict[str, list[Record]]:
    """Records that differ in nothing but the seed, under the name of the run."""
    found: dict[str, list[Record]] = {}
    first: dict[str, dict] = {}
    for record in records:
        settings = {k: v for k, v in record.facts["parameters"].items() if k != "SEED"}
        usual = first.setdefault(record.name, settings)
        changed = [f"{k}={v}" for k, v in settings.items() if usual.get(k) != v]
        found.setdefault(" ".join([record.name, *changed]), []).append(record)
    return found


def _pooled(seeds: list[Predictions]) -> Predictions:
    return pool_trainings(seeds) if len(seeds) > 1 else seeds[0]


def _ranges(found: list[dict[str, Interval]]) -> str:
    """The scores of these models on clean images and under attack, from the lowest to the best."""
    if not found:
        return "no model"
    texts = []
    for state in ("clean", "attacked"):
        values = [round(100 * each[state].value) for each in found]
        texts.append(" to ".join(str(v) for v in dict.fromkeys((min(values), max(values)))))
    return f"**{texts[0]} %** on clean images, **{texts[1]} %** under PGD"
