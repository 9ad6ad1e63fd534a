"""Downloads by the tool of each source, and images as arrays in one file."""

import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from folders import sizes

from utils.data.datasets import DATASETS
from utils.data.download import array_file
from utils.data.loading import load


def test_medmnist_files_are_read_without_the_package(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {}
    for part, count in (("train", 30), ("val", 6), ("test", 8)):
        arrays[f"{part}_images"] = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        arrays[f"{part}_labels"] = np.arange(count)[:, None] % 2
    np.savez(tmp_path / "pneumoniamnist.npz", **arrays)
    splits = load("pneumoniamnist", 28, root=tmp_path)
    assert sizes(splits) == (30, 6, 8) and splits.test.class_names == ("normal", "pneumonia")
    assert np.array_equal(splits.train.images[:, 0].numpy(), arrays["train_images"])
    assert load("pneumoniamnist", 14, root=tmp_path).train.images.shape[1:] == (1, 14, 14)


def test_kaggle_sets_ask_for_kagglehub_where_it_is_absent(monkeypatch):
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    with pytest.raises(ImportError, match="pip install kagglehub"):
        load("chest_xray", download=True)


def test_sets_and_competitions_are_fetched_as_kaggle_keeps_them(cervix_folder, monkeypatch):
    calls = []
    hub = SimpleNamespace(
        dataset_download=lambda handle: calls.append(("dataset", handle)) or cervix_folder,
        competition_download=lambda handle: calls.append(("competition", handle)) or cervix_folder,
    )
    monkeypatch.setitem(sys.modules, "kagglehub", hub)
    assert len(load("cervical_cancer", 32, download=True).train)
    facts = replace(DATASETS["cervical_cancer"], kaggle="datasets/owner/name")
    monkeypatch.setitem(DATASETS, "cervical_cancer", facts)
    assert len(load("cervical_cancer", 16, download=True).train)
    assert calls == [
        ("competition", "intel-mobileodt-cervical-cancer-screening"),
        ("dataset", "owner/name"),
    ]


@pytest.mark.parametrize("missing", ["test_images", "val_labels"])
def test_an_array_file_without_a_part_is_refused(missing, tmp_path):
    arrays = {
        f"{part}_images": np.zeros((2, 28, 28), np.uint8) for part in ("train", "val", "test")
    }
    arrays |= {f"{part}_labels": np.zeros((2, 1), int) for part in ("train", "val", "test")}
    np.savez(tmp_path / "x.npz", **{name: a for name, a in arrays.items() if name != missing})
    with pytest.raises(ValueError, match=f"no MedMNIST file.*{missing}"):
        array_file(tmp_path / "x.npz", 28)


def test_an_array_file_with_several_labels_per_image_is_refused(tmp_path):
    arrays = {
        f"{part}_images": np.zeros((2, 28, 28), np.uint8) for part in ("train", "val", "test")
    }
    arrays |= {f"{part}_labels": np.zeros((2, 3), int) for part in ("train", "val", "test")}
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(ValueError, match="gives 3 labels per image; 1 needed"):
        array_file(tmp_path / "x.npz", 28)


def test_the_array_file_of_several_findings_has_a_column_for_each(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {}
    for part, count in (("train", 120), ("val", 60), ("test", 60)):
        arrays[f"{part}_images"] = rng.integers(0, 255, (count, 28, 28)).astype(np.uint8)
        arrays[f"{part}_labels"] = rng.integers(0, 2, (count, 14)).astype(np.uint8)
    np.savez(tmp_path / "chestmnist.npz", **arrays)
    splits = load("chestmnist", 28, root=tmp_path, findings=True)
    assert splits.train.class_names == DATASETS["chestmnist"].class_names
    assert np.array_equal(splits.test.labels, arrays["test_labels"])
    with pytest.raises(ValueError, match="chestmnist has several findings"):
        load("chestmnist", 28, root=tmp_path)
