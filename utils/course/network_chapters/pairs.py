"""A standard network and its adversarially trained twin, once and over several trainings."""

from collections.abc import Mapping, Sequence

from utils.evaluation.comparisons.differences import gain
from utils.evaluation.conditions import Condition
from utils.evaluation.metrics import HEADLINE
from utils.evaluation.predictions import Predictions, pool_trainings

Answers = Mapping[Condition, Predictions]


def pool_shared(first: Answers, again: Sequence[Answers]) -> dict[Condition, Predictions]:
    """By condition: all trainings pooled, or the first one where the others were not tested."""
    return {
        condition: pool_trainings([found, *(other[condition] for other in again)])
        if again and all(condition in other for other in again)
        else found
        for condition, found in first.items()
    }


def pair_facts(standard: Predictions, adversarial: Predictions, noise: Predictions) -> str:
    """What must hold of one pair under attack on every machine, or the run is not to be believed.

    Where the interval of the difference contains zero, no network beats the other.
    """
    ahead = gain(standard, adversarial, HEADLINE)
    shown = ahead.low > 0 or ahead.high < 0
    return (
        f"PGD takes more than noise: {standard.accuracy < noise.accuracy}\n"
        "adversarial training beats standard under PGD: "
        f"{ahead.value > 0 if shown else 'not shown'}"
    )
