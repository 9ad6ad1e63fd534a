"""How files become images: bits, window of grey levels, and the axis that cuts volumes."""

import re
from dataclasses import dataclass

from utils.files import short_digest

AXES = {"sagittal": 0, "coronal": 1, "axial": 2}  # of a volume with right, front, top first
SHOWN, FULL = "shown", "full"
RANGE = re.compile(r"(-?\d+(?:\.\d+)?)\.\.(-?\d+(?:\.\d+)?)(%?)")


class Unreadable(Exception):
    """The reason why one file is set aside, in words for the user."""


@dataclass(frozen=True)
class Reading:
    """Everything that decides which images a file gives, beside their size.

    `window` is for grey levels of more than 8 bits:

    shown      as a viewer shows them at first: in the window that the file names; without one,
               from its darkest to its brightest pixel
    full       the range of the numbers that the file can hold
    -160..240  in the units of the file (of a CT: Hounsfield units)
    1..99%     percentiles of the file
    """

    depth: int = 8  # bits of each image kept: 8 or 16
    window: str = SHOWN
    axis: str = "axial"  # slices of a volume are cut across it: axial, coronal or sagittal

    def __post_init__(self):
        if self.depth not in (8, 16):
            raise ValueError(f"depth must be 8 or 16 bits, got {self.depth!r}")
        if self.axis not in AXES:
            raise ValueError(f"unknown axis {self.axis!r}; choose from {', '.join(AXES)}")
        if self.window not in (SHOWN, FULL) and not self._fits():
            raise ValueError(
                f"unknown window {self.window!r}; give {SHOWN!r}, {FULL!r}, two grey levels such "
                "as '-160..240' or two percentiles such as '1..99%', the lower one first"
            )

    def _fits(self) -> bool:
        if not isinstance(self.window, str) or not RANGE.fullmatch(self.window):
            return False
        low, high = self.bounds
        return low < high and not (self.percent and (low < 0 or high > 100))

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The two numbers of the window, if it names some."""
        found = RANGE.fullmatch(self.window)
        return (float(found[1]), float(found[2])) if found else None

    @property
    def percent(self) -> bool:
        """Whether these numbers are percentiles."""
        return self.window.endswith("%")

    @property
    def key(self) -> str:
        """What tells apart the folders and caches of readings; empty for the usual one."""
        return "" if self == AS_SHOWN else short_digest(self.depth, self.window, self.axis)


AS_SHOWN = Reading()
