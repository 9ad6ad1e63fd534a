"""The images of an examination: all of a folder, in the model's order of classes, with columns."""

import numpy as np
import pandas as pd
import pytest
import torch
from folders import class_folders, noise_image
from small import small_split

from utils.data import loading
from utils.data.formats.findings import as_label
from utils.data.loading import load
from utils.examine.images import class_order, in_order, numbered_apart, read_examined, read_known


def test_classes_are_put_in_the_order_of_the_model():
    split = small_split(12)
    other = in_order(split, ("striped", "extra", "dark", "bright"))
    assert other.class_names[other.labels[0]] == split.class_names[split.labels[0]]
    assert other.classes == 4
    with pytest.raises(ValueError, match="have the class 'striped'"):
        in_order(split, ("dark", "bright"))
    with pytest.raises(ValueError, match="twice"):
        in_order(split, ("dark", "bright", "striped", "dark"))


def test_two_folders_share_no_patient_numbers():
    split = small_split(12)
    known = numbered_apart(split, split)
    assert not set(known.groups.tolist()) & set(split.groups.tolist())
    assert len(known.groups.unique()) == len(split.groups.unique())
    assert split.patients_known and not known.patients_known


def test_two_parts_of_one_table_share_the_patients_that_it_names(tmp_path):
    for number in range(8):
        noise_image(tmp_path / f"{number}.png", number)
    rows = {"path": [f"{n}.png" for n in range(8)], "label": list("abababab"),
            "patient": list("11223344"), "split": ["train", "test"] * 4}  # fmt: skip
    for name in ("own.csv", "other.csv"):
        pd.DataFrame(rows).to_csv(tmp_path / name, index=False)
    own, other = (str(tmp_path / name) for name in ("own.csv", "other.csv"))
    split = read_examined(own, 16).split
    known, apart = (read_known(train, own, split, 16) for train in (own, other))
    assert known.patients_known and set(known.groups.tolist()) == set(split.groups.tolist())
    assert not apart.patients_known


def test_an_order_is_a_file_or_a_list(tmp_path):
    (tmp_path / "classes.txt").write_text("b\na\n\n")
    assert class_order(str(tmp_path / "classes.txt")) == class_order("b, a") == ("b", "a")


def test_findings_of_a_table_become_columns_in_the_order_of_the_model(tmp_path):
    labels = ["mass|oedema", "No Finding", "oedema", "mass"]
    for number in range(4):
        noise_image(tmp_path / f"{number}.png", number)
    pd.DataFrame({"path": [f"{n}.png" for n in range(4)], "label": labels}).to_csv(
        tmp_path / "test.csv", index=False
    )
    split = read_examined(str(tmp_path / "test.csv"), 16, "oedema, fracture, mass").split
    named = [as_label(row, split.class_names).split("|") for row in split.labels.tolist()]
    order = [int(file.rpartition("/")[2][0]) for file in split.files]
    assert [set(row) for row in named] == [set(labels[n].split("|")) for n in order]
    assert split.class_names == ("oedema", "fracture", "mass")


def test_only_their_owner_may_see_the_small_copies_of_examined_images(tmp_path, monkeypatch):
    monkeypatch.setattr(loading, "VARIABLES", tmp_path / "variables")
    read_examined(str(class_folders(tmp_path / "own", ["a", "b"], 4)), 16)
    (place,) = (tmp_path / "variables/files").iterdir()
    assert list(place.glob("*.npz")) and place.stat().st_mode & 0o777 == 0o700


def test_a_table_gives_every_image_with_its_columns(tmp_path):
    for number in range(6):
        noise_image(tmp_path / f"{number}.png", number)
    rows = {"path": [f"{n}.png" for n in range(6)], "label": list("ababab"),
            "patient": list("112233"), "sex": list("fmfmfm")}  # fmt: skip
    pd.DataFrame(rows).to_csv(tmp_path / "test.csv", index=False)
    found = read_examined(str(tmp_path / "test.csv"), 16)
    order = [int(file.rpartition("/")[2][0]) for file in found.split.files]
    assert list(found.columns) == ["sex"]
    assert found.columns["sex"].tolist() == list(np.array(rows["sex"])[order])
    assert len(found.split) == 6


def test_of_a_folder_with_parts_only_the_test_is_examined(tmp_path):
    for part, each in (("train", 5), ("test", 3)):
        class_folders(tmp_path / "own" / part, ["a", "b"], each)
    found = read_examined(str(tmp_path / "own"), 16)
    assert len(found.split) == 6 and found.part == "test"
    assert all("/test/" in file for file in found.split.files)
    known = read_examined(str(tmp_path / "own"), 16, part="train")
    assert len(known.split) == 10 and known.part == "train"


def test_of_a_data_set_by_its_name_the_training_images_are_those_of_its_training():
    test, known = (read_examined("brain_phantom", 32, part=part) for part in ("test", "train"))
    splits = load("brain_phantom", 32)
    assert torch.equal(test.split.images, splits.test.images)
    assert torch.equal(known.split.images, splits.train.images)


def test_a_table_of_test_images_alone_can_be_examined(tmp_path):
    rows = ["path,label,split"]
    for number in range(6):
        noise_image(tmp_path / f"{number}.png", number)
        rows.append(f"{number}.png,{'ab'[number % 2]},test")
    (tmp_path / "test.csv").write_text("\n".join(rows))
    assert len(read_examined(str(tmp_path / "test.csv"), 16).split) == 6


def test_files_that_cannot_be_read_are_named(tmp_path):
    folder = class_folders(tmp_path / "own", ["a", "b"], 3)
    (folder / "a" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n cut short")
    found = read_examined(str(folder), 16)
    assert len(found.split) == 6 and found.part == ""
    ((file, reason),) = found.unread
    assert file.endswith("broken.png") and reason
