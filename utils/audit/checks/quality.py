"""The check of image quality: dark, bright, blurred, empty, odd in shape, or written on."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from utils.audit.finding import EXAMPLES, Finding, count_of, skipped
from utils.audit.folder import ImageFolder
from utils.audit.patients.groups import MIN_FOLDER_IMAGES

MANY = 0.01  # of the images
SPREADS = 6.0  # of the middle four fifths: in real folders fewer than one image in 100 is beyond


class Issue(NamedTuple):
    """A number for each image, higher is worse, and the limit above which the image is named.

    `usual` issues compare an image with its folder, so they need a folder of some size.
    """

    score: Callable[[ImageFolder], pd.Series]
    limit: float
    usual: bool = True


def _dark(folder: ImageFolder) -> pd.Series:
    brightest = folder.measures["brightest"]
    return 1 - brightest / max(1.0, brightest.median())


def _bright(folder: ImageFolder) -> pd.Series:
    """More white, or a lighter black, than usual: in units of the limit of each."""
    white, darkest = folder.measures["white"], folder.measures["darkest"]
    gains = [(white, 0.2), (darkest, 100)]
    return pd.concat(
        [
            (values - values.median()) / max(least, SPREADS * upper_spread(values))
            for values, least in gains
        ],
        axis=1,
    ).max(axis=1)


def _blurred(folder: ImageFolder) -> pd.Series:
    sharpness = -folder.measures["log sharpness"]
    return (sharpness - sharpness.median()) / max(0.05, upper_spread(sharpness))


def _noisy(folder: ImageFolder) -> pd.Series:
    grain = folder.measures["log grain"]
    return (grain - grain.median()) / max(0.1, upper_spread(grain))


def _poor(folder: ImageFolder) -> pd.Series:
    entropy = folder.measures["entropy"]
    return 1 - entropy / max(0.1, entropy.median())


def _odd_size(folder: ImageFolder) -> pd.Series:
    return _far_from_usual(np.log2(folder.facts["width"] * folder.facts["height"]) / 2)


def _odd_aspect(folder: ImageFolder) -> pd.Series:
    return _far_from_usual(np.log2(folder.facts["width"] / folder.facts["height"].clip(lower=1)))


def _far_from_usual(octaves: pd.Series) -> pd.Series:
    """How far from the median, in units of the limit: two thirds of an octave, or six spreads."""
    apart = octaves - octaves.median()
    sides = (upper_spread(octaves), upper_spread(-octaves))
    above, below = (np.maximum(2 / 3, SPREADS * spread) for spread in sides)
    return np.where(apart > 0, apart / above, -apart / below) + 0 * apart


ISSUES = {
    "dark": Issue(_dark, 0.5),
    "bright": Issue(_bright, 1.0),
    "blurred": Issue(_blurred, 5.0),
    "noisy": Issue(_noisy, 5.0),
    "low information": Issue(_poor, 0.5),
    "odd size": Issue(_odd_size, 1.0),
    "odd aspect": Issue(_odd_aspect, 1.0),
    "nearly blank": Issue(lambda folder: folder.measures["one level"], 0.98, usual=False),
    "burnt-in text": Issue(lambda folder: folder.measures["characters"], 4, usual=False),
}


def upper_spread(values: pd.Series) -> float:
    """The spread above the median, unmoved by a tenth of all that is extreme."""
    return float(values.quantile(0.9) - values.median()) / 1.28


def check_quality(folder: ImageFolder) -> Finding:
    """Images that are dark, bright, blurred, poor, odd in shape, blank, or written on."""
    large = len(folder) >= MIN_FOLDER_IMAGES
    issues = {name: issue for name, issue in ISSUES.items() if large or not issue.usual}
    scores = pd.DataFrame({name: issue.score(folder) for name, issue in issues.items()})
    named = pd.DataFrame({name: scores[name] > issue.limit for name, issue in issues.items()})
    rows = _worst_first(scores, named)
    counts = named.sum()
    found = [f"{count:,} {name}" for name, count in counts.items() if count]
    if not large and not found:
        return skipped(
            f"Fewer than {MIN_FOLDER_IMAGES} images: too few to know what is usual. No image is "
            "nearly blank, none has burnt-in text.",
            "Audit these images together with those that they will join.",
        )
    return Finding(
        _severity(named, len(folder)),
        f"{count_of(len(rows), 'image has', 'images have')} a problem"
        + (f": {', '.join(found)}." if found else ".")
        + " Compared with the other images of this folder, each file at its own size."
        * large,
        "A network may learn a fault of the exposure instead of the disease. Burnt-in text can "
        "name the patient, and it can name the diagnosis." if found else "",
        _advice(counts),
        pd.DataFrame({
            "problem": counts.index, "images": counts.to_numpy(),
            "share (%)": (100 * counts / len(folder)).round(2).to_numpy(),
        }),
        tuple(rows),
        tuple(", ".join(named.columns[named.iloc[row]]) for row in rows[:EXAMPLES]),
        scores=scores.round(4).join(named.add_prefix("is ")),
    )  # fmt: skip


def _worst_first(scores: pd.DataFrame, named: pd.DataFrame) -> list[int]:
    """The named images, those with most problems first, then by how far they exceed a limit."""
    limits = pd.Series({name: ISSUES[name].limit for name in scores})
    excess = (scores / limits).where(named).max(axis=1).fillna(0)
    problems = named.sum(axis=1)
    order = np.lexsort([-excess, -problems])
    return [int(row) for row in order if problems.iloc[row]]


def _severity(named: pd.DataFrame, images: int) -> str:
    if not named.to_numpy().any():
        return "ok"
    grave = named[["nearly blank", "burnt-in text"]].to_numpy().any()
    return "warning" if grave or named.any(axis=1).sum() > MANY * images else "note"


def _advice(counts: pd.Series) -> str:
    steps = []
    if counts.get("burnt-in text"):
        steps += ["Remove the text from the pixels before anything else: it may name a patient."]
    if counts.sum() > counts.get("burnt-in text", 0):
        steps += ["Look at the named images in full size; get them again, or leave them out."]
    return " ".join(steps)
