"""One table for all networks, kinds and severities; errors are relative to a reference."""

from functools import partial

import numpy as np
import pytest
from small import small_split, trained_network

from utils.contamination.corruptions.matrix import contamination_matrix
from utils.contamination.corruptions.registry import corruptions
from utils.evaluation.inference import predict
from utils.evaluation.metrics import score_of

FILES = small_split(48, size=32, seed=4)
NAMES = ("Exposure", "Contrast")
ONCE = {"one": [partial(predict, trained_network(0))]}
THRICE = {"several": [partial(predict, trained_network(seed)) for seed in range(1, 4)]}
MATRIX = contamination_matrix(ONCE | THRICE, FILES, "xray", 16, (3, 5), NAMES)


def test_a_cell_is_the_prediction_on_corrupted_files_made_small():
    shown = corruptions("xray", 5)["Exposure"](FILES).resized(16)
    expected = predict(trained_network(0), shown)
    found = MATRIX.pooled("one", "Exposure", 5)
    assert np.allclose(found.probabilities, expected.probabilities)
    assert found.trainings is None and MATRIX.pooled("several").trainings.max() == 2


def test_the_table_has_a_row_for_every_cell_and_the_clean_images():
    assert len(MATRIX.table) == 2 * (1 + 2 * 2)
    row = MATRIX.table.set_index(["network", "family", "severity"]).loc["several", "Contrast", 3]
    expected = score_of(MATRIX.pooled("several", "Contrast", 3), "balanced accuracy")
    assert tuple(row) == pytest.approx(expected)


def test_the_score_over_families_is_the_mean_of_their_cells():
    over = score_of(MATRIX.over("several", NAMES), "balanced accuracy").value
    cells = MATRIX.scores("several").drop(columns="clean").to_numpy()
    assert over == pytest.approx(cells.mean())
    assert MATRIX.families == list(NAMES)
    with pytest.raises(ValueError, match="no cell of Gamma"):
        MATRIX.over("one", ["Gamma"])


def test_corruption_errors_are_relative_to_the_reference():
    errors = MATRIX.corruption_errors("one")
    wrong, base = (1 - MATRIX.scores(n).loc["Exposure", [3, 5]].mean() for n in ("several", "one"))
    assert errors.loc["Exposure"].tolist() == pytest.approx([1, wrong / base])


def test_a_family_without_an_error_of_the_reference_is_left_out():
    errors = MATRIX.corruption_errors("one")
    assert MATRIX.scores("one").loc["Contrast"].drop("clean").eq(1).all()
    assert errors.loc["Contrast"].isna().all()
    assert errors.loc["mean"].tolist() == errors.loc["Exposure"].tolist()
