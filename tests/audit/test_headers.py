"""Facts from DICOM headers, and that they can be a shortcut."""

import numpy as np
import pandas as pd
import pytest
from folders import picture, write_dicom

from utils.audit.checks.shortcuts import check_shortcuts
from utils.audit.folder import read_folder
from utils.audit.headers import FACTS, acquisition_times, header_facts


def test_without_dicom_there_are_no_facts(tmp_path):
    files = pd.Series([str(picture(tmp_path / "0.png"))])
    assert header_facts(files, pd.Series(["PNG"])).shape == (1, 0)


def test_device_sex_and_age_are_read_as_numbers(tmp_path):
    pydicom = pytest.importorskip("pydicom")
    rows = [("Acme", "F", "045Y"), ("Best", "M", "018M"), ("Acme", "F", "")]
    for number, (maker, sex, age) in enumerate(rows):
        path = tmp_path / f"{number}.dcm"
        write_dicom(pydicom, path, f"p{number}", number)
        header = pydicom.dcmread(path)
        header.Manufacturer, header.PatientSex, header.PatientAge = maker, sex, age
        header.StudyDate = "20240501"
        header.save_as(path)
    files = pd.Series([str(tmp_path / f"{n}.dcm") for n in range(3)] + [str(tmp_path / "gone.dcm")])
    found = header_facts(files, pd.Series(["DICOM"] * 4))
    assert list(found) == list(FACTS)
    assert found["device"][0] == found["device"][2] != found["device"][1]
    assert found["age"].tolist() == [45, 1.5, -1, -1]
    assert found["year"].tolist() == [2024, 2024, 2024, -1]
    assert found["sex"][0] == found["sex"][2] != found["sex"][1]


def test_a_device_that_goes_with_the_class_is_a_shortcut(tmp_path, cache):
    pydicom = pytest.importorskip("pydicom")
    for number in range(60):
        path = tmp_path / "f" / "ab"[number % 2] / f"{number}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_dicom(pydicom, path, f"patient {number}", number)
        header = pydicom.dcmread(path)
        header.Manufacturer = "Acme" if number % 2 else "Best"
        header.save_as(path)
    found = check_shortcuts(read_folder(str(tmp_path / "f"), None, 32))
    row = found.table.set_index("fact").loc["device"]
    assert found.severity == "alarm" and row["AUC"] == 1
    assert row["disease?"] == "cannot be the disease" and np.isfinite(row["p"])


def test_the_time_of_acquisition_is_read_and_a_missing_one_is_none(tmp_path):
    pydicom = pytest.importorskip("pydicom")
    times = [
        {"AcquisitionDate": "20240502", "AcquisitionTime": "120000.25", "StudyDate": "20200101"},
        {"AcquisitionDateTime": "20240501000000", "StudyDate": "20200101"},
        {"StudyDate": "20240503"}, {"StudyDate": ""}, {},
    ]  # fmt: skip
    for number, fields in enumerate(times):
        write_dicom(pydicom, tmp_path / f"{number}.dcm", "p", number, **fields)
    files = [str(tmp_path / f"{n}.dcm") for n in range(5)]
    files += [str(tmp_path / "gone.dcm"), str(picture(tmp_path / "0.jpg"))]
    found = acquisition_times(pd.Series(files), pd.Series(["DICOM"] * 6 + ["JPEG"]))
    assert np.diff(found[[1, 0, 2]]).tolist() == [1.5, 0.5]
    assert np.isnan(found[3:]).all()
