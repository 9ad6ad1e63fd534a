"""Training images with corruptions: a defence (Hendrycks and Dietterich 2019)."""

from collections.abc import Sequence
from dataclasses import replace

from utils.contamination.base import contaminate
from utils.contamination.corruptions.base import Corruption
from utils.data.split import Split, concatenate


def with_corrupted_copies(
    clean: Split, families: Sequence[Corruption], copies: int, size: int, seed: int = 0
) -> Split:
    """The images and their corrupted copies, shrunk to `size`; each copy has one corruption.

    The families take equal shares of the images, at the severity of each in turn.
    """
    if not families:
        raise ValueError("no corruption is given; name at least one family")
    share = int(len(clean) / len(families)) / len(clean)
    parts = [clean.resized(size)]
    for copy in range(copies):
        first = seed + len(families) * copy
        steps = [replace(each, rate=share, seed=first + n) for n, each in enumerate(families)]
        corrupted, _ = contaminate(clean, *steps)
        parts.append(replace(corrupted, changed=None).resized(size))
    return concatenate(*parts)
