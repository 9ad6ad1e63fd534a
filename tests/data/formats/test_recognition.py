"""Whether a file may be an image, by its name or its first bytes."""

import os

import pytest
from file_samples import GREY, RAMP, dicom, encoded

from utils.data.formats.recognition import may_be_image

FILES = {
    "a.png": (b"whatever", True),
    "scan.nii.gz": (b"\x1f\x8b", True),
    "photo.webp": (b"", True),
    "animation": (encoded(GREY, "GIF"), True),
    "no_suffix": (encoded(GREY, "JPEG"), True),
    "README": (b"Dear reader", False),
    "notes.txt": (b"BMI is ...", True),  # listed once too often rather than once too rarely
    "table.csv": (b"path,label", False),
    "empty": (b"", False),
}


@pytest.mark.parametrize("name", FILES)
def test_images_are_known_by_name_or_content(name, tmp_path):
    content, known = FILES[name]
    (tmp_path / name).write_bytes(content)
    assert may_be_image(tmp_path / name) == known


def test_dicom_as_scanners_name_it_and_what_cannot_be_opened(tmp_path):
    (tmp_path / "IM0001").write_bytes(dicom(RAMP))
    os.mkfifo(tmp_path / "pipe")  # opening it would wait for ever
    assert may_be_image(tmp_path / "IM0001") and may_be_image(tmp_path / "pipe")
