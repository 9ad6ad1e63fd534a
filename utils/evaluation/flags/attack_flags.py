"""The red flags of an attack: signs that a robust accuracy is wrong.

Each flag is a function from evidence to a reason, or to None if it is not red. A reason that
begins with "not resolved" is not red either: these images cannot show the mistake. Nor is a
"harmless" one.
"""

import numpy as np

from utils.attacks.apgd import EVERY_CLASS
from utils.attacks.base import norm_of
from utils.evaluation.comparisons.models import more_often_right, worse_of
from utils.evaluation.flags.attack_evidence import AttackEvidence
from utils.evaluation.flags.attack_experiments import QUERIES, black_box_applies, free_white_box
from utils.evaluation.flags.judging import NOT_APPLICABLE, NOT_RESOLVED, more_than, too_few
from utils.evaluation.flags.model_flags import MODEL_FLAGS
from utils.evaluation.flags.published_flags import PUBLISHED_FLAGS
from utils.evaluation.metrics import majority_share
from utils.evaluation.predictions import Predictions
from utils.evaluation.resampling import ALPHA

STRAYS = 0.05  # share of images that a sound attack of any size may leave: its path is greedy


def _weaker_than_one_step(e: AttackEvidence) -> str | None:
    iterated = e.attacked[e.attack.epsilon]
    if more_often_right(iterated, e.single_step) < ALPHA:
        return f"accuracy {iterated.accuracy:.1%}, after a single step {e.single_step.accuracy:.1%}"


def _steps_too_short(e: AttackEvidence) -> str | None:
    reach = getattr(e.attack, "reach", None)
    if reach is None:
        return NOT_APPLICABLE
    if reach < e.attack.epsilon * (1 - 1e-6):
        return f"the steps reach {reach * 255:.2f}/255 of {e.attack.epsilon * 255:.2f}/255"


def _rises_with_epsilon(e: AttackEvidence) -> str | None:
    sizes = sorted(set(e.attacked) - {0})
    for small, large in zip(sizes, sizes[1:], strict=False):
        weak, strong = e.attacked[small], e.attacked[large]
        if more_often_right(strong, weak) < ALPHA:
            return f"{weak.accuracy:.1%} at {small * 255:g}/255, {strong.accuracy:.1%} at more"


def _better_than_clean(e: AttackEvidence) -> str | None:
    attacked = e.attacked[e.attack.epsilon]
    if more_often_right(attacked, e.clean) < ALPHA:
        return f"accuracy {attacked.accuracy:.1%} attacked, {e.clean.accuracy:.1%} clean"


def _noise_destroys(e: AttackEvidence) -> str | None:
    constant, size = majority_share(e.clean.labels), e.attack.epsilon * 255
    destroyed = e.noise.accuracy <= constant < e.clean.accuracy
    if destroyed and more_often_right(e.clean, e.noise) < ALPHA:
        score = f"accuracy {e.clean.accuracy:.1%} clean, {e.noise.accuracy:.1%} under noise"
        return f"{score}: is epsilon, {size:g}/255, in the right unit?"


def _no_better_than_noise(e: AttackEvidence) -> str | None:
    """Small changes of any kind may leave a robust model right; a large attack must beat noise."""
    attacked, checks = e.attacked[e.attack.epsilon], e.checks
    if more_often_right(e.noise, attacked) < ALPHA:
        return None
    why = f"accuracy {attacked.accuracy:.1%} attacked, {e.noise.accuracy:.1%} under noise"
    if more_often_right(attacked, e.noise) < ALPHA:
        return why
    sizes = zip(checks.noise_ladder, checks.ladder, strict=True)
    works = any(more_often_right(noise, under_attack) < ALPHA for noise, under_attack in sizes)
    if works:
        return f"{NOT_RESOLVED}: {why}; larger attacks do more than noise"
    return too_few(checks.clean, checks.clean.right) or why


def _survives_every_size(e: AttackEvidence) -> str | None:
    if not free_white_box(e.attack):
        return NOT_APPLICABLE
    left = e.checks.ladder[-1]
    if left.right.any():
        why = f"{left.right.sum()} of {len(left.right)} are right, however large the change"
        rare = more_than(STRAYS, left.right, left.groups)
        return why if rare else f"{NOT_RESOLVED}: {why}"


