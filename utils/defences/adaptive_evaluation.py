"""Defences side by side: clean, under an attack, and under the same attack that knows the defence.

The second number is what a defence seems to be worth, the third what it is worth.
"""

from collections.abc import Mapping

from torch import nn

from utils.attacks.adaptive import adaptive_attack
from utils.attacks.base import SizedAttack, in_float32, name_of, norm_of
from utils.data.split import Split
from utils.evaluation.conditions import CLEAN, Condition
from utils.evaluation.inference import predict
from utils.evaluation.predictions import Predictions
from utils.run import progress

ADAPTIVE = "adaptive"


def predict_adaptively(
    models: Mapping[str, nn.Module], split: Split, attack: SizedAttack, **options
) -> dict[str, dict[Condition, Predictions]]:
    """The predictions of every model under the three conditions, as a run saves them.

    The adaptive attack is made on the survivors of the plain one, in float32 even where that one
    rounds to be quicker; where a defence predicts at random no image has fallen for good, and all
    are attacked. A model without a defence of its own is attacked again only if the plain attack
    rounds. Options are those of `predict`.
    """
    found = {}
    for name, model in progress(models.items(), "defences"):
        rows = {CLEAN: predict(model, split, **options)}
        plain = rows[Condition(name_of(attack), attack.epsilon)] = predict(
            model, split, attack, **options
        )
        rows[adaptive_condition(attack)] = _known(model, split, attack, plain, options)
        found[name] = rows
    return found


def adaptive_condition(attack: SizedAttack) -> Condition:
    """The condition of an attack that knows the defence."""
    norm = norm_of(attack)
    return Condition(ADAPTIVE if norm == "linf" else f"{ADAPTIVE} {norm}", attack.epsilon)


def _known(
    model: nn.Module, split: Split, attack: SizedAttack, plain: Predictions, options: dict
) -> Predictions:
    known = adaptive_attack(model, in_float32(attack))
    if known is attack:
        return plain
    after = plain if getattr(model, "repeats", 1) == 1 else None
    return predict(model, split, known, after=after, **options)
