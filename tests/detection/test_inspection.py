"""A folder on disk is judged: misfiled images come first, with the name of their file."""

from functools import partial
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image
from small import NAMES, small_split

from utils.contamination.base import KINDS
from utils.data import loading
from utils.detection.inspection import SHEET_IMAGES, inspect_images
from utils.training.config import TrainConfig

IMAGES, MISFILED = 180, (10, 41, 75, 100, 133, 166)


class LabelsOnly:
    """In place of a classifier: an image that contradicts its label has a wrong one."""

    def probabilities(self, features: pd.DataFrame) -> pd.DataFrame:
        found = pd.DataFrame(0.0, index=features.index, columns=KINDS)
        found["label error"] = features["confident learning"]
        return found.assign(clean=1 - found["label error"])


@pytest.fixture
def table(tmp_path, monkeypatch) -> Path:
    """Two images of each patient, listed in a table with some labels that are wrong."""
    monkeypatch.setattr(loading, "VARIABLES", tmp_path / "variables")
    split, rows = small_split(IMAGES), []
    for index, (image, label) in enumerate(zip(split.images, split.labels.tolist(), strict=True)):
        Image.fromarray(image[0].numpy()).save(tmp_path / f"{index}.png")
        given = NAMES[(label + (index in MISFILED)) % 3]
        rows.append({"path": f"{index}.png", "label": given, "patient": f"{label}_{index // 6}"})
    pd.DataFrame(rows).to_csv(tmp_path / "images.csv", index=False)
    return tmp_path / "images.csv"


@pytest.fixture
def inspect(tmp_path):
    config = TrainConfig(epochs=5, batch_size=16, learning_rate=0.01, augment=False)
    networks = {"folder": tmp_path / "nets", "backbone": "gru_rows", "size": 16, "folds": 2}
    return partial(inspect_images, classifier=LabelsOnly(), config=config, **networks)


def test_misfiled_images_come_first_with_their_file_and_what_they_seem(table, inspect):
    inspection = inspect(f"folder:{table}")
    ranked = inspection.ranked
    assert sorted(ranked["image"]) == list(range(IMAGES))
    assert {Path(file).name for file in ranked["file"]} == {f"{n}.png" for n in range(IMAGES)}
    worst = ranked.head(len(MISFILED))
    numbers = [int(Path(file).stem) for file in worst["file"]]
    assert set(numbers) == set(MISFILED)
    assert worst["predicted"].tolist() == [NAMES[number % 3] for number in numbers]
    assert len([axis for axis in inspection.sheet().axes if axis.images]) == SHEET_IMAGES


def test_a_limit_leaves_patients_whole(table, inspect):
    ranked = inspect(f"folder:{table}", limit=60).ranked
    assert 50 <= len(ranked) <= 70
    assert set(ranked["group"].value_counts()) == {2}


def test_what_cannot_be_scored_is_listed_with_its_reason(table, inspect):
    files = pd.read_csv(table)
    Path(table.parent / "0.png").write_bytes(b"no picture")
    other = NAMES[(NAMES.index(files["label"][2]) + 1) % 3]
    twice = files.iloc[[2]].assign(label=other)  # one picture under two classes
    pd.concat([files, twice]).to_csv(table, index=False)
    inspection = inspect(f"folder:{table}")
    reasons = inspection.set_aside.set_index("file")["reason"]
    assert {Path(file).name for file in reasons.index} == {"0.png", "2.png"}
    assert not reasons.eq("").any()
    judged = {Path(file).name for file in inspection.ranked["file"]}
    assert len(judged) == IMAGES - 2 and not judged & {"0.png", "2.png"}
