"""Leakage between training and test images."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from drawn import first_patients
from folders import audit_by, picture, two_classes, write_dicom
from PIL import Image

TITLE = "Leakage between parts"


def audit_leakage(path, out, **options):
    found = audit_by([TITLE], f"folder:{path}", out=out, **options)
    return found, found[TITLE]


def test_a_cluster_on_both_sides_is_counted_whole(cache, tmp_path):
    for number in range(500):
        picture(tmp_path / "f/train" / "ab"[number % 2] / f"{number}.png", number)
    for part, count in (("train", 30), ("test", 20)):
        for number in range(count):
            levels = np.full((40, 40), 90, np.uint8)
            levels[0 if part == "test" else 1, number] += 1
            path = tmp_path / "f" / part / "ab"[number % 2] / f"blank{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(levels).save(path)
    _, found = audit_leakage(tmp_path / "f", tmp_path / "r", size=40)
    assert found.severity == "alarm" and found.measured.startswith("20 test images have a copy")


def test_siblings_are_not_searched_for_among_few_training_images(cache, tmp_path):
    for part in ("train", "test"):
        two_classes(tmp_path / "f" / part, 6)
    _, found = audit_leakage(tmp_path / "f", tmp_path / "r", size=32)
    assert "not searched for" in found.measured and "nan" not in found.measured


def test_a_scaled_and_compressed_copy_in_the_test_is_flagged(cache, tmp_path):
    made = first_patients("chest_phantom", 120)
    for part, patients in (("train", range(100)), ("test", range(100, 120))):
        for row in np.flatnonzero(np.isin(made.patients, patients)):
            path = tmp_path / "f" / part / made.class_names[made.labels[row]] / f"{row}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(made.images[row, 0].numpy()).save(path)
    _, clean = audit_leakage(tmp_path / "f", tmp_path / "report")
    originals = sorted((tmp_path / "f/train").rglob("*.png"))[::60]
    copies = {
        tmp_path / "f/test" / file.parent.name / f"copy{file.stem}.jpg": file for file in originals
    }
    for copy, file in copies.items():
        copy.parent.mkdir(exist_ok=True)
        Image.open(file).resize((40, 40), Image.Resampling.BICUBIC).save(copy, quality=60)
    found, finding = audit_leakage(tmp_path / "f", tmp_path / "report")
    files = {Path(file) for file in found.folder.files[list(finding.flagged)]}
    assert clean.severity == "note" and not clean.flagged
    assert "Few siblings mean nothing here" in clean.measured and clean.advice
    assert finding.severity == "alarm" and files == {*copies, *copies.values()}


def test_a_patient_in_two_parts_of_a_table_is_leakage(tmp_path, cache):
    rows = []
    for number in range(8):
        picture(tmp_path / f"{number}.png", number)
        part = "train" if number < 4 else "test"
        rows.append((f"{number}.png", "ab"[number % 2], f"p{number % 4}", part))
    table = pd.DataFrame(rows, columns=["path", "label", "patient", "split"])
    table.to_csv(tmp_path / "table.csv", index=False)
    _, found = audit_leakage(tmp_path / "table.csv", tmp_path / "report", size=32)
    assert "4 named patients are in two" in found.measured and found.severity == "alarm"


@pytest.mark.parametrize("both", [True, False])
def test_a_study_in_training_and_test_is_a_leak_though_no_patient_is_named(both, tmp_path, cache):
    pydicom = pytest.importorskip("pydicom")
    for number in range(12):
        part = ("train", "test")[number % 2]
        path = tmp_path / "f" / part / "ab"[number // 2 % 2] / f"{number}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        study = f"1.2.{number // 4}.{0 if both else number % 2}"
        write_dicom(pydicom, path, "", number, StudyInstanceUID=study)
    report, found = audit_leakage(tmp_path / "f", tmp_path / "report", size=32)
    assert (found.severity == "alarm") == both
    assert ("3 DICOM studies have images in two" in found.measured) == both
    kinds = found.files["leaks.csv"]["kind"] if both else []
    assert list(kinds) == ["study"] * 6 * both
    groups = pd.Series(report.folder.groups)
    assert groups.nunique() == (3 if both else 6)
    assert "DICOM studies" in report.folder.group_description
