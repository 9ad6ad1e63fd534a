"""The red flags of a model under attack: its mode, its gradients, its randomness, its outputs."""

from utils.attacks.apgd import APGD, WorstCase
from utils.attacks.black_box.queries import QueryAttack
from utils.evaluation.flags.attack_evidence import AttackEvidence
from utils.evaluation.flags.judging import NOT_APPLICABLE, SAME

ENOUGH_DRAWS = 20  # per step of an attack in expectation, as its field `draws` counts them
AGREES = 0.5  # cosine of the slopes; networks have .99, one that rounds its input has about 0
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
    if isinstance(e.attack, QueryAttack) or e.is_random or _follows_another(e):
        return NOT_APPLICABLE
    if e.checks.slope_agreement < AGREES:
        agreement = f"{e.checks.slope_agreement:.2f}"
        return f"cosine {agreement} between the slopes of the gradient and those of small steps"


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
