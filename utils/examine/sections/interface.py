"""Does the model see what its owner thinks, and does it answer as a classifier should?"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from utils.data.split import Split
from utils.evaluation.comparisons.differences import gain
from utils.evaluation.findings.headline import headline_of
from utils.evaluation.flags.judging import SAME
from utils.evaluation.flags.model_experiments import differences, watched
from utils.evaluation.inference import predict
from utils.evaluation.intervals import mean_of
from utils.evaluation.metrics import score_of
from utils.evaluation.predictions import FindingPredictions, Predictions
from utils.evaluation.roc import auroc
from utils.examine import checks
from utils.examine.adapter import ExaminedModel, other_views
from utils.examine.outputs import EXCLUSIVE
from utils.examine.precision import USUAL, precision_name, precision_of
from utils.examine.section import Section, differ, points
from utils.examine.sections.reading import activation_of, reading_of
from utils.examine.subject import Subject

TRIED = 400  # images that decide whether another view is better
FAR_BETTER = 0.05  # of balanced accuracy, the lower bound: no luck, and worth a change
PASSES, SHARE = 6, 0.08  # of each of these; of the minutes
FEWEST_IMAGES = 24  # of these, however slow the model is
TWICE = 16  # images that are predicted again
IN_ITS_OWN = 64  # images that a model of 16 or 64 bits predicts in its own precision
NOW = "as it is shown them now"


def ask_interface(subject: Subject) -> Section:
    """What it takes and returns; whether another view or another order of classes fits better."""
    answers = subject.clean
    if not np.isfinite(answers.probabilities).all():
        return Section(
            "alarm", "Some answers are no numbers (NaN or infinite).",
            "Nothing else can be measured.",
            "Look for a division by zero in the model, and for weights that are no numbers: its "
            "file may be damaged.",
        )  # fmt: skip
    views = _views(subject)
    precision, overflow = _precision(subject)
    faults = dict([*overflow, *_faults(subject, views)])
    reading = reading_of(subject)
    facts = f"{_facts(subject)}{precision}. {reading.measured}".rstrip()
    if not faults:
        return Section(
            "note" if reading.advice else "ok",
            f"{facts} The same image always gets the same answer.",
            f"{reading.meaning}No other range of grey levels and no other order of classes fits "
            "clearly better.",
            reading.advice, _table(views), numbers=reading.numbers,
        )  # fmt: skip
    return Section(
        "alarm", f"{' '.join(faults)} ({facts})",
        f"{reading.meaning}All other figures are about the model as it is shown the images now.",
        " ".join([*faults.values(), reading.advice]).strip(), _table(views),
        numbers=reading.numbers,
    )  # fmt: skip


def _facts(subject: Subject) -> str:
    model, split = subject.model, subject.images
    slope = "with gradients" if subject.gradients else "without gradients (a black box)"
    if getattr(model.model, "copy", None) is not None:  # of an ONNX file
        slope += " of a copy in torch that answers alike"
    shape = f"{model.channels} x {split.size} x {split.size}"
    several = f" ({split.classes} findings, each by itself)" if subject.several else ""
    rounds = ", rounds its images first (quantisation or JPEG)" if subject.rounds else ""
    return f"Takes {shape}, returns {model.output}{several}, {slope}{rounds}"


def _precision(subject: Subject) -> tuple[str, list[tuple[str, str]]]:
    """The precision of the model, in words, and what is wrong with it."""
    model, few = subject.model, subject.images.limit(IN_ITS_OWN)
    if model.original is None:
        own = precision_of(model.model)
        return (f", computes in {precision_name(own)}" if own != USUAL else ""), []
    own = precision_name(precision_of(model.original))
    copied = f", examined in a copy in float32 (its weights are {own}, in which "
    try:
        found = predict(model.in_its_precision, few)
    except Exception:  # someone else's model can fail in any way
        return f"{copied}it does not run here)", []
    changed = mean_of(differ(found, predict(model, few)), few.patients)
    text = f"{copied}{changed} % of the answers are others)"
    if not np.isfinite(found.probabilities).all():
        return text, [(f"In its own precision, {own}, some answers are no numbers.",
                       "Use it in float32 or bfloat16, which reach further.")]  # fmt: skip
    if changed.low > FAR_BETTER:
        return text, [(f"In its own precision, {own}, {changed} % of the answers are others.",
                       "Use it in float32, in which it is examined.")]  # fmt: skip
    return text, []


def _faults(subject: Subject, views: Mapping[str, Predictions]) -> Iterator[tuple[str, str]]:
    """What is wrong, and what to do about it."""
    few = subject.images.limit(TWICE)
    yield from _changing(subject.model, few)
    yield from _constant(subject)
    if checks.overwrites_images(subject.model, few):
        yield ("The model writes into the images it is given: what shares them, such as the next "
               "member of an ensemble, sees others.",
               "Compute with copies inside it: `x = x - mean`, not `x -= mean`.")  # fmt: skip
    if subject.lead > checks.SATURATED:
        yield (f"The {activation_of(subject)} is saturated: the first answer leads by "
               f"{subject.lead:.0f} in logits, so it is certain to the last digit.",
               "Look for a factor on the logits and remove it, or divide by a temperature; attack "
               "the margin, since the cross-entropy has no slope here.")  # fmt: skip
    if subject.model.output == EXCLUSIVE:
        yield ("The answers of the findings add up to 1, as if they excluded each other.",
               "End in one sigmoid for each finding, not in a softmax.")  # fmt: skip
    yield from _better_view(subject.model, views)
    yield from _better_order(subject)


def _changing(model: ExaminedModel, few: Split) -> Iterator[tuple[str, str]]:
    """One image must have one answer."""
    with watched(model) as seen:
        predict(model, few)
    if seen.trains:
        kinds = f" ({', '.join(sorted(seen.layers))})" if seen.layers else ""
        yield (f"A part of the model is in training mode{kinds}.",
               "Call eval() on every part before use, also on those in lists.")  # fmt: skip
    again, in_company = differences(model, few)
    if again > SAME and (count := checks.versions(model, few)) <= checks.FEW:
        yield (f"The same image gets different answers, one of about {count}: test-time "
               "augmentation or a choice among members, by lot.",
               "Answer with the mean over all versions instead of one of them.")  # fmt: skip
    elif again > SAME:
        yield ("The same image gets different answers: dropout, noise or another random defence.",
               "Switch off dropout, noise and random crops; a defence that needs them must be "
               "judged by its mean.")  # fmt: skip
    elif in_company > SAME:
        yield ("An answer depends on the other images of its batch.",
               "Use the running statistics of batch norm: call eval().")  # fmt: skip


def _constant(subject: Subject) -> Iterator[tuple[str, str]]:
    """Few findings are ever more likely than not, so there only equal answers are a fault."""
    predicted = np.unique(subject.clean.predicted, axis=0)
    if len(predicted) == 1 and not subject.several:
        yield (f"Every image is predicted {subject.images.class_names[predicted[0]]}.",
               "The model ignores these images, or is shown them in another way than it was "
               "trained: see the table.")  # fmt: skip
    if subject.constant:
        yield ("The model ignores its input: all images get the same probabilities.",
               "Look at what it is given, and at its first layer.")  # fmt: skip


def _better_view(
    model: ExaminedModel, views: Mapping[str, Predictions]
) -> Iterator[tuple[str, str]]:
    others = {name: found for name, found in views.items() if name != NOW}
    score = headline_of(views[NOW])
    better = {name: gain(views[NOW], found, score) for name, found in others.items()}
    name = max(better, key=lambda each: better[each].value)
    if better[name].low > FAR_BETTER:
        view = other_views(model.expects, model.channels)[name]
        yield (
            f"The model scores {points(better[name])} higher if it is shown {name}.",
            f"Find out how it was trained; to show it this, give {view.arguments}.",
        )


def _better_order(subject: Subject) -> Iterator[tuple[str, str]]:
    """Classes that are named in another order than the model was trained with."""
    answers, score = subject.clean, subject.headline
    _, order = linear_sum_assignment(-_fits(answers))
    permuted = replace(answers, probabilities=answers.probabilities[:, order])
    better = gain(answers, permuted, score)
    if better.low > FAR_BETTER and score_of(permuted, score).low > subject.chance:
        names = ", ".join(np.array(answers.class_names)[np.argsort(order)])
        kind = "findings" if subject.several else "classes"
        yield (
            f"The model scores {points(better)} higher if its {kind} are {names}, in this order.",
            "Compare with the class map of the training, and give --classes.",
        )


def _fits(answers: Predictions) -> np.ndarray:
    """How well each output (column) fits each class or finding (row)."""
    if not isinstance(answers, FindingPredictions):
        return answers.confusion
    once, outputs = np.ones((1, len(answers.labels))), answers.probabilities.T
    present = [answers.has(label) for label in range(answers.classes)]
    areas = [[auroc(output, row, once)[0] for output in outputs] for row in present]
    return np.nan_to_num(areas, nan=0.5)  # a finding that no image has


def _views(subject: Subject) -> dict[str, Predictions]:
    """The predictions for some images, as the model is shown them and in other ways."""
    rows = subject.images.some_rows(subject.within(TRIED, PASSES, SHARE, floor=FEWEST_IMAGES))
    few, model = subject.images.take(rows), subject.model
    others = other_views(model.expects, model.channels)
    found = {name: predict(model.expecting(view), few) for name, view in others.items()}
    return {NOW: subject.clean.take(rows.numpy()), **found}


def _table(views: Mapping[str, Predictions]) -> pd.DataFrame:
    score = headline_of(views[NOW])
    rows = [(name, str(score_of(found, score))) for name, found in views.items()]
    return pd.DataFrame(rows, columns=["shown", f"{score} (%)"])
