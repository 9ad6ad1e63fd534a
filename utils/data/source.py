"""What a data set's name stands for: one of the catalogue, or a path to your own images."""

import difflib
import os
from pathlib import Path

from utils.data.datasets import DATASETS

ALIAS = "folder:"  # folder:PATH is the same as PATH
WANTED = "a folder of class folders or a .csv table"


def is_path(name: str) -> bool:
    """Whether a name means a path. A name of the catalogue never does: write ./NAME for a folder
    that is called like one."""
    return name not in DATASETS


def resolve_path(name: str) -> Path:
    """The absolute path that a name means; links are kept. An error where nothing lies there."""
    text = name.removeprefix(ALIAS)
    if not text.strip():
        raise ValueError(f"{name!r} names no data set; {_choices()}")
    path = Path(os.path.abspath(Path(text).expanduser()))
    if path.is_dir() or (path.is_file() and path.suffix.lower() == ".csv"):
        return path
    if name == text and not path.exists() and Path(text).name == text:
        raise ValueError(
            f"unknown data set {name!r}{_guess(name)}; {_choices()} ({path} does not exist)"
        )
    raise FileNotFoundError(f"{path} is neither a folder nor a .csv table{_guess(text)}")


def _choices() -> str:
    return f"choose from {', '.join(DATASETS)}, or give the path to {WANTED}"


def _guess(name: str) -> str:
    folded = {known.casefold(): known for known in DATASETS}
    close = difflib.get_close_matches(Path(name).name.casefold(), folded, n=1, cutoff=0.6)
    return f" (did you mean {folded[close[0]]}?)" if close else ""
