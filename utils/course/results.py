"""The models of all runs, each once, and what they can be compared on."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from utils.course.records import Record
from utils.evaluation.comparison import all_differences, compare, same_patients
from utils.evaluation.conditions import CLEAN, Condition, as_condition
from utils.evaluation.predictions import Predictions, pool_trainings

ByCondition = dict[Condition, Predictions]
STANDARD, ENSEMBLE = "standard", "ensemble"  # a variant of a run, and a run
Models = dict[tuple[str, str], ByCondition]  # by (run, variant)


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

    The standard model of resnet_atk *is* that of resnet, evaluated under more conditions: it
    counts for the run that has more of them.
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
        if not any(_same_model(models[name], models[twin]) for twin in twins):
            unique.append(name)
    return {name: models[name] for name in models if name in unique}


def group_by_conditions(models: Models) -> list[Models]:
    """Models in groups that share a condition, clean images aside; the largest group first."""
    groups: list[Models] = []
    for name, conditions in models.items():
        near = [group for group in groups if _conditions(group) & (set(conditions) - {CLEAN})]
        merged = {key: group[key] for group in near for key in group} | {name: conditions}
        groups = [group for group in groups if group not in near] + [merged]
    groups.sort(key=len, reverse=True)
    return [{name: group[name] for name in models if name in group} for group in groups]


def clean_and_strongest(strongest: Mapping[str, Condition | None], models: Models) -> Models:
    """The predictions of each model on clean images and under the strongest attack of its run."""
    shown = {
        name: {key: found[key] for key in (CLEAN, strongest[name[0]]) if key in found}
        for name, found in models.items()
    }
    return {name: found for name, found in shown.items() if found}


def comparable_groups(
    models: Models, conditions: Iterable[Condition | str | None]
) -> dict[str, dict[tuple[str, str], Predictions]]:
    """Under each condition, the models with predictions for the same images.

    Where a condition has several sets of images, the title of a smaller group names its patients.
    """
    found: dict[str, dict[tuple[str, str], Predictions]] = {}
    for condition in dict.fromkeys(as_condition(name) for name in conditions if name is not None):
        groups: list[dict[tuple[str, str], Predictions]] = []
        for name, by_condition in models.items():
            if condition in by_condition:
                _join(groups, name, by_condition[condition])
        groups = sorted((group for group in groups if len(group) > 1), key=len, reverse=True)
        for number, group in enumerate(groups):
            title = f"{condition}, {_patients_and_runs(group)}" if number else str(condition)
            title += f", images {number + 1}" if title in found else ""
            found[title] = group
    return found


def declared_pairs(group: Mapping[tuple[str, str], Predictions]) -> list[tuple[tuple, tuple]]:
    """The comparisons that are declared before any run: A and B by (run, variant).

    Each model against the standard one of its own run, and each vote of the ensemble against the
    most accurate standard model. Choosing that one on the test images favours it, not the vote.
    """
    standard = [name for name in group if name[1] == STANDARD]
    best = sorted(standard, key=lambda name: -group[name].accuracy)[:1]
    votes = [name for name in group if name[0].partition(" ")[0] == ENSEMBLE]
    twins = [(name, (name[0], STANDARD)) for name in group if name not in standard]
    pairs = twins + [(vote, member) for vote in votes for member in best]
    return [pair for pair in pairs if pair[1] in standard]


def compare_declared(group: Mapping[tuple[str, str], Predictions]) -> pd.DataFrame:
    """The declared pairs of a group with Holm's correction for their number."""
    pairs = [(", ".join(a), ", ".join(b)) for a, b in declared_pairs(group)]
    return compare(_named(group), pairs)


def explore(group: Mapping[tuple[str, str], Predictions]) -> pd.DataFrame:
    """All pairs of a group, declared or not: points and intervals, no verdict."""
    return all_differences(_named(group))


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


def _same_model(fewer: ByCondition, more: ByCondition) -> bool:
    """Whether both come from one model: the same probabilities under all shared conditions."""
    shared = [name for name in fewer if name in more]
    return bool(shared) and all(
        same_patients(fewer[name], more[name])
        and len(fewer[name].labels) == len(more[name].labels)
        and np.allclose(fewer[name].probabilities, more[name].probabilities, atol=1e-4)
        for name in shared
    )


def _conditions(models: Models) -> set[Condition]:
    return {name for conditions in models.values() for name in conditions} - {CLEAN}


def _patients_and_runs(group: dict[tuple[str, str], Predictions]) -> str:
    patients = len(np.unique(next(iter(group.values())).groups))
    return f"the {patients} patients of {', '.join(dict.fromkeys(run for run, _ in group))}"


def _join(
    groups: list[dict[tuple[str, str], Predictions]], name: tuple[str, str], found: Predictions
) -> None:
    """Put a model into the group with the same images, or into a new one."""
    for group in groups:
        if same_patients(next(iter(group.values())), found):
            group[name] = found
            return
    groups.append({name: found})


def _pooled(seeds: list[Predictions]) -> Predictions:
    return pool_trainings(seeds) if len(seeds) > 1 else seeds[0]


def _named(group: Mapping[tuple[str, str], Predictions]) -> dict[str, Predictions]:
    return {", ".join(name): predictions for name, predictions in group.items()}
