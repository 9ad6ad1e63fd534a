"""Image files of many kinds, as bytes, and reading one of them."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from utils.data.formats.reading import AS_SHOWN
from utils.data.reader import read_images

RAMP = np.linspace(0, 255, 64 * 64).reshape(64, 64)
GREY = Image.fromarray(RAMP.astype(np.uint8))


def encoded(image, kind, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def read_one(folder, content, size=64, channels=1, name="image.jpg", reading=AS_SHOWN):
    path = folder / name
    path.write_bytes(content)
    return read_images([path], size, channels, reading=reading)


def why_not(folder, content, **options) -> str:
    """The reason why a file is set aside."""
    ((_, reason),) = read_one(folder, content, **options).quarantine
    return reason


def sixteen(levels) -> Image.Image:
    return Image.fromarray(np.asarray(levels).astype(np.uint16))


def deep_png(levels: np.ndarray) -> bytes:
    """uint16 (height, width, 2, 3 or 4): kinds that Pillow cannot write."""
    height, width, channels = levels.shape
    kind = {2: 4, 3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in levels)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def dicom(levels, **facts) -> bytes:
    pydicom = pytest.importorskip("pydicom")
    from pydicom.dataset import FileDataset, FileMetaDataset

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = facts.pop("syntax", pydicom.uid.ExplicitVRLittleEndian)
    meta.MediaStorageSOPClassUID = pydicom.uid.SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    dataset = FileDataset("image", {}, file_meta=meta, preamble=bytes(128))
    dataset.Rows, dataset.Columns = levels.shape[-2:]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 0
    dataset.PixelData = levels.astype("<u2").tobytes()
    for name, value in facts.items():
        setattr(dataset, name, value)
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
