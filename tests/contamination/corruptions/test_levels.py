"""The levels grow, and give each severity the similarity that it promises."""

import numpy as np
import pytest

from utils.contamination.corruptions.calibration import similarity_table
from utils.contamination.corruptions.levels import DRAWN, FILE_SIZE, LEVELS, SIMILARITY
from utils.contamination.corruptions.registry import CORRUPTIONS
from utils.data.phantoms import draw

MODALITIES = pytest.mark.parametrize("modality", LEVELS)


@MODALITIES
def test_levels_lie_in_their_span_and_grow(modality):
    for family in CORRUPTIONS[modality]:
        levels = LEVELS[modality][family.__name__]
        weak, strong = family.span
        grown = np.log(np.array([weak, *levels, strong]) / weak) / np.log(strong / weak)
        assert len(levels) == len(SIMILARITY) and (np.diff(grown) >= -1e-3).all(), levels


@MODALITIES
def test_similarity_is_measured_again_on_other_patients(modality):
    """Where a family cannot spoil an image any further, its last level is the end of its span."""
    patients = draw(DRAWN[modality], FILE_SIZE, 12, seed=5, views=1)
    severities = (1, 3, 5)
    table = similarity_table(modality, patients, severities)
    for family in CORRUPTIONS[modality]:
        for severity in severities:
            level = LEVELS[modality][family.__name__][severity - 1]
            if level != pytest.approx(family.span[1], rel=0.02):
                found = table.loc[family.__name__, severity]
                assert found == pytest.approx(SIMILARITY[severity - 1], abs=0.06), family
