"""Facts of files: bits, sizes, formats, and names that promise another format."""

import struct
import zlib

import numpy as np
import pandas as pd
import pytest
from folders import picture, write_dicom

from utils.data.file_facts import facts_of_content, is_misnamed, studies_of
from utils.files import digest, secret_key


def deep_png() -> bytes:
    """40 x 40 pixels of 16-bit colour, which Pillow cannot write."""
    header = struct.pack(">IIBBBBB", 40, 40, 16, 2, 0, 0, 0)
    rows = (b"\0" + np.random.default_rng(0).bytes(6 * 40) for _ in range(40))
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def test_sixteen_bits_of_colour_are_counted():
    facts = facts_of_content(deep_png(), b"")
    assert (facts["bits"], facts["format"], facts["width"], facts["height"]) == (16, "PNG", 40, 40)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.bmp", "a.tif"])
def test_usual_files_have_eight_bits_and_their_size(name, tmp_path):
    content = picture(tmp_path / name, size=(30, 20)).read_bytes()
    facts = facts_of_content(content, b"")
    assert (facts["bits"], facts["width"], facts["height"]) == (8, 30, 20)
    assert facts["bytes"] == len(content) and len(facts["digest"]) == 64
    assert not is_misnamed(name, facts["format"])


def test_a_dicom_file_keeps_of_its_patient_a_digest(tmp_path):
    pydicom = pytest.importorskip("pydicom")
    for number in range(3):
        write_dicom(pydicom, tmp_path / f"{number}.dcm", f"patient {number // 2}", number)
    contents = [(tmp_path / f"{number}.dcm").read_bytes() for number in range(3)]
    facts = [facts_of_content(content, b"key") for content in contents]
    assert {row["bits"] for row in facts} == {12} and {row["format"] for row in facts} == {"DICOM"}
    first, same, other = (row["patient"] for row in facts)
    assert first == same != other and "patient" not in first


def test_study_and_series_are_kept_as_digests_too(tmp_path):
    pydicom = pytest.importorskip("pydicom")
    uids = ["1.2.840.1", "1.2.840.1", "1.2.840.7"]
    for number, uid in enumerate(uids):
        names = {"StudyInstanceUID": uid, "SeriesInstanceUID": f"{uid}.{number}"}
        write_dicom(pydicom, tmp_path / f"{number}.dcm", "", number, **names)
    contents = [(tmp_path / f"{number}.dcm").read_bytes() for number in range(3)]
    one, same, other = (facts_of_content(content, b"key") for content in contents)
    assert one["study"] == same["study"] != other["study"]
    assert one["series"] != same["series"] and not one["patient"]
    assert "840" not in "".join(map(str, one.values()))
    assert facts_of_content(contents[0], b"another")["study"] != one["study"]


@pytest.mark.parametrize(
    ("study", "series", "expected"),
    [
        (["s", "s", "t", "t"], ["1", "2", "3", "4"], ["s", "s", "t", "t"]),
        (["s", "", "", ""], ["1", "2", "2", ""], ["s", "2", "2", ""]),
        (["s", "s", "s", "t"], ["1", "2", "3", "4"], ["", "", "", "t"]),
    ],
    ids=["studies", "series where no study is named", "one number for most images"],
)
def test_the_study_of_an_image(study, series, expected):
    assert list(studies_of(pd.DataFrame({"study": study, "series": series}))) == expected


def test_trying_all_numbers_does_not_find_a_patient_without_the_key(tmp_path):
    pydicom = pytest.importorskip("pydicom")
    write_dicom(pydicom, tmp_path / "a.dcm", "0042", 0)
    content, key = (tmp_path / "a.dcm").read_bytes(), secret_key(None)
    name = facts_of_content(content, key)["patient"]
    tried = [digest(f"{number:04d}".encode()) for number in range(10_000)]
    assert len(name) == 16 and not any(name in whole for whole in tried)
    assert facts_of_content(content, key)["patient"] == name
    assert facts_of_content(content, secret_key(None))["patient"] != name


@pytest.mark.parametrize(
    ("name", "kind", "misnamed"),
    [("a.jpg", "PNG", True), ("a.JPG", "MPO", False), ("a", "PNG", False), ("a.dcm", "PNG", True)],
)
def test_a_name_that_promises_another_format_is_misnamed(name, kind, misnamed):
    assert is_misnamed(name, kind) == misnamed
