"""Does the model see what its owner thinks, and does it answer as a classifier should?"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from utils.evaluation.flags.judging import SAME
from utils.evaluation.flags.model_probes import differences, watched
from utils.evaluation.inference import predict
from utils.evaluation.metrics import HEADLINE, gain, score_of
from utils.evaluation.predictions import Predictions
from utils.examine.adapter import other_views
from utils.examine.section import Section, points
from utils.examine.subject import Subject

TRIED = 400  # images that decide whether another view is better
FAR_BETTER = 0.05  # of balanced accuracy, the lower bound: no luck, and worth a change
TWICE = 16  # images that are predicted again
NOW = "as it is shown them now"


def ask_interface(subject: Subject) -> Section:
    """What it takes and returns; whether another view or another order of classes fits better."""
    answers = subject.clean
    if not np.isfinite(answers.probabilities).all():
        return Section(
            "alarm", "Some answers are no numbers (NaN or infinite).",
            "Nothing else can be measured.", "Look for a division by zero in the model.",
        )  # fmt: skip
    views = _views(subject)
    faults = dict(_faults(subject, views))
    facts = _facts(subject)
    if not faults:
        return Section(
            "ok", f"{facts}. The same image always gets the same answer.",
            "No other range of grey levels and no other order of classes fits clearly better.",
            table=_table(views),
        )  # fmt: skip
    return Section(
        "alarm", f"{' '.join(faults)} ({facts})",
        "All other figures are about the model as it is shown the images now.",
        " ".join(faults.values()), _table(views),
    )  # fmt: skip


def _facts(subject: Subject) -> str:
    model = subject.model
    slope = "with gradients" if subject.gradients else "without gradients (a black box)"
    shape = f"{model.channels} x {subject.images.size} x {subject.images.size}"
    return f"Takes {shape}, returns {model.output}, {slope}"


def _faults(subject: Subject, views: Mapping[str, Predictions]) -> Iterator[tuple[str, str]]:
    """What is wrong, and what to do about it."""
    few = subject.images.limit(TWICE)
    with watched(subject.model) as seen:
        predict(subject.model, few)
    if seen.trains:
        yield ("A part of the model is in training mode.",
               "Call eval() on every part before use, also on those in lists.")  # fmt: skip
    again, in_company = differences(subject.model, few)
    if again > SAME:
        yield ("The same image gets different answers.",
               "Switch off dropout, noise and random crops; a defence that needs them must be "
               "judged by its mean.")  # fmt: skip
    elif in_company > SAME:
        yield ("An answer depends on the other images of its batch.",
               "Use the running statistics of batch norm: call eval().")  # fmt: skip
    predicted = np.unique(subject.clean.probabilities.argmax(1))
    if len(predicted) == 1:
        name = subject.images.class_names[predicted[0]]
        yield (f"Every image is predicted {name}.",
               "The model ignores these images, or is shown them in another way than it was "
               "trained: see the table.")  # fmt: skip
    yield from _better_view(views)
    yield from _better_order(subject)


def _better_view(views: Mapping[str, Predictions]) -> Iterator[tuple[str, str]]:
    others = {name: found for name, found in views.items() if name != NOW}
    better = {name: gain(views[NOW], found, HEADLINE) for name, found in others.items()}
    name = max(better, key=lambda each: better[each].value)
    if better[name].low > FAR_BETTER:
        yield (
            f"The model scores {points(better[name])} higher if it is shown {name}.",
            "Find out how it was trained, and give --white, --mean and --std.",
        )


def _better_order(subject: Subject) -> Iterator[tuple[str, str]]:
    """Classes that are named in another order than the model was trained with."""
    answers = subject.clean
    _, order = linear_sum_assignment(-answers.confusion)
    permuted = replace(answers, probabilities=answers.probabilities[:, order])
    better = gain(answers, permuted, HEADLINE)
    if better.low > FAR_BETTER and score_of(permuted, HEADLINE).low > subject.chance:
        names = ", ".join(np.array(answers.class_names)[np.argsort(order)])
        yield (
            f"The model scores {points(better)} higher if its classes are {names}, in this order.",
            "Compare with the class map of the training, and give --classes.",
        )


def _views(subject: Subject) -> dict[str, Predictions]:
    """The predictions for some images, as the model is shown them and in other ways."""
    rows = subject.images.some_rows(TRIED)
    few, model = subject.images.take(rows), subject.model
    others = other_views(model.expects, model.channels)
    found = {name: predict(model.expecting(view), few) for name, view in others.items()}
    return {NOW: subject.clean.take(rows.numpy()), **found}


def _table(views: Mapping[str, Predictions]) -> pd.DataFrame:
    rows = [(name, str(score_of(found, HEADLINE))) for name, found in views.items()]
    return pd.DataFrame(rows, columns=["shown", f"{HEADLINE} (%)"])
