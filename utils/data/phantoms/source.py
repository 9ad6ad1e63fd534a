"""The source of a data set that the course draws itself."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from utils.data.formats.reading import AS_SHOWN, Reading
from utils.data.listing import Listing
from utils.data.patients.splitting import GatheredImages
from utils.data.phantoms import draw, fewest_patients
from utils.data.source import Source, no_files
from utils.data.split import Split, concatenate
from utils.files import digest

SEEDS_APART = {"validation": -1, "test": -2}  # all other draws count up from 0
VALIDATED = 5  # test patients for each validation patient, if both are drawn apart


@dataclass(frozen=True)
class DrawnImages:
    """Images that the course draws itself.

    With `test_patients`, the usual patients are for training alone. Validation and test
    patients are others: one image each, equally many of each class.
    """

    name: str
    test_patients: int = 0

    def signature(self) -> str:
        """A digest of the code that draws."""
        code = sorted(set(Path(__file__).parent.glob("*.py")) - {Path(__file__)})
        return digest(*(path.read_bytes() for path in code))

    def listing(self, labelled: bool = True) -> Listing:
        raise no_files(self.name)

    def fetched(self, size: int) -> Source:
        return self

    def draw(self, size: int, patients: int = 0, seed: int = 0, views: int = 0) -> Split:
        """Other seeds draw other patients; 0 means the usual numbers. `views` balance classes."""
        return draw(self.name, size, patients or None, seed, views, balanced=views > 0)

    def read(self, size: int, cache=None, reading: Reading = AS_SHOWN) -> GatheredImages:
        """Always the same images; the seed of `load` decides about the split."""
        drawn = self._drawn_apart(size)  # first: it is small, and may be refused
        split = self.draw(size)
        parts = np.repeat(["", *drawn], [len(split), *map(len, drawn.values())])
        for others in drawn.values():
            others = replace(others, groups=others.groups + split.groups.max() + 1)
            split = concatenate(split, others)
        return GatheredImages(split, parts, split.content_hash(), notes={"patients": "given"})

    def _drawn_apart(self, size: int) -> dict[str, Split]:
        """Validation and test images, if they have draws of their own."""
        if not self.test_patients:
            return {}
        fewer = max(self.test_patients // VALIDATED, fewest_patients(self.name))
        patients = {"validation": fewer, "test": self.test_patients}
        each = SEEDS_APART.items()
        return {p: draw(self.name, size, patients[p], s, views=1, balanced=True) for p, s in each}
