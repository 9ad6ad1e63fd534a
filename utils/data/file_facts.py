"""Facts of one image file: bytes, format, colours, bits, width, height, patient."""

import hashlib
from io import BytesIO
from pathlib import Path

from PIL import Image

from utils.data.image_files import FORMATS
from utils.files import short_digest

BITS = {"1": 1, "I;16": 16, "I;16B": 16, "I;16L": 16, "I": 32, "F": 32}  # by Pillow's mode; else 8
EXTENSIONS = {
    **dict.fromkeys((".jpg", ".jpeg"), ("JPEG", "MPO")),
    **dict.fromkeys((".tif", ".tiff"), ("TIFF",)),
    **{".png": ("PNG",), ".bmp": ("BMP",), ".dcm": ("DICOM",)},
}
TEXT = ("format", "colour", "digest", "patient", "reason")
NUMBERS = ("bytes", "width", "height", "bits")
NO_FACTS = dict.fromkeys(TEXT, "") | dict.fromkeys(NUMBERS, 0)


def facts_of_content(content: bytes) -> dict:
    """Facts of a file whose pixels have just been decoded, so that its header can be trusted."""
    common = {"bytes": len(content), "digest": hashlib.sha256(content).hexdigest()}
    if content[128:132] == b"DICM":
        return common | _dicom_facts(content)
    with Image.open(BytesIO(content), formats=FORMATS) as image:  # reads the header only
        width, height = image.size
        # A PNG states its bits in the header; Pillow reduces 16-bit colour to 8 bits.
        bits = content[24] if image.format == "PNG" else BITS.get(image.mode, 8)
        return common | {
            "format": image.format, "colour": image.mode, "bits": bits,
            "width": width, "height": height,
        }  # fmt: skip


def _dicom_facts(content: bytes) -> dict:
    """The patient's number is kept only as a digest."""
    from pydicom import dcmread

    header = dcmread(BytesIO(content), stop_before_pixels=True)
    number = str(header.get("PatientID") or "")
    return {
        "format": "DICOM", "colour": str(header.PhotometricInterpretation),
        "bits": int(header.get("BitsStored") or header.BitsAllocated),
        "width": int(header.Columns), "height": int(header.Rows),
        "patient": number and short_digest(number),
    }  # fmt: skip


def is_misnamed(name: str, kind: str) -> bool:
    """Whether a file's name promises another format than its content has."""
    promised = EXTENSIONS.get(Path(name).suffix.lower())
    return promised is not None and kind not in promised
