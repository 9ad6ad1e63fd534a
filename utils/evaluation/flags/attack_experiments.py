"""Experiments with the attack: carried out again with other sizes, steps, losses and knowledge."""

from dataclasses import replace

import numpy as np
from torch import Tensor, nn

from utils.attacks.adaptive import Adaptive, adaptive_attack
from utils.attacks.apgd import APGD, EVERY_CLASS, WorstCase
from utils.attacks.base import Attack, SizedAttack, in_float32, norm_of, with_epsilon
from utils.attacks.black_box.queries import QueryAttack
from utils.attacks.black_box.square import Square
from utils.attacks.losses import margin_named
from utils.attacks.norms import norm_named
from utils.attacks.random_noise import noise_of
from utils.data.split import Split, to_float
from utils.evaluation.inference import attacked_images, logits, predict
from utils.evaluation.predictions import Predictions

SURVIVORS, ENDURING = 8, 20  # of the attack: for a black box, for the attack with more steps
QUERIES = 60  # of the black box about each: enough for one image in four of a plain network
STEPS = 20  # of the stronger white box, towards each other class
LADDER = (4, 8, 16, 32, 64, 128, 255)  # of 255 grey levels, or of the largest l2 change
RESTART = 7  # the seed of a random start that no published attack has
LOGIT_RANGE = 4.0  # between the likeliest and the least likely class, after rescaling


class Precomputed:
    """Returns images that were attacked before, batch by batch."""

    def __init__(self, images: Tensor):
        self.left = images

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        batch, self.left = self.left[: len(images)], self.left[len(images) :]
        return batch.to(images.device)


class Rescaled(nn.Module):
    """The model with logits of an ordinary range, so that no softmax after it saturates."""

    def __init__(self, model: nn.Module, temperature: float):
        super().__init__()
        self.model, self.temperature = model, temperature

    def __getattr__(self, name: str):
        """What else an attack asks of the model, such as its mean or its backbone."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("model"), name)

    def forward(self, images: Tensor) -> Tensor:
        return self.model(images).float() / self.temperature


def ladder(
    model: nn.Module, split: Split, attack: SizedAttack, clean: Predictions
) -> list[Predictions]:
    """The predictions by the size of the attack; an image that fell at one has fallen for good.

    The largest change alone would show less: it turns images black and white, and where the model
    has one answer for these, a sound attack cannot leave it. What is left in the end is attacked
    once more from noise, away from where the loss is flat around the image.
    """
    sizes, norm = _sizes(split, attack), norm_named(norm_of(attack))
    climb = [with_epsilon(_from(attack), size) for size in sizes]
    if hasattr(attack, "random_start"):
        climb.append(with_epsilon(_from(attack, noise=True), sizes[-1]))
    climb = WorstCase(tuple(climb))
    moved = attacked_images(model, split, climb)
    fallen = predict(model, split, Precomputed(moved))
    change = norm.length(moved - to_float(split.images))
    reached = [(change <= size * (1 + 1e-4)).numpy()[:, None] for size in sizes[:-1]]
    rows = [np.where(r, fallen.probabilities, clean.probabilities) for r in reached]
    return [*(replace(fallen, probabilities=each) for each in rows), fallen]


def noise_ladder(
    model: nn.Module, split: Split, attack: SizedAttack, clean: Predictions
) -> list[Predictions]:
    """The same under random noise."""
    found = [clean]
    for size in _sizes(split, attack):
        found.append(predict(model, split, noise_of(attack, size), after=found[-1]))
    return found[1:]


def attacked_again(
    model: nn.Module, survivors: Split, attack: SizedAttack
) -> dict[str, Predictions]:
    """Survivors of an attack: from another random start; where it has steps, from the same one
    with twice as many, and by an attacker who rescales the logits; by APGD towards every class,
    if that was no part of it; where the model brings an adaptive attack, by that one. Empty where
    nothing survived, or nothing is to be compared."""
    if not len(survivors):
        return {}
    few, exact, others = survivors.limit(ENDURING), in_float32(attack), {}
    if hasattr(attack, "more_steps"):
        others["doubled"] = {"attack": attack.more_steps()}
        others["rescaled"] = {"attack": exact, "seen_by_attacker": _rescaled(model, few)}
    if aims_less(survivors, attack):
        stronger = APGD(attack.epsilon, STEPS, EVERY_CLASS, norm_of(attack))
        others[EVERY_CLASS] = {"attack": stronger}
    if knows_less(model, attack):
        others["adaptive"] = {"attack": adaptive_attack(model, exact)}
    runs = {"restarted": {"attack": attack}, **others} if others else {}
    return {name: predict(model, few, seed=RESTART, **how) for name, how in runs.items()}


def knows_less(model: nn.Module, attack: SizedAttack) -> bool:
    """Whether the model brings an adaptive attack, and this is another, which sees gradients."""
    return hasattr(model, "adaptive") and not isinstance(attack, (Adaptive, QueryAttack))


def aims_less(split: Split, attack: SizedAttack) -> bool:
    """Whether APGD towards every class has the same limits, and was no part of this attack."""
    return free_white_box(attack) and not split.has_findings and not _aims_at_every_class(attack)


def _aims_at_every_class(attack: Attack) -> bool:
    parts = getattr(attack, "attacks", ())  # of a worst case or an adaptive attack
    return getattr(attack, "loss", None) == EVERY_CLASS or any(map(_aims_at_every_class, parts))


def black_box(model: nn.Module, survivors: Split, attack: SizedAttack) -> Predictions | None:
    """Predictions for some of the survivors after a black-box attack."""
    if black_box_applies(attack) and len(survivors):
        return predict(model, survivors.limit(SURVIVORS), Square(attack.epsilon, QUERIES))


def free_white_box(attack: SizedAttack) -> bool:
    """Whether the attack knows the gradients and may change every pixel."""
    return getattr(attack, "region", None) is None and not isinstance(attack, QueryAttack)


def black_box_applies(attack: SizedAttack) -> bool:
    """Whether a black-box attack has the same limits: any pixel, linf, and no gradients so far."""
    return free_white_box(attack) and norm_of(attack) == "linf"


def _rescaled(model: nn.Module, few: Split) -> Rescaled:
    found = logits(model, few)
    spread = float((found.amax(1) - found.amin(1)).mean())
    return Rescaled(model, max(spread / LOGIT_RANGE, 1e-6))


def _sizes(split: Split, attack: SizedAttack) -> list[float]:
    largest = norm_named(norm_of(attack)).full_range(split.images)
    return [largest * level / LADDER[-1] for level in LADDER]


def _from(attack: SizedAttack, noise: bool = False) -> SizedAttack:
    """The attack from the image itself, or from noise in its box, with a loss that does not flatten
    for sure models."""
    loss, changes = getattr(attack, "loss", None), {"random_start": noise}
    if loss == "cross_entropy":
        changes["loss"] = "margin"
    if loss is not None and margin_named(loss) is not None:  # else there is no boundary to stop at
        changes["stop_when_fooled"] = True
    changes = {name: value for name, value in changes.items() if hasattr(attack, name)}
    return replace(attack, **changes) if changes else attack
