"""What the name of a data set means: one of the catalogue, or a path to your own images.

It imports nothing large, so that the command line answers at once.
"""

import difflib
import os
from pathlib import Path

from utils import ALIAS

# The catalogue in utils/data/datasets.py has the facts; a test compares the names.
PHANTOM_NAMES = (
    *("brain_phantom", "chest_phantom", "cervix_phantom", "findings_phantom"),
    "chest_findings_phantom",
)
FILE_NAMES = ("alzheimer_mri", "chest_xray", "cervical_cancer", "blood_cells")
MEDMNIST_NAMES = (
    *("pathmnist", "dermamnist", "octmnist", "pneumoniamnist", "retinamnist", "breastmnist"),
    *("bloodmnist", "tissuemnist", "organamnist", "organcmnist", "organsmnist", "chestmnist"),
)
NAMES = (*PHANTOM_NAMES, *FILE_NAMES, *MEDMNIST_NAMES)
WANTED = "a folder of class folders or a .csv table"


def is_path(name: str) -> bool:
    """Whether a name means a path. A name of the catalogue never does: write ./NAME for a folder
    with such a name."""
    return name not in NAMES


def resolve_path(name: str) -> Path:
    """The absolute path that a name means; links are kept. An error if nothing is there."""
    text = name.removeprefix(ALIAS)
    if not text.strip():
        raise ValueError(f"{name!r} names no data set; {_choices()}")
    path = Path(os.path.abspath(Path(text).expanduser()))
    if path.is_dir() or (path.is_file() and is_table(path)):
        return path
    if name == text and not path.exists() and Path(text).name == text:
        raise ValueError(
            f"unknown data set {name!r}{_guess(name)}; {_choices()} ({path} does not exist)"
        )
    raise FileNotFoundError(f"{path} is neither a folder nor a .csv table{_guess(text)}")


def refuse_empty(**places) -> None:
    """An empty path, as from a variable that is not set, does not count as one left out."""
    for name, place in places.items():
        if place is not None and not str(place).strip():
            raise ValueError(f"{name} is an empty path; name one, or leave it out")


def is_table(path: Path) -> bool:
    return path.suffix.lower() == ".csv"


def _choices() -> str:
    return f"choose from {', '.join(NAMES)}, or give the path to {WANTED}"


def _guess(name: str) -> str:
    folded = {known.casefold(): known for known in NAMES}
    close = difflib.get_close_matches(Path(name).name.casefold(), folded, n=1, cutoff=0.6)
    return f" (did you mean {folded[close[0]]}?)" if close else ""
