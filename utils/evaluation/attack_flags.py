"""The red flags of an attack: signs that a robust accuracy is wrong.

Each flag is a function from evidence to a reason, or to None if it is not red. A reason that
begins with "not resolved" is not red either: these images cannot show the mistake.
"""

from dataclasses import dataclass

import numpy as np

from utils.attacks.base import SizedAttack, norm_of
from utils.evaluation.comparison import more_often_right
from utils.evaluation.metrics import majority_share
from utils.evaluation.predictions import Predictions
from utils.evaluation.sanity_checks import (
    QUERIES,
    SanityChecks,
    black_box_applies,
    free_white_box,
)

ALPHA = 0.05  # p-value below which a difference is significant
SAME = 0.01  # difference up to which two probabilities count as the same
NOT_APPLICABLE, NOT_RESOLVED = "not applicable", "not resolved"


@dataclass(frozen=True)
class AttackEvidence:
    """The results of an evaluation under attack."""

    attack: SizedAttack
    clean: Predictions
    noise: Predictions  # the control: random noise of the same size
    single_step: Predictions
    attacked: dict[float, Predictions]  # by size; 0 and the attack's epsilon among them
    strongest: Predictions  # the attack after its restarts
    checks: SanityChecks

    @property
    def published(self) -> list[Predictions]:
        return [self.noise, self.single_step, *self.attacked.values(), self.strongest]


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
    return _too_few(checks.clean, checks.clean.right) or why


def _survives_every_size(e: AttackEvidence) -> str | None:
    if not free_white_box(e.attack):
        return NOT_APPLICABLE
    left = e.checks.ladder[-1]
    if left.right.any():
        return f"{left.accuracy:.1%} are right, however large the change"


def _not_converged(e: AttackEvidence) -> str | None:
    if not hasattr(e.attack, "more_steps"):
        return NOT_APPLICABLE
    again, longer = e.checks.restarted, e.checks.doubled
    if again is None:  # nothing survived
        return None
    if more_often_right(again, longer) < ALPHA:
        fallen, usual = ((~each.right).sum() for each in (longer, again))
        return f"with more steps {fallen} of {len(again.right)} survivors fall, else {usual}"
    return _too_few(again, np.ones_like(again.right))


def _lost_by_saving(e: AttackEvidence) -> str | None:
    attacked, saved = e.checks.attacked, e.checks.saved
    if more_often_right(saved, attacked) < ALPHA:
        return f"{attacked.accuracy:.1%}, after saving {saved.accuracy:.1%}"
    return _too_few(attacked, ~attacked.right)


def _too_few(predictions: Predictions, rows: np.ndarray) -> str | None:
    """Not resolved where these images, all on one side, would still be no more than chance."""
    patients = len(np.unique(predictions.groups[rows]))
    if 0.5**patients >= ALPHA:
        return f"{NOT_RESOLVED}: too few patients ({patients})"


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


def _in_training_mode(e: AttackEvidence) -> str | None:
    return "batch norm or dropout was training while attacked" if e.checks.trains else None


def _members_apart(e: AttackEvidence) -> str | None:
    sets = max(len(predictions.seen) for predictions in e.published)
    if sets > 1:
        return f"the mean of predictions for {sets} different sets of images"
    return "the members received different images" if e.checks.apart else None


def _leaks(e: AttackEvidence) -> str | None:
    return "the next optimizer step would follow the attacker" if e.checks.leaks else None


def _random(e: AttackEvidence) -> str | None:
    if e.checks.between_passes > SAME:
        return f"probabilities differ by up to {e.checks.between_passes:.2f} between two passes"


def _depends_on_batch(e: AttackEvidence) -> str | None:
    if e.checks.between_passes > SAME:
        return NOT_APPLICABLE
    if e.checks.between_batches > SAME:
        return f"probabilities differ by up to {e.checks.between_batches:.2f} in another batch"


def _dead(e: AttackEvidence) -> str | None:
    if e.checks.dead_gradients > 0.01:
        return f"for {e.checks.dead_gradients:.1%} of the images"


ATTACK_FLAGS = {
    "iterated attack weaker than a single step": _weaker_than_one_step,
    "steps too short to reach epsilon": _steps_too_short,
    "accuracy rises with epsilon": _rises_with_epsilon,
    "accuracy better than clean": _better_than_clean,
    "random noise does as well": _no_better_than_noise,
    "random noise of this size destroys the score": _noise_destroys,
    "images survive a change of any size": _survives_every_size,
    "accuracy still falls with more steps": _not_converged,
    "success vanishes when saved": _lost_by_saving,
    "black box beats white box on an image": _beaten_by_queries,
    "leaves the ball or the pixel range": _outside,
    "model in training mode": _in_training_mode,
    "ensemble members fed different images": _members_apart,
    "gradients left in the weights": _leaks,
    "zero or undefined gradients": _dead,
    "the same image gets different predictions": _random,
    "the prediction depends on the batch": _depends_on_batch,
}
