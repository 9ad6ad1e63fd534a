"""The parts of a set keep patients apart."""

import pytest
from folders import class_folders

from utils.course.real.sets import HELD_OUT, KNOWN, SETS, chosen_sets, is_there
from utils.data.datasets import DATASETS


def test_no_patient_is_in_two_parts(parts):
    every = [*(part for _, part in parts.files.items()), parts.held_out]
    patients = [patient for part in every for patient in set(part.patients)]
    assert len(patients) == len(set(patients))
    assert len(parts.held_out) == round(HELD_OUT * 60)


def test_networks_see_the_files_shrunk(parts):
    for (_, large), (_, small) in zip(parts.files.items(), parts.small.items(), strict=True):
        assert (small.images == large.resized(16).images).all() and small.files == large.files
    assert parts.held_out.size == 16


def test_every_set_is_in_the_catalogue_and_fits_its_files():
    assert set(KNOWN) <= set(DATASETS)
    assert all(real.size <= real.file_size and real.seen >= 32 for real in SETS.values())


def test_sets_are_chosen_by_name():
    assert chosen_sets([], "ab") == ["a", "b"] and chosen_sets(["b"], "ab") == ["b"]
    with pytest.raises(ValueError, match="unknown c; choose from a, b"):
        chosen_sets(["c"], "ab")


def test_a_set_is_there_when_its_files_are(tmp_path):
    assert not is_there("blood_cells", tmp_path)
    class_folders(tmp_path / "blood_cells", ["normal_cell", "spherocyte"], 1, colour=True)
    assert is_there("blood_cells", tmp_path)
