"""The red flags of a model under attack: its mode, its gradients, its randomness, its outputs."""

from utils.attacks.apgd import APGD, WorstCase
from utils.attacks.black_box.queries import QueryAttack
from utils.evaluation.comparisons.models import more_often_right
from utils.evaluation.flags.attack_evidence import AttackEvidence
from utils.evaluation.flags.gradient_experiments import AGREES, STEP
from utils.evaluation.flags.judging import HARMLESS, NOT_APPLICABLE, RARE, SAME, too_few
from utils.evaluation.resampling import ALPHA

ENOUGH_DRAWS = 20  # per step of an attack in expectation, as its field `draws` counts them
SLOPES = "between the slopes of the gradient and those of small steps"
NOTHING_LEFT = 0.05  # accuracy under an attack below which no gradient can have hidden much
STOPS = (APGD, WorstCase, QueryAttack)  # at the first success, always


def _in_training_mode(e: AttackEvidence) -> str | None:
    return "batch norm or dropout was training while attacked" if e.checks.trains else None


def _members_apart(e: AttackEvidence) -> str | None:
    sets = max(len(predictions.seen) for predictions in e.published)
    if sets > 1:
        return f"the mean of predictions for {sets} different sets of images"
    return "the members received different images" if e.checks.apart else None


def _leaks(e: AttackEvidence) -> str | None:
    return "the next optimizer step would follow the attacker" if e.checks.leaks else None


def _follows_another(e: AttackEvidence) -> bool:
    """Whether the gradient that the attack follows is not that of the model itself."""
    return getattr(e.attack, "looks_through", False)


def _dead(e: AttackEvidence) -> str | None:
    if _follows_another(e):
        return NOT_APPLICABLE
    if e.checks.dead_gradients > 0.01:
        return f"for {e.checks.dead_gradients:.1%} of the images"


def _masked(e: AttackEvidence) -> str | None:
    """Do gradients mislead an attacker? A slope that bends within a step is none of that."""
    if isinstance(e.attack, QueryAttack) or e.is_random or _follows_another(e):
        return NOT_APPLICABLE
    found = e.checks.slope_agreements
    best = max(found, key=found.get)
    if found[STEP] >= AGREES:
        return None
    why, wrong = f"cosine {found[best]:.2f} {SLOPES}", found[best] < AGREES
    if not wrong:
        why += f" of {255 * best:.2g}/255, {found[STEP]:.2f} of {255 * STEP:g}/255"
    if _gets_through(e, wrong):
        left, noise = e.strongest.accuracy, e.noise.accuracy
        return f"{HARMLESS}: {why}, but the attack leaves {left:.1%}, noise {noise:.1%}"
    return why if wrong else too_few(e.noise, e.noise.right) or why


def _gets_through(e: AttackEvidence, wrong: bool) -> bool:
    """Whether the attack succeeds all the same.

    Gradients that hold over some steps lead somewhere, so it is enough to do more than noise. Ones
    that are wrong over all lead nowhere, unless the attack leaves nearly nothing and noise does.
    """
    left, p = e.strongest.accuracy, more_often_right(e.noise, e.strongest)
    return left <= NOTHING_LEFT and p < RARE if wrong else left == 0 or p < ALPHA


def _random(e: AttackEvidence) -> str | None:
    if e.is_random and getattr(e.attack, "draws", 1) < ENOUGH_DRAWS:
        return f"probabilities differ by up to {e.checks.between_passes:.2f} between two passes"


def _stops_at_luck(e: AttackEvidence) -> str | None:
    if not e.is_random:
        return None
    if getattr(e.attack, "stop_when_fooled", isinstance(e.attack, STOPS)):
        return "an image leaves the attack at its first success, which may be luck"


def _depends_on_batch(e: AttackEvidence) -> str | None:
    if e.is_random:
        return NOT_APPLICABLE
    if e.checks.between_batches > SAME:
        return f"probabilities differ by up to {e.checks.between_batches:.2f} in another batch"


def _no_logits(e: AttackEvidence) -> str | None:
    if e.checks.probabilities:
        return "the outputs lie between 0 and 1 and add up to 1"


MODEL_FLAGS = {
    "model in training mode": _in_training_mode,
    "ensemble members fed different images": _members_apart,
    "gradients left in the weights": _leaks,
    "zero or undefined gradients": _dead,
    "masked gradients": _masked,
    "the same image gets different predictions": _random,
    "early stop on a random model": _stops_at_luck,
    "the prediction depends on the batch": _depends_on_batch,
    "probabilities instead of logits": _no_logits,
}
