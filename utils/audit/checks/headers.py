"""Checks of what surrounds the pixels: does it name a patient, are the images acquired alike?

Values of a header are read, counted and forgotten: no report repeats a name.
"""

import re

import pandas as pd

from utils.audit.checks.file_names import hold_dates_or_addresses, may_hold_names
from utils.audit.finding import EXAMPLES, Finding, count_of, not_applicable
from utils.audit.folder import ImageFolder
from utils.audit.headers import CHUNK
from utils.data.image_files import in_threads

NAMES_PATIENT = (  # alone or together they lead to a person
    *("PatientName", "PatientBirthDate", "PatientBirthName", "PatientMotherBirthName"),
    *("PatientAddress", "PatientTelephoneNumbers", "OtherPatientIDs", "OtherPatientNames"),
    *("MilitaryRank", "IssuerOfPatientID", "ResponsiblePerson"),
)
NAMES_OTHERS = (  # staff, a site, or a visit that a hospital can look up
    *("ReferringPhysicianName", "PerformingPhysicianName", "OperatorsName", "AccessionNumber"),
    *("NameOfPhysiciansReadingStudy", "InstitutionName", "InstitutionAddress", "StationName"),
)
DECLARED = {"BurnedInAnnotation": "YES", "RecognizableVisualFeatures": "YES"}
# What programs for de-identification leave in place of a value.
REPLACED = re.compile(r"anon\w*|de-?identified|removed|unknown|none|null|n/?a|x+|0+|\W*", re.I)
ACQUIRED = (  # alike in a set for one question
    *("Modality", "PhotometricInterpretation", "ViewPosition", "Laterality", "ImageLaterality"),
    *("PixelSpacing", "ImagerPixelSpacing"),
)
SHOWN = 4  # values of a field in the table
MADE_LATER = ("DERIVED", "SECONDARY")  # in ImageType: computed, or photographed from a screen


def check_privacy(folder: ImageFolder) -> Finding:
    """Do headers or names of files say who the patient is?"""
    headers, paths = _headers(folder), [str(path) for path in folder.relative_files]
    named = pd.Series(hold_dates_or_addresses(paths))
    counts = {tag: _filled(headers, tag) for tag in (*NAMES_PATIENT, *NAMES_OTHERS)}
    counts |= {tag: headers[tag].str.upper() == value for tag, value in DECLARED.items()}
    counts["names of files (dates, e-mail, ^)"] = named
    counts["names of files (two capitalised words: perhaps a name)"] = pd.Series(
        may_hold_names(paths, folder.class_names)
    )
    rows = [(where, int(there.sum())) for where, there in counts.items() if there.any()]
    grave = [name for name in (*NAMES_PATIENT, *DECLARED) if counts[name].any()]
    if not rows:
        return Finding("ok", "No header and no name of a file was found to name a patient.")
    flagged = pd.concat(counts, axis=1).any(axis=1)
    return Finding(
        "alarm" if grave else "warning" if named.any() else "note",
        f"{count_of(int(flagged.sum()), 'file has', 'files have')} fields or a name that may "
        f"identify a person: {', '.join(where for where, _ in rows)}.",
        "A copy of these files gives the names away. Fields are counted, and their values stand "
        "in no report. Text burnt into the pixels is looked for by the check Image quality.",
        "Remove these fields by the profile of DICOM PS3.15, annex E, and rename the files.",
        pd.DataFrame(rows, columns=["where", "files"]),
        tuple(flagged.index[flagged]),
        ("may name a person",) * min(EXAMPLES, int(flagged.sum())),
    )


def check_acquisition(folder: ImageFolder) -> Finding:
    """Are there several modalities, views or pixel sizes, and images made from other images?"""
    headers = _headers(folder)
    known = headers[folder.facts["format"] == "DICOM"]
    if not len(known):
        return not_applicable("No DICOM files, so nothing is known of the acquisition.")
    rows = [(tag, *_values(known[tag])) for tag in ACQUIRED if known[tag].nunique() > 1]
    later = known["ImageType"].map(lambda text: bool(set(text.split("|")) & set(MADE_LATER)))
    later |= known["ConversionType"] != ""
    if later.any():
        rows.append(("derived or secondary images", int(later.sum()), "ImageType, ConversionType"))
    grave = "Modality" in [row[0] for row in rows] or bool(later.any() and not later.all())
    if not rows:
        return Finding("ok", "All DICOM files state the same modality, view and pixel size.")
    return Finding(
        "warning" if grave else "note",
        f"Not all DICOM files were acquired alike: {', '.join(row[0] for row in rows)}.",
        "Another modality or view is another question, and an image that was computed or "
        "photographed from a screen has other noise. The check Shortcuts measures whether such "
        "facts tell the class.",
        "Keep one kind for each question, or make sure that every class has all of them.",
        pd.DataFrame(rows, columns=["field", "values or files", "commonest"]),
        tuple(later.index[later]),
        ("derived or secondary",) * min(EXAMPLES, int(later.sum())),
    )


def _values(column: pd.Series) -> tuple[int, str]:
    """How many values there are, and the commonest ones."""
    counts = column.replace("", "(missing)").value_counts()
    return len(counts), ", ".join(f"{name}: {count}" for name, count in counts[:SHOWN].items())


def _filled(headers: pd.DataFrame, tag: str) -> pd.Series:
    return headers[tag].map(lambda text: not REPLACED.fullmatch(text.strip()))


def _headers(folder: ImageFolder) -> pd.DataFrame:
    """A row of texts for each image; empty where there is no header, or none that can be read."""
    tags = (*NAMES_PATIENT, *NAMES_OTHERS, *DECLARED, *ACQUIRED, "ImageType", "ConversionType")
    paths = folder.facts["file"].where(folder.facts["format"] == "DICOM", "").tolist()
    found = {path: {} for path in paths}
    dicom = [path for path in found if path]
    rows = in_threads(lambda place: _texts(dicom[place], tags), len(dicom), "reading headers")
    found |= dict(zip(dicom, rows, strict=True))
    nothing = dict.fromkeys(tags, "")
    return pd.DataFrame([nothing | found[path] for path in paths])


def _texts(path: str, tags: tuple[str, ...]) -> dict[str, str]:
    from pydicom import dcmread

    try:
        header = dcmread(path, stop_before_pixels=True, defer_size=CHUNK, specific_tags=list(tags))
    except Exception:  # a file can be broken in more ways than a library knows
        return {}
    return {tag: _text(header.get(tag)) for tag in tags}


def _text(value) -> str:
    if value is None:
        return ""
    several = isinstance(value, list | tuple) or type(value).__name__ == "MultiValue"
    return "|".join(map(str, value)) if several else str(value)
