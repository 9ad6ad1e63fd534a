"""Two reports on the same images: before and after a change, or two models."""

from pathlib import Path

import numpy as np
import pandas as pd

from utils.evaluation.intervals import mean_of
from utils.examine.reporting.report import FACTS, IMAGES
from utils.examine.reporting.schema import CORRUPTION, MIDDLE, PREDICTED, fits
from utils.files import read_json

SHOWN_SEVERITY = f"{CORRUPTION}<family> {MIDDLE}"  # of the five


def compare_reports(old: str | Path, new: str | Path) -> pd.DataFrame:
    """Accuracy of both under each condition, and new minus old in points, with its interval.

    Paired: the same images, the same resampled patients.
    """
    facts = [_facts(Path(folder)) for folder in (old, new)]
    if facts[0]["content"] != facts[1]["content"]:
        raise ValueError(f"{old} and {new} are about other images; examine both on the same ones")
    first, second = (_images(Path(folder)) for folder in (old, new))
    shared = [name for name in first if name in second and _is_compared(name)]
    return pd.DataFrame([_row(name, first, second) for name in shared]).set_index("condition")


def _is_compared(column: str) -> bool:
    """Whether it holds predictions; of each corruption, the middle severity is enough."""
    return fits(column, PREDICTED) and (
        not column.startswith(CORRUPTION) or fits(column, [SHOWN_SEVERITY])
    )


def _facts(folder: Path) -> dict:
    if not (folder / FACTS).is_file():
        raise FileNotFoundError(
            f"{folder} holds no {FACTS}; give the folder that `second-look examine --out` wrote"
        )
    return read_json(folder / FACTS, "examine the model again")


def _images(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / IMAGES, dtype=str, keep_default_na=False)


def _row(name: str, first: pd.DataFrame, second: pd.DataFrame) -> dict:
    """Only images that both models saw under this condition."""
    both = ((first[name] != "") & (second[name] != "")).to_numpy()
    sides = [(table[name] == table["label"]).to_numpy()[both] for table in (first, second)]
    patients = first["patient"].to_numpy()[both]
    found = mean_of(sides[1].astype(float) - sides[0], patients)
    accuracies = (f"{100 * side.mean():.1f}" for side in sides)
    return {
        "condition": name,
        "images": int(both.sum()),
        **dict(zip(("old (%)", "new (%)"), accuracies, strict=True)),
        "new minus old (points)": str(found),
        "differ": bool(np.sign(found.low) == np.sign(found.high) != 0),
    }