def _not_converged(e: AttackEvidence) -> str | None:
    return _falls_further(e, "doubled", "with more steps")


def _gains_by_rescaling(e: AttackEvidence) -> str | None:
    return _falls_further(e, "rescaled", "on rescaled logits")


def _falls_further(e: AttackEvidence, how: str, words: str) -> str | None:
    """Do more survivors fall in this way than in another run of the same attack?"""
    if not hasattr(e.attack, "more_steps"):
        return NOT_APPLICABLE
    if not e.checks.again:  # nothing survived
        return None
    return _more_fall(e.checks.again["restarted"], e.checks.again[how], words)


def _falls_to_every_class(e: AttackEvidence) -> str | None:
    """Not applicable where no gradient reaches the pixels: no white box gets anywhere then."""
    applies = e.checks.aims_less and e.checks.slope_agreement != 0
    return _falls_to_another(e, applies, EVERY_CLASS, "to APGD towards every class")


def _falls_to_own_attack(e: AttackEvidence) -> str | None:
    return _falls_to_another(e, e.checks.knows_less, "adaptive", "to the adaptive attack")


def _falls_to_another(e: AttackEvidence, applies: bool, how: str, words: str) -> str | None:
    """Does another attack break survivors that stand a restart and more steps of this one?"""
    if not applies:
        return NOT_APPLICABLE
    if not e.checks.again:
        return None
    usual, longer, other = (e.checks.again.get(name) for name in ("restarted", "doubled", how))
    if longer is not None:  # the worse of both for each image: as many passes as the other attack
        usual = worse_of(longer, usual)
    return _more_fall(usual, other, words)


def _more_fall(usual: Predictions, other: Predictions, words: str) -> str | None:
    if more_often_right(usual, other) < ALPHA:
        fallen, before = ((~each.right).sum() for each in (other, usual))
        return f"{words} {fallen} of {len(usual.right)} survivors fall, else {before}"
    return too_few(usual, np.ones_like(usual.right))


def _lost_by_saving(e: AttackEvidence) -> str | None:
    attacked, saved = e.checks.attacked, e.checks.saved
    if more_often_right(saved, attacked) < ALPHA:
        return f"{attacked.accuracy:.1%}, after saving {saved.accuracy:.1%}"
    return too_few(attacked, ~attacked.right)


def _beaten_by_queries(e: AttackEvidence) -> str | None:
    if not black_box_applies(e.attack):
        return NOT_APPLICABLE
    found = e.checks.black_box
    if found is not None and not found.right.all():
        broken = int((~found.right).sum())
        return f"{QUERIES} queries broke {broken} of {len(found.right)} survivors"


def _outside(e: AttackEvidence) -> str | None:
    if e.checks.lowest < -1e-6 or e.checks.highest > 1 + 1e-6:
        return f"pixels from {e.checks.lowest:.3f} to {e.checks.highest:.3f}"
    if e.checks.largest_change > e.attack.epsilon + 1e-5:
        return f"a change of {e.checks.largest_change * 255:.1f}/255 ({norm_of(e.attack)})"


OTHER_IMAGES = "conditions about different images"
ATTACK_FLAGS = {
    "iterated attack weaker than a single step": _weaker_than_one_step,
    "steps too short to reach epsilon": _steps_too_short,
    "accuracy rises with epsilon": _rises_with_epsilon,
    "accuracy better than clean": _better_than_clean,
    "random noise does as well": _no_better_than_noise,
    "random noise of this size destroys the score": _noise_destroys,
    "images survive a change of any size": _survives_every_size,
    "accuracy still falls with more steps": _not_converged,
    "accuracy falls further on rescaled logits": _gains_by_rescaling,
    "accuracy falls further to APGD towards every class": _falls_to_every_class,
    "accuracy falls further to an attack that knows the model": _falls_to_own_attack,
    "success vanishes when saved": _lost_by_saving,
    "black box beats white box on an image": _beaten_by_queries,
    "leaves the ball or the pixel range": _outside,
    **MODEL_FLAGS,
    OTHER_IMAGES: lambda e: None,  # `check_attack` sees to it, before there is any evidence
    **PUBLISHED_FLAGS,
}
