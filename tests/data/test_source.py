"""Every kind of source offers the same methods."""

import numpy as np
import pytest
from folders import class_folders, noise_image

from utils.data.download import ArrayFile
from utils.data.phantoms.source import DrawnImages
from utils.data.source import ImageFiles, source_of


@pytest.fixture
def root(tmp_path):
    class_folders(tmp_path / "blood_cells", ["normal_cell", "spherocyte"], 3, colour=True)
    parts = {"train": 4, "val": 2, "test": 2}
    arrays = {f"{part}_images": np.zeros((n, 28, 28), np.uint8) for part, n in parts.items()}
    arrays |= {f"{part}_labels": np.arange(n)[:, None] % 2 for part, n in parts.items()}
    np.savez(tmp_path / "pneumoniamnist.npz", **arrays)
    class_folders(tmp_path / "own", ["a", "b"], 3)
    return tmp_path


def test_the_name_decides_the_kind(root):
    kinds = {"brain_phantom": DrawnImages, "pneumoniamnist": ArrayFile, "blood_cells": ImageFiles}
    assert {name: type(source_of(name, root)) for name in kinds} == kinds
    assert source_of(f"folder:{root}/own") == source_of(str(root / "own"))
    assert source_of(str(root / "own")).path == root / "own"


@pytest.mark.parametrize("name", ["brain_phantom", "pneumoniamnist", "{}/own"])
def test_images_are_read_with_labels_and_parts(name, root, few_patients):
    gathered = source_of(name.format(root), root).read(32)
    assert gathered.split.size == 32 and len(gathered.parts) == len(gathered.split) > 5
    assert gathered.digest and gathered.notes["patients"]


def test_a_table_by_the_name_of_a_data_set_is_found_below_the_root(root, monkeypatch):
    folder, table = root / "blood_cells", root / "blood_cells.csv"
    rows = [
        f"{path.relative_to(root)},{path.parent.name},p{n}"
        for n, path in enumerate(sorted(folder.rglob("*.png")))
    ]
    table.write_text("\n".join(["path,label,patient", *rows]))
    assert source_of("blood_cells", root).path == folder
    folder.rename(root / "moved")
    table.write_text(table.read_text().replace("blood_cells/", "moved/"))
    monkeypatch.setenv("DATA_ROOT", str(root))
    for source in (source_of("blood_cells"), source_of("blood_cells", table)):
        assert source.path == table
        assert source.listing().patients == tuple(f"p{n}" for n in range(6))  # those of the table


def test_what_is_not_found_is_named_with_the_forms_it_may_have(tmp_path):
    for name, forms in (
        ("chest_xray", "chest_xray/ or the table chest_xray.csv"),
        ("bloodmnist", "bloodmnist.npz"),
    ):
        with pytest.raises(FileNotFoundError, match=f"the folder that holds {forms} as root"):
            source_of(name, tmp_path)


def test_the_signature_is_stable_and_none_where_nothing_is(root):
    for name in ("brain_phantom", "pneumoniamnist", "blood_cells", str(root / "own")):
        assert source_of(name, root).signature() == source_of(name, root).signature() is not None
    assert source_of("blood_cells").signature() is None
    with pytest.raises(FileNotFoundError, match="Chula"):
        source_of("blood_cells").read(32)


def test_an_array_file_of_the_size_is_preferred(root):
    (root / "medmnist").mkdir()
    (root / "medmnist" / "bloodmnist_64.npz").touch()
    (root / "medmnist" / "bloodmnist.npz").touch()
    assert source_of("bloodmnist", root, 64).path.name == "bloodmnist_64.npz"
    assert source_of("bloodmnist", root, 32).path.name == "bloodmnist.npz"


def test_files_are_listed_and_other_kinds_have_none(root):
    assert len(source_of("blood_cells", root).listing().files) == 6
    for name in ("brain_phantom", "pneumoniamnist"):
        with pytest.raises(ValueError, match="no image files of its own; give the path"):
            source_of(name, root).listing()


def test_a_folder_without_classes_is_listed_only_if_labels_are_not_needed(root):
    noise_image(root / "plain" / "1.png", 0)
    source = source_of(str(root / "plain"))
    assert len(source.listing(labelled=False).files) == 1
    with pytest.raises(FileNotFoundError, match="no class folders"):
        source.listing()


def test_what_is_there_is_not_fetched(root):
    for name in ("brain_phantom", "pneumoniamnist", "blood_cells"):
        source = source_of(name, root)
        assert source.fetched(32) is source
    with pytest.raises(FileNotFoundError, match="cannot be downloaded"):
        source_of("blood_cells").fetched(32)
