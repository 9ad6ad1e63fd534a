"""What a folder consists of, and which patients and parts it has."""

import errno
import os
from pathlib import Path

import pytest
from folders import picture, two_classes, write_dicom

from utils.audit import audit, report
from utils.audit.folder import read_folder
from utils.audit.registry import CHECKS
from utils.data import reader
from utils.data.loading import load


def test_a_folder_without_classes_is_audited_and_the_rest_is_skipped(tmp_path, cache):
    for number in range(4):
        picture(tmp_path / "f" / f"{number}.png", number)
    found = audit(f"folder:{tmp_path / 'f'}", size=32, out=tmp_path / "report")
    assert len(found.folder) == 4 and found["Class balance"].severity == "skipped"
    assert found["Shortcuts"].severity == "skipped" and found.exit_code == 1
    assert f"of {len(CHECKS)} checks were not made" in found.verdict


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is locked for root")
def test_a_locked_folder_is_set_aside(tmp_path, cache):
    folder = two_classes(tmp_path / "f")
    (folder / "a/locked").mkdir(mode=0)
    refused = read_folder(f"folder:{folder}", None, 32).refused
    assert list(refused["reason"]) == ["folder cannot be opened"]


def test_course_and_audit_read_a_folder_once(tmp_path, cache, monkeypatch):
    folder, read = two_classes(tmp_path / "f", 20), []
    read_piece = reader._read_piece
    monkeypatch.setattr(
        reader,
        "_read_piece",
        lambda files, decode: (read.extend(files), read_piece(files, decode))[1],
    )
    audited = read_folder(str(folder), size=32)
    splits = load(f"folder:{folder}", 32)
    assert len(read) == 40
    whole = dict(zip(splits.all_images.files, splits.all_images.images, strict=True))
    assert all((whole[f] == i).all() for f, i in zip(audited.files, audited.images, strict=True))


def test_patients_of_dicom_files_are_known_by_a_digest(tmp_path, cache):
    pydicom = pytest.importorskip("pydicom")
    for number in range(6):
        path = tmp_path / "f" / "ab"[number % 2] / f"{number}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_dicom(pydicom, path, f"patient {number // 2}", number)
    folder = read_folder(str(tmp_path / "f"), None, 32)
    assert folder.has_patients and folder.facts["patient"].nunique() == 3
    assert not folder.facts["patient"].str.contains("patient").any()


def test_the_cache_lies_where_it_should_and_only_its_owner_may_look(tmp_path, cache):
    folder, mine = two_classes(tmp_path / "f"), tmp_path / "mine"
    audit(str(folder), size=32, cache=mine)
    [place] = mine.iterdir()
    assert list(place.glob("*.npz")) and not cache.exists()
    assert place.stat().st_mode & 0o777 == 0o700
    read_folder(str(folder), size=32)
    assert [place.stat().st_mode & 0o777 for place in (cache / "files").iterdir()] == [0o700]


def test_a_cache_that_this_user_may_only_read_is_enough(tmp_path, cache, monkeypatch):
    def refused(*_):
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    folder = two_classes(tmp_path / "f")
    first = read_folder(str(folder), size=32)
    next((cache / "files").iterdir()).chmod(0o755)
    monkeypatch.setattr(Path, "chmod", refused)
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert (read_folder(str(folder), size=32).images == first.images).all()


def test_an_audit_needs_no_right_to_write_into_a_cache_that_is_there(tmp_path, cache, monkeypatch):
    folder, mine = two_classes(tmp_path / "f"), tmp_path / "mine"
    first = audit(str(folder), size=32, cache=mine)
    monkeypatch.setattr(report, "_refuse_unwritable", lambda place: pytest.fail(f"{place}"))
    assert audit(str(folder), size=32, cache=mine).table.equals(first.table)
