"""Drift along the files, planted and absent."""

from pathlib import Path

import numpy as np
import pytest
import torch
from folders import NONE_REFUSED, plain_facts
from PIL import Image

from utils.audit import CHECKS
from utils.audit.folder import ImageFolder, read_folder

COUNT = 240


def folder_of(names="{}.png", drift=0.0, late=0.0, patients=True, seed=0, count=COUNT, each=1):
    """Images in the order of their numbers: brighter by `drift` grey levels from first to last,
    and of the second class with a chance that grows by `late`."""
    rng = np.random.default_rng(seed)
    place = np.arange(count) // each * each / count
    bright = (drift * place + rng.normal(0, 10, count)[np.arange(count) // each * each])[:, None]
    levels = 120 + bright[:, :, None, None] + rng.normal(0, 20, (count, 1, 16, 16))
    facts = plain_facts(count)
    facts["file"] = [names.format(number) for number in range(count)]
    facts["label"] = np.where(rng.random(count) < 0.5 + late * (place - 0.5), "b", "a")
    facts["patient"] = (np.arange(count) // each).astype(str) if patients else ""
    images = torch.from_numpy(levels.clip(0, 255).astype("u1"))
    return ImageFolder("x", facts, images, NONE_REFUSED, ("a", "b"))


def checked(**options):
    return CHECKS["Order of files"](folder_of(**options))


@pytest.mark.parametrize(
    ("drift", "late", "severity"),
    [(0, 0, "ok"), (20, 0, "note"), (0, 0.8, "note"), (25, 0.8, "warning"), (80, 0, "warning")],
)
def test_a_drift_is_as_severe_as_what_it_can_teach(drift, late, severity):
    found = checked(drift=drift, late=late)
    assert found.severity == severity
    assert ("brightness +" in found.measured) == (drift > 0)
    assert ("class b +" in found.measured) == (late > 0)


@pytest.mark.parametrize("patients", [True, False])
def test_without_a_drift_hardly_anything_is_named(patients):
    named = [checked(patients=patients, seed=seed).severity != "ok" for seed in range(12)]
    assert sum(named) <= 2


def test_images_of_one_patient_follow_each_other_and_are_no_drift():
    """Each patient has a brightness, and ten images in a row: 24 patients, not 240 images."""
    named = [checked(each=10, seed=seed).severity != "ok" for seed in range(12)]
    assert sum(named) <= 2


def test_unknown_patients_give_no_p_value():
    known, unknown = checked(drift=80), checked(drift=80, patients=False)
    assert known.table["p"].notna().all() and unknown.table["p"].isna().all()
    assert "there are no p-values" in unknown.meaning and unknown.severity == "warning"


@pytest.mark.parametrize(
    ("options", "severity"),
    [({"names": "scan.png"}, "not applicable"), ({"count": 40}, "skipped")],
)
def test_without_an_order_or_with_few_images_nothing_is_compared(options, severity):
    assert checked(drift=80, **options).severity == severity


def test_photographs_are_sorted_by_their_dates(tmp_path, cache):
    """The numbers in the names are in another order; EXIF knows when a picture was made."""
    rng = np.random.default_rng(0)
    numbers = rng.permutation(120)
    for day, number in enumerate(numbers):
        path = Path(tmp_path / "f" / "ab"[rng.integers(2)] / f"{number}.jpg")
        path.parent.mkdir(parents=True, exist_ok=True)
        exif = Image.Exif()
        exif.get_ifd(0x8769)[0x9003] = f"2020:{1 + day // 28:02}:{1 + day % 28:02} 12:00:00"
        levels = rng.integers(0, 60, (32, 32)) + day
        Image.fromarray(levels.astype("u1")).save(path, exif=exif)
    found = CHECKS["Order of files"](read_folder(str(tmp_path / "f"), None, 32))
    rows = found.table[found.table["what"] == "brightness"].set_index("order")["correlation"]
    assert rows["date"] > 0.9 and abs(rows["number in the name"]) < 0.4
    assert "brightness" in found.measured and "by date" in found.measured
    assert "2020" not in found.measured + found.meaning + found.table.to_string()
