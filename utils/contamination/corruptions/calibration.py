"""Levels at which every family of a modality looks equally bad to a person."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from skimage.metrics import structural_similarity

from utils.contamination.corruptions.base import Corruption
from utils.contamination.corruptions.levels import DRAWN, FILE_SIZE, SIMILARITY
from utils.contamination.corruptions.registry import CORRUPTIONS, corruptions
from utils.data.phantoms import draw
from utils.data.split import Split, to_float

PATIENTS = 30  # drawn ones, on whose images the levels are found
STEPS = 25  # levels that are tried, evenly spread on a logarithmic scale
DARK = 0.06  # around a body, where the least change of black would count for more than the body


def mean_similarity(corruption: Corruption, clean: Split) -> float:
    """The mean structural similarity (SSIM, Wang 2004) of corrupted images to the clean ones.

    Only what is not dark in the clean image counts.
    """
    corrupted = replace(corruption, rate=1.0)(clean)
    pairs = zip(*(to_float(each.images).numpy() for each in (clean, corrupted)), strict=True)
    return float(np.mean([_similarity(before, after) for before, after in pairs]))


def calibrated_levels(
    family: type[Corruption], modality: str, clean: Split, wanted: Sequence[float] = SIMILARITY
) -> tuple[float, ...]:
    """The levels at which a family has the wanted similarities, or the end of its span."""
    tried = np.geomspace(*family.span, STEPS)
    found = [mean_similarity(family(modality=modality, strength=x), clean) for x in tried.tolist()]
    damage = 1 - np.minimum.accumulate(found)
    levels = np.exp(np.interp(1 - np.array(wanted), damage, np.log(tried)))
    return tuple(float(f"{level:.3g}") for level in levels)


def drawn_levels(family: type[Corruption], modality: str) -> tuple[float, ...]:
    """What stands in LEVELS for a family: its levels on the drawn images of the modality."""
    clean = draw(DRAWN[modality], FILE_SIZE, PATIENTS, views=1)
    return calibrated_levels(family, modality, clean)


def calibrate(modality: str, clean: Split) -> dict[str, tuple[float, ...]]:
    """The levels of all families of a modality, as they stand in LEVELS."""
    return {
        family.__name__: calibrated_levels(family, modality, clean)
        for family in CORRUPTIONS[modality]
    }


def similarity_table(modality: str, clean: Split, severities: Sequence[int]) -> pd.DataFrame:
    """Mean similarity by family (row) and severity: what `LEVELS` promises, measured again."""
    columns = {
        severity: {
            name: mean_similarity(each, clean)
            for name, each in corruptions(modality, severity).items()
        }
        for severity in severities
    }
    return pd.DataFrame(columns)


def _similarity(before: np.ndarray, after: np.ndarray) -> float:
    _, local = structural_similarity(before, after, data_range=1, channel_axis=0, full=True)
    return local.mean(0)[before.mean(0) > DARK].mean()
