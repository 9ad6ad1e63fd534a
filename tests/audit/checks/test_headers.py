"""Headers and names of files that identify a patient, and acquisitions that differ."""

import pytest
from folders import picture, two_classes, write_dicom

from utils.audit.checks.headers import REPLACED, check_acquisition, check_privacy
from utils.audit.folder import read_folder

pydicom = pytest.importorskip("pydicom")


def folder_of(home, **fields):
    """Six DICOM files; of each field the values by number, the first one for the rest."""
    for number in range(6):
        path = home / "f" / "ab"[number % 2] / f"{number}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_dicom(pydicom, path, f"patient {number}", number)
        header = pydicom.dcmread(path)
        for name, values in fields.items():
            setattr(header, name, values[number] if number < len(values) else values[0])
        header.save_as(path)
    return read_folder(str(home / "f"), None, 32)


def test_pictures_without_headers_name_no_patient(tmp_path, cache):
    folder = read_folder(str(two_classes(tmp_path / "f")), None, 32)
    assert check_privacy(folder).severity == "ok"
    assert check_acquisition(folder).severity == "not applicable"


GRAVITY = {
    "alarm": {"PatientName": ["Doe^Jane"]},
    "alarm by date": {"PatientBirthDate": ["19400501"]},
    "alarm by annotation": {"BurnedInAnnotation": ["NO", "YES", "NO", "NO", "NO", "NO"]},
    "note": {"InstitutionName": ["General Hospital"]},
    "ok": {"PatientName": ["Anonymous", "anon17", "^^", "REMOVED", "", "XXXX"]},
    "ok too": {"BurnedInAnnotation": ["NO"], "PatientSex": ["F"]},
}


@pytest.mark.parametrize("case", GRAVITY)
def test_a_field_that_names_a_patient_is_an_alarm_and_one_of_the_site_a_note(case, tmp_path, cache):
    found = check_privacy(folder_of(tmp_path, **GRAVITY[case]))
    assert found.severity == case.split()[0]
    for value in GRAVITY[case].get("PatientName", ()):
        assert not value or value not in found.measured + str(found.table)  # no name is repeated


def test_files_are_counted_field_by_field(tmp_path, cache):
    found = check_privacy(folder_of(tmp_path, PatientName=["", "Doe^Jane", "Roe^John"]))
    assert found.table.set_index("where").loc["PatientName", "files"] == 2
    assert len(found.flagged) == 2 == len(found.captions)


NAMED = {
    "1940-05-0{}.png": "warning", "0{}.03.2019.png": "warning", "0{}031961_x.png": "warning",
    "Mueller_Anna_{}.png": "note", "Müller, Jörg {}.png": "note", "a_b_{}.png": "ok",
    "NORMAL2-IM-0429-000{}.png": "ok",
}  # fmt: skip


@pytest.mark.parametrize("name", NAMED)
def test_a_date_in_the_name_of_a_picture_is_a_warning_and_perhaps_a_name_a_note(
    name, tmp_path, cache
):
    for number in range(6):
        picture(tmp_path / "f" / "ab"[number % 2] / name.format(number + 1), number)
    found = check_privacy(read_folder(str(tmp_path / "f"), None, 32))
    assert found.severity == NAMED[name]
    assert "Anna" not in found.measured + str(found.table)


@pytest.mark.parametrize("text", ["", "ANON", "anonymous", "De-Identified", "n/a", "000000", "^^^"])
def test_what_replaces_a_name_is_no_name(text):
    assert REPLACED.fullmatch(text)


ACQUISITIONS = {
    "ok": {"Modality": ["DX"], "PixelSpacing": [[0.2, 0.2]]},
    "warning": {"Modality": ["DX", "CT"]},
    "warning by type": {"ImageType": [["ORIGINAL", "PRIMARY"], ["DERIVED", "SECONDARY"]]},
    "note": {"ViewPosition": ["PA", "AP"], "Modality": ["DX"]},
    "note by spacing": {"PixelSpacing": [[0.2, 0.2], [0.1, 0.1]]},
}


@pytest.mark.parametrize("case", ACQUISITIONS)
def test_different_acquisitions_are_named(case, tmp_path, cache):
    found = check_acquisition(folder_of(tmp_path, **ACQUISITIONS[case]))
    assert found.severity == case.split()[0]
    if case == "note":
        assert "PA: 5, AP: 1" in found.table.set_index("field").loc["ViewPosition", "commonest"]
