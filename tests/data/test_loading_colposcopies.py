"""The cervical set as Kaggle hands it out: scattered, with duplicates, clashes and broken files."""

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from utils.data import loading
from utils.data.datasets import DATASETS
from utils.data.duplicates import duplicates_across
from utils.data.loading import load, manifest
from utils.data.patient_split import split_by_image
from utils.data.phantoms import draw
from utils.evaluation.leakage import leakage_alarm

PATIENTS, VIEWS = 30, 4


def save(picture, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, quality=92)


def copy(path, other):
    other.parent.mkdir(parents=True, exist_ok=True)
    other.write_bytes(path.read_bytes())


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """One picture of each patient stands in the main part, all stand in the additional ones."""
    home = tmp_path_factory.mktemp("data") / "cervical_cancer"
    split = draw("cervix_phantom", 48, PATIENTS)
    for index, (image, label) in enumerate(zip(split.images, split.labels + 1, strict=True)):
        picture = Image.fromarray(image.permute(1, 2, 0).numpy()).resize((150 + index, 120))
        more = home / f"additional_Type_{label}_v2/Type_{label}"
        save(picture, more / f"{index}.jpg")
        if index % VIEWS == 0:
            copy(more / f"{index}.jpg", home / f"train/train/Type_{label}/best_{index}.jpg")
        if index % 10 == 1:
            save(picture.resize((300, 240)), more / f"larger_{index}.jpg")
    train, more = home / "train/train", home / "additional_Type_1_v2/Type_1"
    copy(train / "Type_1/best_0.jpg", home / "test/test/0.jpg")
    copy(train / "Type_2/best_4.jpg", home / "additional_Type_3_v2/Type_3/clash.jpg")
    (more / "empty.jpg").write_bytes(b"")
    (more / "cut.jpg").write_bytes((train / "Type_1/best_0.jpg").read_bytes()[:1500])
    (home / "solution_stg1_release.csv").write_text("image_name,Type_1")
    return home


@pytest.fixture
def splits(home, tmp_path, monkeypatch):
    monkeypatch.setattr(loading, "VARIABLES", tmp_path)
    return load("cervical_cancer", 32, root=home.parent)


def test_all_parts_are_read_in_colour_and_the_unlabelled_test_images_are_not(splits):
    assert splits.train.class_names == ("Type_1", "Type_2", "Type_3")
    assert splits.train.images.shape[1:] == (3, 32, 32)
    clash = 3  # both copies under one class, and the one under the other
    written = PATIENTS * VIEWS + PATIENTS + PATIENTS * VIEWS // 10 + 1
    assert sum(len(split) for _, split in splits.items()) == written - clash


def test_what_is_broken_or_stands_under_two_classes_is_set_aside_with_the_reason(splits):
    listed = {
        Path(file).name: reason for file, reason in manifest("cervical_cancer", 32)["quarantine"]
    }
    assert listed.pop("empty.jpg") == "empty file"
    assert listed.pop("cut.jpg").startswith("cannot be decoded")
    clash = "the same image appears under Type_2 and Type_3"
    assert listed == dict.fromkeys(["best_4.jpg", "4.jpg", "clash.jpg"], clash)


def test_duplicates_end_on_one_side(splits):
    pairs = duplicates_across(splits)
    assert len(pairs) >= PATIENTS - 1 + PATIENTS * VIEWS // 10  # copies, and those saved larger
    assert (pairs["split"] == pairs["split of twin"]).all() and not pairs["identical"].all()
    assert not leakage_alarm(splits).identical
    dealt = split_by_image(splits, (0.8, 0.1, 0.1))
    assert leakage_alarm(dealt).identical > 0  # had they been dealt one by one


def test_a_folder_without_its_classes_says_what_it_lacks(tmp_path, monkeypatch):
    monkeypatch.setattr(loading, "VARIABLES", tmp_path / "variables")
    save(Image.new("RGB", (8, 8)), tmp_path / "cervical_cancer/test/test/1.jpg")
    with pytest.raises(FileNotFoundError, match="no folders named Type_1, Type_2, Type_3"):
        load("cervical_cancer", 32, root=tmp_path)


def test_sets_and_competitions_are_fetched_as_kaggle_keeps_them(home, tmp_path, monkeypatch):
    monkeypatch.setattr(loading, "VARIABLES", tmp_path)
    asked = []
    hub = SimpleNamespace(
        dataset_download=lambda handle: asked.append(("dataset", handle)) or home,
        competition_download=lambda handle: asked.append(("competition", handle)) or home,
    )
    monkeypatch.setitem(sys.modules, "kagglehub", hub)
    assert len(load("cervical_cancer", 32, download=True).train)
    facts = replace(DATASETS["cervical_cancer"], kaggle="datasets/owner/name")
    monkeypatch.setitem(DATASETS, "cervical_cancer", facts)
    assert len(load("cervical_cancer", 16, download=True).train)
    assert asked == [
        ("competition", "intel-mobileodt-cervical-cancer-screening"),
        ("dataset", "owner/name"),
    ]
