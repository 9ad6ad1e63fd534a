"""Writes images back to files, so that a changed image can be tried on any other program.

A PNG is as deep as the split. A DICOM file is the one that the image comes from, with its pixels
replaced and all else kept, its identifiers included, as after an attack on the way from the
scanner: keep such files away from an archive of patients.
"""

from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from torch import Tensor

from utils.data.formats.dicom import is_dicom, read_dataset, shown_range
from utils.data.formats.findings import as_label
from utils.data.formats.reading import AS_SHOWN, Reading
from utils.data.split import Split
from utils.files import atomic_write

PLAIN = "1.2.840.10008.1.2.1"  # the syntax of pixels that are not packed
SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
REPLACED = (  # they describe the pixels that go
    *("ModalityLUTSequence", "VOILUTSequence", "WindowCenterWidthExplanation"),
    *("PixelPaddingValue", "PixelPaddingRangeLimit", "NumberOfFrames"),
    *("PixelValueTransformationSequence", "FrameVOILUTSequence"),
)


def save_split(
    split: Split, folder: str | Path, kind: str = "png", reading: Reading = AS_SHOWN
) -> list[Path]:
    """Every image as a file of its own, FOLDER/CLASS/NUMBER; the paths in the order of the split.

    Images with several findings lie in FOLDER/images, and FOLDER/labels.csv lists the findings.

    `kind` is png or dicom. Read DICOM files again as they are shown, and PNG files of 16 bits with
    the window "full": the images are then the same. `reading` is how the split has been read, so
    that a DICOM file keeps its units.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown kind of file {kind!r}; choose from {', '.join(KINDS)}")
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder} is not empty; name a new folder")
    if odd := [name for name in split.class_names if Path(name).name != name]:
        raise ValueError(f"class {odd[0]!r} cannot be the name of a folder; rename it")
    suffix, encode = KINDS[kind]
    paths = []
    labels = _labels(split)
    for row, label in enumerate(labels):
        paths.append(folder / ("images" if split.has_findings else label) / f"{row:05d}{suffix}")
        content = encode(split, row, reading)
        with atomic_write(paths[-1]) as unfinished:
            unfinished.write_bytes(content)
    if split.has_findings:
        files = [path.relative_to(folder).as_posix() for path in paths]
        columns = {"path": files, "label": labels, "patient": split.patients}
        pd.DataFrame(columns).to_csv(folder / "labels.csv", index=False)
    return paths


def _labels(split: Split) -> list[str]:
    """The class of each image, or its findings in one text."""
    if split.has_findings:
        return [as_label(row, split.class_names) for row in split.labels.tolist()]
    return [split.class_names[label] for label in split.labels.tolist()]


def png(image: Tensor) -> bytes:
    """An image (channels, height, width) as a PNG file of as many bits."""
    levels = _levels(image)
    _, content = cv2.imencode(".png", levels[:, :, ::-1] if levels.ndim == 3 else levels)
    return content.tobytes()


def with_pixels(content: bytes, image: Tensor, frame: int = 0, reading: Reading = AS_SHOWN):
    """A DICOM file with this image (channels, height, width) in place of its own."""
    dataset = read_dataset(content)
    levels = _levels(image)
    if levels.ndim == 3 and levels.dtype != np.uint8:
        raise ValueError("DICOM files hold colour of 8 bits; take split.with_depth(8)")
    ends = shown_range(dataset, frame, reading) or (0, np.iinfo(levels.dtype).max)
    _scale_spacings(dataset, levels.shape)
    _forget_old_pixels(dataset, frame)
    if levels.ndim == 2:
        _state_window(dataset, *ends, np.iinfo(levels.dtype).max)
    kind = "RGB" if levels.ndim == 3 else _grey_kind(dataset)
    levels = np.iinfo(levels.dtype).max - levels if kind == "MONOCHROME1" else levels
    dataset.file_meta.TransferSyntaxUID = PLAIN
    bits, levels = 8 * levels.dtype.itemsize, np.ascontiguousarray(levels)
    dataset.set_pixel_data(levels, kind, bits, generate_instance_uid=False)
    file = BytesIO()
    dataset.save_as(file, implicit_vr=False, little_endian=True, enforce_file_format=True)
    return file.getvalue()


def _levels(image: Tensor) -> np.ndarray:
    """(height, width), or (height, width, 3) if there is colour."""
    levels = image.cpu().permute(1, 2, 0).contiguous().numpy()
    return levels[:, :, 0] if (levels == levels[:, :, :1]).all() else levels


def _png_of(split: Split, row: int, reading: Reading) -> bytes:
    return png(split.images[row])


def _dicom_of(split: Split, row: int, reading: Reading) -> bytes:
    if split.files is None or not split.files[row]:
        raise ValueError(f"image {row} comes from no file; write it as png")
    content = Path(split.files[row]).read_bytes()
    if not is_dicom(content):
        raise ValueError(f"{split.files[row]} is no DICOM file; write it as png")
    frame = 0 if split.frames is None else int(split.frames[row])
    return with_pixels(content, split.images[row], frame, reading)


KINDS: Mapping[str, tuple[str, Callable[[Split, int, Reading], bytes]]] = {
    "png": (".png", _png_of),
    "dicom": (".dcm", _dicom_of),
}


def _grey_kind(dataset) -> str:
    kind = dataset.PhotometricInterpretation
    return kind if kind == "MONOCHROME1" else "MONOCHROME2"


def _scale_spacings(dataset, shape: tuple[int, ...]) -> None:
    """A shrunk image has larger pixels."""
    ratios = dataset.Rows / shape[0], dataset.Columns / shape[1]
    for name in SPACINGS:
        if dataset.get(name) and ratios != (1, 1):
            scaled = zip(dataset[name].value, ratios, strict=True)
            setattr(dataset, name, [_decimal(float(old) * ratio) for old, ratio in scaled])


def _forget_old_pixels(dataset, frame: int) -> None:
    shared = dataset.get("SharedFunctionalGroupsSequence")
    frames = dataset.get("PerFrameFunctionalGroupsSequence")
    if frames:
        dataset.PerFrameFunctionalGroupsSequence = [frames[frame]]
    for part in (dataset, *(shared or ()), *(frames or ())):
        for name in REPLACED:
            if name in part:
                delattr(part, name)


def _state_window(dataset, low: float, high: float, white: int) -> None:
    """The levels keep their units, and the window shows all of them."""
    dataset.RescaleSlope = _decimal((high - low) / white)
    dataset.RescaleIntercept = _decimal(low)
    dataset.WindowCenter, dataset.WindowWidth = _decimal((low + high) / 2), _decimal(high - low)
    dataset.VOILUTFunction = "LINEAR_EXACT"


def _decimal(number: float):
    from pydicom.valuerep import DSfloat

    return DSfloat(float(number), auto_format=True)  # at most 16 letters
