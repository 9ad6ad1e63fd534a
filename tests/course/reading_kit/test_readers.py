"""Several readers of one kit: sheets, simulated readers, the model and the truth."""

import shutil

import numpy as np
import pytest
from reading_samples import PAIRS, fill, the_other, the_truth

from utils.course.reading_kit.kit import read_key, score_kit
from utils.course.reading_kit.readers import (
    MODEL,
    TRUTH,
    SimulatedReader,
    read_or_simulate,
    read_sheets,
)

SIMULATED = {"coin": SimulatedReader(0.5, 1 / 3), "perfect": SimulatedReader(1, 1, seed=1)}


@pytest.fixture
def two_sheets(folder, tmp_path):
    """One reader is right about everything, the other has decided half of the pairs wrongly."""
    fill(folder, said=lambda pair: pair["tampered"], diagnoses=the_truth)
    shutil.copy(folder / "answers.csv", tmp_path / "right.csv")
    fill(
        folder,
        said=the_other,
        diagnoses=lambda pair: the_truth(pair) if pair["pair"] <= PAIRS // 2 else ("?", ""),
    )
    shutil.copy(folder / "answers.csv", tmp_path / "other.csv")
    fill(folder)
    return f"{tmp_path / 'right.csv'}; {tmp_path / 'other.csv'}"


def test_without_an_answer_the_simulated_readers_stand_in_and_are_declared(folder, two_sheets):
    assert read_sheets(folder) == {}
    stand_in = read_or_simulate(folder, "", SIMULATED)
    assert stand_in.simulated and list(stand_in.readings) == ["coin", "perfect"]
    real = read_or_simulate(folder, two_sheets, SIMULATED)
    assert not real.simulated and list(real.readings) == ["right", "other"]


def test_each_reader_is_scored_as_alone(folder, two_sheets):
    readers = read_or_simulate(folder, two_sheets, SIMULATED)
    for name, path in zip(readers.readings, two_sheets.split("; "), strict=True):
        alone = score_kit(folder, path)
        assert (readers.tampering.loc[name] == alone.tampering.iloc[0]).all()
        value = alone.diagnoses.loc[("clean", "reader"), "value"]
        assert readers.accuracies[name]["clean"].value == value
    assert readers.accuracies[MODEL]["clean"].value == 1
    assert readers.accuracies[MODEL]["attacked"].value == 0


def test_the_lead_over_the_model_is_paired_and_counts_decided_images(folder, two_sheets):
    lead = read_or_simulate(folder, two_sheets, SIMULATED).against_model
    for name in ("right", "other"):
        assert lead[name]["clean"].value == 0 and lead[name]["attacked"].value == 1


def test_agreement_is_perfect_with_the_truth_and_below_chance_with_a_fooled_model(
    folder, two_sheets
):
    readers = read_or_simulate(folder, two_sheets, SIMULATED)
    for table in readers.agreement().values():
        assert table.loc["right", TRUTH] == pytest.approx(1)
    assert readers.agreement()["attacked"].loc["right", MODEL] < 0
    assert readers.kappa()["clean"].value == pytest.approx(1)
    assert readers.kappa("right", MODEL)["attacked"].value < 0


def test_rows_hold_every_reader_beside_the_truth(folder, two_sheets):
    rows = read_or_simulate(folder, two_sheets, SIMULATED).rows
    assert len(rows) == PAIRS and (rows["right_tampered"] == rows["tampered"]).all()
    assert {"other_clean", "other_attacked", "model_clean", "label"} <= set(rows)


def test_a_simulated_reader_is_as_good_as_declared(folder):
    key = read_key(folder)
    perfect = SimulatedReader(1, 1).read(key)
    assert perfect.tampering["value"].item() == 1
    assert (perfect.rows["reader_attacked"] == perfect.rows["label"]).all()
    shares = [SimulatedReader(0.75, 0.4, seed).read(key) for seed in range(60)]
    guesses = [SimulatedReader(0.5, seed=seed).read(key).rows for seed in range(60)]
    guessed = np.mean([(rows["reader_clean"] == rows["label"]).mean() for rows in guesses])
    assert guessed == pytest.approx(1 / 3, abs=0.04)
    found = np.mean([each.tampering["value"].item() for each in shares])
    right = np.mean([(e.rows["reader_clean"] == e.rows["label"]).mean() for e in shares])
    assert found == pytest.approx(0.75, abs=0.04) and right == pytest.approx(0.4, abs=0.04)


def test_a_simulated_reader_reads_the_same_twice(folder):
    key = read_key(folder)
    reader = SimulatedReader(0.7, 0.7, seed=5)
    assert reader.read(key).rows.equals(reader.read(key).rows)


def test_two_sheets_of_one_name_are_refused(folder, two_sheets, tmp_path):
    (tmp_path / "again").mkdir()
    shutil.copy(tmp_path / "right.csv", tmp_path / "again/right.csv")
    with pytest.raises(ValueError, match="names of their own"):
        read_sheets(folder, f"{tmp_path / 'right.csv'};{tmp_path / 'again/right.csv'}")
