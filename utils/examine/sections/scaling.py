"""Does the resizer before the model let another picture through? The image-scaling attack."""

from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from utils.contamination.image_scaling import Scaling
from utils.contamination.resizers import RESIZERS, Resizer
from utils.data.split import Split, to_float, to_uint8
from utils.evaluation.inference import predict
from utils.evaluation.intervals import Interval, mean_of
from utils.examine.section import differ
from utils.examine.subject import Subject

RATIO = 4  # how much wider the file is than what the model sees
IMAGES = 40
WHOLE = Resizer("pillow", "area")  # every pixel counts, as it does for a person
PASSES = 800  # of one image, in all
EQUAL = 0.1  # of a probability: rounding to grey levels, which the model's own resizer may not do
LETS_THROUGH = 0.1  # of the files, the lower bound


@dataclass(frozen=True)
class ScalingResult:
    """What hidden pictures do through one resizer, as shares of the files."""

    resizer: Resizer
    inside: bool  # the model shrinks by itself
    hidden: Interval  # the hidden picture decides, and the file as a whole shows its own
    control: Interval  # the same with a hidden picture of the same class: answers that change

    @property
    def lets_through(self) -> bool:
        return self.hidden.low > LETS_THROUGH

    def __str__(self) -> str:
        place = "the model's own resizer" if self.inside else "the resizer"
        return (
            f"Through {place} ({self.resizer}), a hidden picture decides {self.hidden} % of the "
            f"answers about files that show another one; one of the same class changes "
            f"{self.control} %."
        )


def scaling_result(subject: Subject) -> ScalingResult | None:
    """The attack through the resizer that is named, or the one that the model has inside; None if
    there is neither."""
    resizer = subject.resizer or own_resizer(subject)
    if resizer is None:
        return None
    few = subject.of_each(IMAGES).with_depth(8)
    clean = predict(subject.model, few)
    large = larger(few.images)
    found = {}
    for same in (False, True):
        others = _partners(clean.predicted, same)
        files = Scaling(resizer)(large, few.images[others])
        found[same] = _decided(subject, few, files, resizer, others)
    return ScalingResult(resizer, subject.resizer is None, found[False], found[True])


def larger(images: Tensor) -> Tensor:
    """The images as files that are so many times as wide."""
    return to_uint8(F.interpolate(to_float(images), scale_factor=RATIO, mode="bicubic").clamp(0, 1))


def _decided(
    subject: Subject, few: Split, files: Tensor, resizer: Resizer, others: Tensor
) -> Interval:
    """Files whose answer is that of the hidden picture, though they show what they did before; of a
    picture with the same answer, files whose answer changes."""
    size = (few.size, few.size)
    clean = predict(subject.model, few)
    shown = files if subject.resizer is None else resizer(files, size)
    through = predict(subject.model, replace(few, images=shown, masks=None))
    whole = predict(subject.model, replace(few, images=WHOLE(files, size), masks=None))
    wanted = clean.take(others.numpy())
    other = differ(clean, wanted)
    hit = np.where(other, ~differ(through, wanted) & ~differ(whole, clean), differ(through, clean))
    return mean_of(hit.astype(float), few.patients)


def _partners(predicted: np.ndarray, same: bool) -> Tensor:
    """For each image the place of the next one with another answer, or with the same."""
    count = len(predicted)
    keys = np.unique(predicted, axis=0, return_inverse=True)[1].ravel()
    chosen = np.arange(count)
    for place in range(count):
        after = (place + 1 + np.arange(count - 1)) % count
        fits = after[(keys[after] == keys[place]) == same]
        chosen[place] = fits[0] if len(fits) else place
    return torch.from_numpy(chosen)


def own_resizer(subject: Subject) -> Resizer | None:
    """The resizer inside the model, if it has one: with it, small images get the same answers as
    large ones. None if the model takes no larger images, or looks at all of their pixels."""
    few = subject.images.limit(RATIO**2, subject.seed).with_depth(8)
    mixed = replace(few, images=_mixed(few.images), masks=None)
    try:
        wanted = predict(subject.model, mixed).probabilities
    except Exception:  # someone else's model can fail in any way
        return None
    misses = {}
    for resizer in RESIZERS:
        small = replace(few, images=resizer(mixed.images, (few.size, few.size)), masks=None)
        misses[resizer] = np.abs(predict(subject.model, small).probabilities - wanted).max()
    best = min(misses, key=misses.get)
    apart = max(misses.values()) > 2 * EQUAL  # the pictures tell one resizer from another
    return best if apart and misses[best] < EQUAL else None


def _mixed(images: Tensor) -> Tensor:
    """Large images of which each pixel comes from another small one, so that no two resizers make
    the same of them."""
    turned = [images.roll(shift, 0) for shift in range(RATIO**2)]
    return F.pixel_shuffle(torch.stack(turned, 2).flatten(1, 2).float(), RATIO).to(images.dtype)
