"""Facts of one image file: bytes, format, colours, bits, width, height, patient, study, series."""

import hashlib
from collections import Counter
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from utils.data.formats.dicom import is_dicom
from utils.data.formats.nifti import is_nifti, read_volume
from utils.data.formats.pictures import FORMATS
from utils.files import keyed_digest

BITS = {"1": 1, "I;16": 16, "I;16B": 16, "I;16L": 16, "I": 32, "F": 32}  # by Pillow's mode; else 8
EXTENSIONS = {
    **dict.fromkeys((".jpg", ".jpeg"), ("JPEG", "MPO")),
    **dict.fromkeys((".tif", ".tiff"), ("TIFF",)),
    **{".png": ("PNG",), ".bmp": ("BMP",), ".dcm": ("DICOM",), ".nii": ("NIfTI",)},
}
# What a DICOM header knows about the origin of an image.
IDENTIFIERS = {
    "patient": "PatientID", "study": "StudyInstanceUID", "series": "SeriesInstanceUID",
}  # fmt: skip
TEXT = ("format", "colour", "digest", *IDENTIFIERS, "reason", "levels")
NUMBERS = ("bytes", "width", "height", "bits", "frames", "blank")  # images that it gives, and not
NO_FACTS = dict.fromkeys(TEXT, "") | dict.fromkeys(NUMBERS, 0)


def facts_of_content(content: bytes, key: bytes) -> dict:
    """Facts of a file whose pixels have just been decoded, so that its header can be trusted.

    The numbers of patient, study and series are kept only as digests with this secret key: those of
    patients are short, and a plain digest would be found by trying them all; those of studies can
    be looked up in a hospital.
    """
    common = {"bytes": len(content), "digest": hashlib.sha256(content).hexdigest()}
    if is_dicom(content):
        return common | _dicom_facts(content, key)
    if is_nifti(content):
        return common | _nifti_facts(content)
    with Image.open(BytesIO(content), formats=FORMATS) as image:  # reads the header only
        width, height = image.size
        # A PNG states its bits in the header; Pillow reduces 16-bit colour to 8 bits.
        bits = content[24] if image.format == "PNG" else BITS.get(image.mode, 8)
        return common | {
            "format": image.format, "colour": image.mode, "bits": bits,
            "width": width, "height": height,
        }  # fmt: skip


def _dicom_facts(content: bytes, key: bytes) -> dict:
    from pydicom import dcmread

    header = dcmread(BytesIO(content), stop_before_pixels=True)
    numbers = {name: str(header.get(tag) or "").strip() for name, tag in IDENTIFIERS.items()}
    return {
        "format": "DICOM", "colour": str(header.PhotometricInterpretation),
        "bits": int(header.get("BitsStored") or header.BitsAllocated),
        "width": int(header.Columns), "height": int(header.Rows),
        **{name: number and keyed_digest(key, number) for name, number in numbers.items()},
    }  # fmt: skip


def _nifti_facts(content: bytes) -> dict:
    """Width and height of an axial slice."""
    volume = read_volume(content)
    kind = volume.get_data_dtype()
    return {
        "format": "NIfTI", "colour": str(kind), "bits": 8 * kind.itemsize,
        "width": volume.shape[0], "height": volume.shape[1],
    }  # fmt: skip


def name_patients(names: np.ndarray) -> bool:
    """Whether every image has a patient name; one name for most images does not count."""
    return bool((names != "").all()) and Counter(names).most_common(1)[0][1] <= len(names) / 2


def studies_of(facts: pd.DataFrame) -> np.ndarray:
    """The study of each row, the series where no study is named, else "".

    As with patients, one number for most images does not count: programs for de-identification
    write the same into every file.
    """
    names = facts["study"].where(facts["study"] != "", facts["series"])
    usual = names.map(names.value_counts()) <= len(names) / 2
    return names.where(usual, "").to_numpy(dtype=object)


def is_misnamed(name: str, kind: str) -> bool:
    """Whether a file's name promises another format than its content has."""
    promised = EXTENSIONS.get(Path(name).suffix.lower())
    return promised is not None and kind not in promised
