"""Which models of all runs stand side by side, and what they are compared on."""

import numpy as np

from utils.course.records import Record
from utils.evaluation.comparison import same_patients
from utils.evaluation.predictions import Predictions, pool_seeds


def pool_records(records: list[Record]) -> dict[str, dict[str, dict[str, Predictions]]]:
    """Predictions by run, variant and condition; several seeds of a run stand in one.

    The patients are the same in each seed, so resampling patients moves all seeds together.
    Only runs whose other settings agree are pooled; of others the settings join the name.
    What not every seed was asked is left out: pairs would no longer match.
    """
    return {
        name: {
            variant: {
                condition: pool_seeds([record.predictions[variant][condition] for record in alike])
                for condition in conditions
                if all(condition in record.predictions.get(variant, ()) for record in alike)
            }
            for variant, conditions in alike[0].predictions.items()
        }
        for name, alike in _alike(records).items()
    }


def strongest_conditions(records: list[Record]) -> dict[str, str | None]:
    """By run, the condition under which its models are judged; None where nobody attacked."""
    return {name: alike[0].strongest for name, alike in _alike(records).items()}


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


Answers = dict[tuple[str, str], Predictions]  # by (run, variant)
Models = dict[tuple[str, str], dict[str, Predictions]]  # by (run, variant), then by condition


def unique_models(records: list[Record]) -> Models:
    """What each model answered, by (run, variant) and condition; a model stands once.

    The standard model of resnet_atk *is* that of resnet, asked more: it stands under the
    run that asked it more.
    """
    models = {
        (run, variant): conditions
        for run, variants in pool_records(records).items()
        for variant, conditions in variants.items()
        if conditions
    }
    kept: list[tuple[str, str]] = []
    for name in sorted(models, key=lambda name: -len(models[name])):
        twins = [other for other in kept if other[0] != name[0] and other[1] == name[1]]
        if not any(_same_answers(models[name], models[twin]) for twin in twins):
            kept.append(name)
    return {name: models[name] for name in models if name in kept}


def group_by_conditions(models: Models) -> list[Models]:
    """Models in groups that share a condition, clean images aside; the largest group first."""
    groups: list[Models] = []
    for name, conditions in models.items():
        near = [group for group in groups if _conditions(group) & (set(conditions) - {"clean"})]
        merged = {key: group[key] for group in near for key in group} | {name: conditions}
        groups = [group for group in groups if group not in near] + [merged]
    groups.sort(key=len, reverse=True)
    return [{name: group[name] for name in models if name in group} for group in groups]


def clean_and_strongest(strongest: dict[str, str | None], models: Models) -> Models:
    """Of each model what it said of clean images and under the strongest attack of its run."""
    shown = {
        name: {key: answers[key] for key in ("clean", strongest[name[0]]) if key in answers}
        for name, answers in models.items()
    }
    return {name: answers for name, answers in shown.items() if answers}


def comparable_groups(
    models: Models, conditions: list[str | None]
) -> dict[str, dict[str, Predictions]]:
    """Who can be compared: under each condition the models asked about the same images.

    Where a condition met several sets of images, the title of a smaller group says whose.
    """
    found: dict[str, dict[str, Predictions]] = {}
    for condition in dict.fromkeys(filter(None, conditions)):
        groups: list[Answers] = []
        for name, answers in models.items():
            if condition in answers:
                _join(groups, name, answers[condition])
        groups = sorted((group for group in groups if len(group) > 1), key=len, reverse=True)
        for number, group in enumerate(groups):
            title = f"{condition}, {_whose(group)}" if number else condition
            title += f", images {number + 1}" if title in found else ""
            found[title] = {", ".join(name): answers for name, answers in group.items()}
    return found


def _same_answers(fewer: dict[str, Predictions], more: dict[str, Predictions]) -> bool:
    """Whether one model gave both: the same probabilities wherever both were asked."""
    shared = [name for name in fewer if name in more]
    return bool(shared) and all(
        same_patients(fewer[name], more[name])
        and len(fewer[name].labels) == len(more[name].labels)
        and np.allclose(fewer[name].probabilities, more[name].probabilities, atol=1e-4)
        for name in shared
    )


def _conditions(models: Models) -> set[str]:
    return {name for conditions in models.values() for name in conditions} - {"clean"}


def _whose(group: Answers) -> str:
    """The patients that a group of models was asked about, and the runs that asked."""
    patients = len(np.unique(next(iter(group.values())).groups))
    return f"the {patients} patients of {', '.join(dict.fromkeys(run for run, _ in group))}"


def _join(groups: list[Answers], name: tuple[str, str], answers: Predictions) -> None:
    """Put a model among those that were asked about the same images."""
    for group in groups:
        if same_patients(next(iter(group.values())), answers):
            group[name] = answers
            return
    groups.append({name: answers})
