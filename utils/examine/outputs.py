"""What a model returns, found by trial, and the logits of all classes in it.

One sigmoid for each class gives probabilities that do not add up to 1, though an image has one
class. The highest is then the answer, and its logits serve as those of a softmax: that is the
probability of each class if exactly one of them is true.
"""

import torch
from torch import Tensor

from utils.data.split import Split

LOGITS, PROBABILITIES = "logits", "probabilities"
OF_SOFTMAX = "logits of a softmax"  # its owner says so
ONE_LOGIT, ONE_PROBABILITY = "one logit", "one probability"  # of the second of two classes
EACH_CLASS = "a probability for each class by itself"
EACH_LOGIT = "a logit for each class by itself"
BY_ITSELF = (EACH_CLASS, EACH_LOGIT)
EACH_FINDING = "a probability for each finding"
EXCLUSIVE = "probabilities of findings that exclude each other"
ACTIVATIONS = ("softmax", "sigmoid")  # in which a model ends, or that its logits are meant for
NO_LOGITS = 1e-4  # probabilities add up to 1 as exactly as this
SMALLEST, LARGEST = 1e-30, 1 - 1e-7  # probabilities that were rounded to 0 and to 1
DIGITS = (2, 3, 4)  # to which a service may round its probabilities


def as_logits(found: Tensor, output: str) -> Tensor:
    """One column of logits for each class."""
    found = found.float()
    if output == PROBABILITIES:
        return found.clamp_min(SMALLEST).log()
    if output in (EACH_CLASS, EACH_FINDING, EXCLUSIVE):
        return found.clamp(SMALLEST, LARGEST).logit()
    if output in (ONE_LOGIT, ONE_PROBABILITY):
        second = found.reshape(-1, 1)
        if output == ONE_PROBABILITY:
            second = second.clamp(SMALLEST, LARGEST).logit()
        return torch.cat([torch.zeros_like(second), second], 1)
    return found


def check_activation(activation: str, split: Split) -> None:
    """Refuse an unknown activation, and one that these images contradict."""
    if activation not in ("", *ACTIVATIONS):
        known = ", ".join(ACTIVATIONS)
        raise ValueError(f"unknown activation {activation!r}; choose from {known}")
    if activation == "softmax" and split.has_findings:
        raise ValueError(
            "these images may have several findings, which a softmax would make exclude each "
            "other; leave the activation out, or give images with one class each"
        )


def refuse_other_shapes(found: Tensor, split: Split, count: int) -> None:
    """An answer for `count` images has a number for each class, or one in all for two classes."""
    shape = tuple(found.shape)
    if shape == (count, split.classes) or (shape in ((count,), (count, 1)) and _one_of_two(split)):
        return
    kind = "findings" if split.has_findings else "classes"
    raise ValueError(
        f"the model returns {shape} for {count} images, and the data have {split.classes} {kind} "
        f"({', '.join(split.class_names)}); it must return one number for each image and each of "
        "these. Give the folder or table with those of the model, or name all of its classes with "
        "--classes"
    )


def output_of(found: Tensor, split: Split, activation: str = "") -> str:
    """What these answers to images of a split are.

    Logits of a softmax and of sigmoids look alike; `activation` tells them apart.
    """
    inside = bool(((found >= 0) & (found <= 1)).all())
    if found.numel() == len(found) and _one_of_two(split):
        return ONE_PROBABILITY if inside else ONE_LOGIT
    together = inside and split.classes > 1 and _add_up_to_one(found)
    if split.has_findings:
        return EXCLUSIVE if together else EACH_FINDING if inside else LOGITS
    if together:
        return PROBABILITIES
    if inside and activation != "softmax":
        return EACH_CLASS
    return {"softmax": OF_SOFTMAX, "sigmoid": EACH_LOGIT}.get(activation, LOGITS)


def _one_of_two(split: Split) -> bool:
    return split.classes == 2 and not split.has_findings


def _add_up_to_one(found: Tensor) -> bool:
    """Up to what rounding takes away: of the type of the numbers, or to a few decimal places."""
    away = (found.double().sum(1) - 1).abs().max()
    rounding = found.shape[1] * torch.finfo(found.dtype).eps if found.is_floating_point() else 0
    places = (digits for digits in DIGITS if _has_digits(found, digits))
    decimal = found.shape[1] * 0.5 * 10.0 ** -next(places, 9)
    return bool(away < max(NO_LOGITS, rounding, 1.01 * decimal))


def _has_digits(found: Tensor, digits: int) -> bool:
    scaled = found.double() * 10**digits
    return bool((scaled - scaled.round()).abs().max() < 1e-3)
