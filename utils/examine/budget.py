"""What the minutes allow: how many images a question may show to a model of this speed."""

import math
import time
from dataclasses import dataclass

from torch import nn

from utils.data.split import Split
from utils.evaluation.inference import predict

TIMED = 64  # images of the forward pass that is timed
FIRST = 8  # of them show whether the model is slow
SLOW = 0.02  # seconds for each image: of a slow model, the first images are enough
STEP = 2.5  # forward passes that one step along a gradient takes
OVER = 1.1  # of the budget: a question that is nearly done may end


class OutOfMinutes(BaseException):
    """The minutes are over in the middle of a question.

    No `Exception`: what catches the errors of someone else's model must let this one through.
    """


class NotWithinMinutes(Exception):
    """A question that does not fit into its share of the minutes; so many `minutes` are enough."""

    def __init__(self, reason: str, minutes: float):
        super().__init__(reason)
        self.minutes = math.ceil(minutes)


@dataclass(frozen=True)
class Budget:
    """Seconds, and how many of them the model needs for one image; by default there is no limit."""

    seconds: float = math.inf
    started: float = 0.0  # on the clock of `now`
    per_image: float = 0.0  # of one forward pass

    @property
    def taken(self) -> float:
        return now() - self.started

    @property
    def left(self) -> float:
        return self.seconds - self.taken

    def images(self, most: int, passes: float, share: float, least: int = 1, floor: int = 0) -> int:
        """At most so many images, which take so many passes each, in this share of the seconds.

        Fewer than the floor are never taken; fewer than `least` are no examination.
        """
        each, least = passes * self.per_image, min(least, most)
        allowed = min(share * self.seconds, self.left)
        if most * each <= allowed:
            return most
        fits = max(int(allowed / each), min(floor, most))
        if fits < least:
            needed = least * each
            raise NotWithinMinutes(
                f"Not within the minutes: a pass of one image takes this model {self.per_image:.2g}"
                f" seconds, and {least} images need about {passes:,.0f} passes each.",
                max(needed / share, self.seconds + needed - self.left) / 60,
            )
        return fits

    def affords(self, passes: float, share: float) -> bool:
        """Whether so many passes of one image fit into this share of the seconds."""
        return passes * self.per_image <= min(share * self.seconds, self.left)

    def check(self, count: int) -> None:
        """Stop where one more pass of so many images would end long after the minutes."""
        if self.left + (OVER - 1) * self.seconds < count * self.per_image:
            raise OutOfMinutes


def now() -> float:
    """Seconds on a clock that is never turned back."""
    return time.monotonic()


def seconds_per_image(model: nn.Module, images: Split) -> float:
    """Of one forward pass, measured."""
    few, some = images.limit(FIRST), images.limit(TIMED)
    predict(model, few)  # the first pass may compile something
    each = _seconds(model, few)
    if each > SLOW:
        return each
    predict(model, some)
    return _seconds(model, some)


def _seconds(model: nn.Module, images: Split) -> float:
    started = now()
    predict(model, images)
    return (now() - started) / len(images)
