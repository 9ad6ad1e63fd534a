"""Facts from headers: of DICOM device, site, year, view, sex and age; when an image was made."""

import re
from collections.abc import Callable

import numpy as np
import pandas as pd
from PIL import Image

from utils.data.image_files import in_threads

PATIENT_FACTS = ("sex", "age")  # may go with the disease; all others cannot be it
CHUNK = 1024 * 64  # header elements longer than this are not read
DATES = (
    ("AcquisitionDateTime",),
    ("AcquisitionDate", "AcquisitionTime"),
    ("StudyDate", "StudyTime"),
)
EXIF, MADE = 0x8769, 0x9003  # the part of EXIF about the camera, and when it made the picture
WITH_EXIF = ("JPEG", "MPO", "TIFF")


def header_facts(files: pd.Series, formats: pd.Series) -> pd.DataFrame:
    """A number per image for each fact; equal texts get equal numbers. No column without DICOM.

    The texts themselves are not kept: the name of a site may be confidential.
    """
    if not (formats == "DICOM").any():
        return pd.DataFrame(index=files.index)
    paths = [file if kind == "DICOM" else "" for file, kind in zip(files, formats, strict=True)]
    rows = in_threads(lambda place: _read(paths[place]), len(paths), "reading headers")
    texts = pd.DataFrame(rows, index=files.index).reindex(columns=list(FACTS))
    return texts.apply(_as_numbers)


def _read(path: str) -> dict:
    """The facts of one file; none where the header cannot be read any more."""
    from pydicom import dcmread

    if not path:
        return {}
    try:
        header = dcmread(path, stop_before_pixels=True, defer_size=CHUNK)
    except Exception:  # a file can be broken in more ways than a library knows
        return {}
    return {name: fact(header) for name, fact in FACTS.items()}


def acquisition_times(files: pd.Series, formats: pd.Series) -> np.ndarray:
    """When each image was made, in days; NaN where its header does not say. No text is kept."""
    pairs = list(zip(files, formats, strict=True))
    if not set(formats) & {"DICOM", *WITH_EXIF}:
        return np.full(len(pairs), np.nan)
    texts = in_threads(lambda place: _made(*pairs[place]), len(pairs), "reading dates")
    digits = [re.sub(r"\D", "", text.partition(".")[0]).ljust(14, "0")[:14] for text in texts]
    times = pd.to_datetime(pd.Series(digits), format="%Y%m%d%H%M%S", errors="coerce")
    return ((times - pd.Timestamp(2000, 1, 1)) / pd.Timedelta(days=1)).to_numpy()


def _made(path: str, kind: str) -> str:
    """Date and time as the header writes them; "" where it does not, or cannot be read."""
    try:
        if kind in WITH_EXIF:
            with Image.open(path, formats=WITH_EXIF) as image:
                return str(image.getexif().get_ifd(EXIF).get(MADE, ""))
        return _dicom_time(path) if kind == "DICOM" else ""
    except Exception:  # a file can be broken in more ways than a library knows
        return ""


def _dicom_time(path: str) -> str:
    from pydicom import dcmread

    tags = [keyword for keywords in DATES for keyword in keywords]
    header = dcmread(path, stop_before_pixels=True, defer_size=CHUNK, specific_tags=tags)
    texts = ["".join(str(header.get(word) or "") for word in words) for words in DATES]
    return next(filter(None, texts), "")


def _text(*keywords: str) -> Callable:
    return lambda header: " ".join(str(header.get(word) or "") for word in keywords).strip()


def _years(header) -> float:
    """The age in years, from texts such as 045Y or 018M."""
    found = re.fullmatch(r"(\d{1,3})([DWMY])", str(header.get("PatientAge") or ""))
    return int(found[1]) / {"D": 365.25, "W": 52.2, "M": 12, "Y": 1}[found[2]] if found else np.nan


def _year(header) -> float:
    found = re.match(r"\d{4}", str(header.get("StudyDate") or ""))
    return float(found[0]) if found else np.nan


def _spacing(header) -> float:
    spacing = header.get("PixelSpacing") or header.get("ImagerPixelSpacing")
    return float(spacing[0]) if spacing else np.nan


FACTS = {
    "device": _text("Manufacturer", "ManufacturerModelName"),
    "station": _text("StationName", "DeviceSerialNumber"),
    "site": _text("InstitutionName"),
    "year": _year,
    "view": _text("ViewPosition"),
    "side": _text("ImageLaterality", "Laterality"),
    "modality": _text("Modality"),
    "spacing": _spacing,
    "sex": _text("PatientSex"),
    "age": _years,
}


def _as_numbers(column: pd.Series) -> pd.Series:
    """Numbers stay; texts are counted off; what is missing becomes -1."""
    if pd.api.types.is_numeric_dtype(column):
        return column.fillna(-1).astype(float)
    return pd.Series(pd.factorize(column.fillna(""), sort=True)[0], column.index).astype(float)
