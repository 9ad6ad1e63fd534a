"""Facts from the headers of DICOM files: device, site, year, view; sex and age of the patient."""

import re
from collections.abc import Callable

import numpy as np
import pandas as pd

from utils.data.image_files import in_threads

PATIENT_FACTS = ("sex", "age")  # may go with the disease; all others cannot be it
CHUNK = 1024 * 64  # header elements longer than this are not read


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
