"""Caches of each test alone, and the cervical set as Kaggle stores it."""

import pytest
from PIL import Image

from utils.data import loading
from utils.data.loading import load
from utils.data.phantoms import draw

CERVIX_PATIENTS, VIEWS = 30, 4


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Caches of this test alone, and no real data."""
    monkeypatch.setattr(loading, "VARIABLES", tmp_path / "variables")
    monkeypatch.delenv("DATA_ROOT", raising=False)


def save(image, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, quality=92)


def copy(path, other):
    other.parent.mkdir(parents=True, exist_ok=True)
    other.write_bytes(path.read_bytes())


@pytest.fixture(scope="session")
def cervix_folder(tmp_path_factory):
    """Scattered, with duplicates, clashes and broken files.

    One image of each patient is in the main part, all are in the additional ones.
    """
    home = tmp_path_factory.mktemp("data") / "cervical_cancer"
    split = draw("cervix_phantom", 48, CERVIX_PATIENTS)
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
def cervix_splits(cervix_folder):
    return load("cervical_cancer", 32, root=cervix_folder.parent)
