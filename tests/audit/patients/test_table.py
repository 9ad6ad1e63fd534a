"""The table of patients: `load` takes it, and no file of yours is overwritten."""

import os
import stat
from pathlib import Path

import pandas as pd
import pytest
from drawn import first_patients
from folders import audit_by, picture, table_of, write_images
from PIL import Image

from utils.audit import report
from utils.audit.folder import read_folder
from utils.audit.patients.table import CHECK, table_of_groups
from utils.data import loading


def load_table(found, size, monkeypatch, store):
    """The table, the splits that `load` makes of it, and the file of each image by part."""
    monkeypatch.setattr(loading, "VARIABLES", store)
    loaded = loading.load(str(found.patients), size)
    files = {part: list(split.files) for part, split in loaded.items()}
    return pd.read_csv(found.patients, dtype=str, keep_default_na=False), loaded, files


def test_load_splits_by_the_patients_that_an_audit_has_recovered(tmp_path, cache, monkeypatch):
    folder = write_images(first_patients("brain_phantom", 60), tmp_path / "my images")
    broken = next(folder.iterdir()) / "broken.png"
    broken.write_bytes(b"no image")
    monkeypatch.chdir(tmp_path)  # a relative path gives a table with absolute ones
    found = audit_by([CHECK], "my images", out="my report")
    table, loaded, files = load_table(found, 64, monkeypatch, tmp_path / "store")
    assert len(table) == len(found.folder) == sum(len(split) for _, split in loaded.items())
    assert str(broken) not in set(table["path"])
    assert set(table["source"]) == {"pixels"}
    assert list(table["label"]) == [Path(file).parent.name for file in table["path"]]
    owner = table.set_index("path")["patient"]
    owners = [set(owner[some]) for some in files.values()]
    assert sum(map(len, owners)) == owner.nunique() < len(table) / 2
    assert f"'DATASET={tmp_path}/my report/patients.csv'" in found.summary()
    assert f"{tmp_path}/my report/patients.csv" in found.page.read_text()
    assert "<pre>second-look run resnet -p " in found.page.read_text()
    noted = loading.manifest(str(found.patients), 64)["patients"]
    assert noted == "proposed from pixels, not given"


def test_what_an_audit_has_proposed_stays_a_proposal(tmp_path, cache):
    rows = [(f"{n}.png", "ab"[n % 2], f"p{n // 2}", "pixels") for n in range(12)]
    found = table_of(tmp_path, rows, ("path", "label", "patient", "source"))
    assert "proposed by an earlier audit from pixels" in found["Patients"].measured
    assert found["Patients"].severity == "note" and found.folder.are_proposed
    assert set(pd.read_csv(found.patients)["source"]) == {"pixels"}


def test_the_table_keeps_the_test_set(audited, monkeypatch, tmp_path):
    _, _, clean = audited
    table, loaded, files = load_table(clean, 48, monkeypatch, tmp_path)
    assert set(table["split"]) == {"train", "validation", "test"}
    assert set(files["test"]) == set(table["path"][table["split"] == "test"])
    withheld = loading.manifest(f"folder:{clean.patients}", 48)["withheld"]
    assert len(table) == withheld + sum(len(split) for _, split in loaded.items())


def test_the_table_has_known_patients_and_no_image_without_label(tmp_path, cache):
    rows = [(f"{n}.png", "ab"[n % 2] if n else "", f"p{n // 3}", "") for n in range(12)]
    table = pd.read_csv(table_of(tmp_path, rows).patients, dtype=str)
    assert list(table["patient"]) == [patient for _, _, patient, _ in rows[1:]]
    assert set(table["source"]) == {"column"}


def test_a_name_that_is_no_text_is_reported_and_not_in_the_table(tmp_path, cache):
    folder = write_images(first_patients("brain_phantom", 30), tmp_path / "f")
    odd = picture(folder / "tumour" / os.fsdecode(b"\xff.png"))
    found = audit_by([CHECK], f"folder:{folder}", out=tmp_path / "r")
    assert str(odd) in set(found.folder.files)
    assert len(pd.read_csv(found.patients)) == len(found.folder) - 1
    assert "1 file with a name that is no text" in found["Patients"].advice


def test_the_table_of_a_killed_audit_is_replaced_by_the_next(tmp_path, cache, monkeypatch):
    rows = [(f"{n}.png", "ab"[n % 2], f"p{n // 3}", "") for n in range(12)]
    with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
        killed.setattr(report, "write_report", interrupt)
        table_of(tmp_path, rows)
    (left,) = tmp_path.rglob("patients.csv")
    assert stat.S_IMODE(left.parent.stat().st_mode) == 0o700  # a report shows patients' pictures
    assert table_of(tmp_path, rows[:9]).patients == left and len(pd.read_csv(left)) == 9


def interrupt(*_):
    raise KeyboardInterrupt


def test_an_edited_table_is_kept_and_an_outdated_one_is_replaced(tmp_path, cache):
    rows = [(f"{n}.png", "ab"[n % 2], f"p{n // 3}", "") for n in range(12)]
    place = table_of(tmp_path, rows).patients
    first = place.read_text()
    assert table_of(tmp_path, rows[:9]).patients == place and place.read_text() != first
    mine = place.read_text().replace("p0", "me")
    place.write_text(mine)
    found = table_of(tmp_path, rows)
    assert found.patients is None and place.read_text() == mine
    assert "left alone" in found["Patients"].advice
    place.unlink()
    assert table_of(tmp_path, rows).patients == place
    assert table_of(tmp_path, [(*row[:2], "", "") for row in rows]).patients is None
    assert not place.exists()  # twelve images without names: their patients are unknown


def test_a_file_of_many_images_is_named_once(tmp_path, cache):
    folder = tmp_path / "f"
    for number in range(60):
        names = [tmp_path / f"{number}_{page}.png" for page in (0, 1)]
        pages = [Image.open(picture(name, 2 * number + n)) for n, name in enumerate(names)]
        path = folder / "ab"[number % 2] / f"{number}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        pages[0].save(path, save_all=True, append_images=pages[1:])
    found = read_folder(str(folder), size=32)
    assert len(found) == 120 and found.has_patients
    table = table_of_groups(found)
    assert len(table) == table["path"].nunique() == table["patient"].nunique() == 60
