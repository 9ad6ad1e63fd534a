"""How the numbers of a model are read: together as a softmax, or each class by itself.

Nothing in logits says for which of the two they are meant. Of sigmoids that were trained on images
with one class each, the probabilities add up to about 1; and they should be as often right as they
say. What its owner says decides.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from utils.evaluation.intervals import Interval, mean_of
from utils.evaluation.predictions import Predictions
from utils.evaluation.uncertainty.calibration import calibration_difference
from utils.examine.outputs import LOGITS
from utils.examine.section import points
from utils.examine.subject import Subject, stated_by_each

LEAST, MOST = 60, 600  # images: fewer do not tell how often an answer is right
SHARE = 0.05  # of the minutes
NEAR_ONE = 0.1  # of the sum over the classes
BETTER = 0.05  # of the calibration error, the lower bound: worth a word
TOGETHER = (
    "An image has one class, so the probabilities of sound sigmoids add up to about 1 on average. "
    "The table of images and the question of calibration keep them as the model states them. "
    "Everywhere else an answer is the probability of a class if exactly one is true: its odds, "
    "divided by the sum of all odds. "
)
SEVERAL = (
    "These add up to more, as findings do that occur together: if an image may have several, give "
    "labels such as `Effusion|Mass`. "
)


@dataclass(frozen=True)
class AnswerReading:
    """What the report says about it, in the parts of a section; nothing where there is no doubt."""

    measured: str = ""
    meaning: str = ""
    advice: str = ""
    numbers: Mapping[str, Interval] = field(default_factory=dict)


def activation_of(subject: Subject) -> str:
    return "sigmoid" if subject.several or subject.model.each_by_itself else "softmax"


def reading_of(subject: Subject) -> AnswerReading:
    """How the answers to these images are read, and whether another way fits better."""
    if subject.several:
        return AnswerReading()
    if subject.model.each_by_itself:
        return _each_by_itself(subject.stated)
    if subject.model.output == LOGITS and len(subject.images) >= LEAST:
        return _doubtful(subject)
    return AnswerReading()


def _each_by_itself(stated: Predictions) -> AnswerReading:
    total, above = stated.probabilities.sum(1), (stated.probabilities > 0.5).sum(1)
    mean = mean_of(total, stated.groups)
    none, several = (mean_of(each.astype(float), stated.groups) for each in (above == 0, above > 1))
    return AnswerReading(
        f"The probabilities of an image add up to {_sum(mean)} on average, {total.min():.2f} to "
        f"{total.max():.2f}; the class with the highest is the answer. {none} % of the images have "
        f"no class above one half, and {several} % more than one. ",
        TOGETHER + SEVERAL * (mean.low > 1 + NEAR_ONE),
        numbers={
            "sum of probabilities": mean,
            "no class above one half": none,
            "several classes above one half": several,
        },
    )


def _doubtful(subject: Subject) -> AnswerReading:
    """Logits that fit sigmoids better than a softmax; an overconfident softmax does so, too."""
    rows = subject.images.some_rows(subject.within(MOST, 1, SHARE, floor=LEAST), subject.seed)
    clean, few = subject.clean.take(rows.numpy()), subject.images.take(rows)
    stated = replace(clean, probabilities=stated_by_each(subject.model, few))
    total = mean_of(stated.probabilities.sum(1), stated.groups)
    fewer = calibration_difference(clean, stated)
    if not (abs(total.value - 1) < NEAR_ONE and fewer.low > BETTER):
        return AnswerReading()
    return AnswerReading(
        "Its logits are read as those of a softmax. As one sigmoid for each class they would add "
        f"up to {_sum(total)}, and their calibration error would be smaller by {points(fewer)}. ",
        "Logits do not say for what they are meant, and a softmax that is surer than it is right "
        "looks the same. ",
        "If it was trained with one sigmoid for each class, say so: --activation sigmoid.",
        {"smaller calibration error as sigmoids": fewer},
    )


def _sum(found: Interval) -> str:
    return found.text(scale=1, digits=2)
