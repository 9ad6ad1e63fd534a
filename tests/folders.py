"""Folders of images that several test modules write."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from utils.audit import audit, registry
from utils.data.file_facts import IDENTIFIERS
from utils.data.split import Splits

HOME = Path(__file__).resolve().parents[1]
NONE_REFUSED = pd.DataFrame(columns=["file", "reason"])


def picture(path, seed=0, size=(40, 40), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    levels = np.random.default_rng(seed).integers(0, 256, size[::-1]).astype(np.uint8)
    Image.fromarray(levels).resize(size, Image.Resampling.BILINEAR).save(path, **options)
    return path


def two_classes(folder, each=3):
    for number in range(2 * each):
        picture(folder / "ab"[number % 2] / f"{number}.png", number)
    return folder


def write_images(split, folder):
    """The images of a split in class folders."""
    for row, label in enumerate(split.labels.tolist()):
        path = folder / split.class_names[label] / f"{row}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(split.images[row, 0].numpy()).save(path)
    return folder


def audit_by(titles, *arguments, **options):
    """The audit by these checks alone; the others cost the most and change nothing in them."""
    with pytest.MonkeyPatch.context() as patch:
        chosen = {title: registry.CHECKS[title] for title in titles}
        patch.setattr(registry, "CHECKS", chosen)
        return audit(*arguments, **options)


def table_of(folder, rows, columns=("path", "label", "patient", "split"), titles=("Patients",)):
    """The audit of a table of different images, unless two rows name the same file."""
    for number, (name, *_) in enumerate(rows):
        if not (folder / name).exists():
            picture(folder / name, number)
    pd.DataFrame(rows, columns=columns).to_csv(folder / "table.csv", index=False)
    name = f"folder:{folder / 'table.csv'}"
    return audit_by(titles, name, size=32, out=folder / "report")


def plain_facts(count):
    """Facts of files without any information about the class."""
    facts = pd.DataFrame({"file": [f"{n}.png" for n in range(count)], "part": ""})
    facts[list(IDENTIFIERS)] = ""
    facts["label"] = ["ab"[n % 2] for n in range(count)]
    same = {"bytes": 900, "width": 64, "height": 64, "bits": 8, "colour": "L", "format": "PNG"}
    return facts.assign(**same)


def write_dicom(pydicom, path, patient, seed, **identifiers):
    meta = pydicom.dataset.FileMetaDataset()
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = pydicom.uid.SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    data = pydicom.dataset.Dataset()
    data.file_meta, data.PatientID = meta, patient
    for name, value in identifiers.items():
        setattr(data, name, value)
    data.Rows = data.Columns = 16
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
    levels = np.random.default_rng(seed).integers(0, 4096, (16, 16)).astype(np.uint16)
    data.PixelData = levels.tobytes()
    data.save_as(path, enforce_file_format=True)


def noise_image(path, seed: int, colour: bool = False):
    rng = np.random.default_rng(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (20, 20, 3) if colour else (20, 20)
    Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)).save(path)


def class_folders(root, names, each: int, colour: bool = False):
    for number, name in enumerate(names):
        for index in range(each):
            noise_image(root / name / f"{index:03d}.png", 1000 * number + index, colour)
    return root


def sizes(splits: Splits) -> tuple[int, ...]:
    return tuple(len(split) for _, split in splits.items())


def chest_xray(root):
    names = [f"NORMAL/IM-{n:04d}-000{k}.jpeg" for n in range(20) for k in (1, 2)]
    names += [f"NORMAL/NORMAL2-IM-{n:04d}-0001.jpeg" for n in range(10)]
    for germ in ("bacteria", "virus"):
        names += [f"PNEUMONIA/person{n}_{germ}_{9 * n + k}.jpeg" for n in range(20) for k in (1, 2)]
    for seed, name in enumerate(names):
        noise_image(root / "chest_xray" / "train" / name, seed)
    late = ["NORMAL/IM-0901-0001", "PNEUMONIA/person901_virus_1", "PNEUMONIA/person1_bacteria_99"]
    for seed, name in enumerate(late):
        noise_image(root / "chest_xray" / "test" / f"{name}.jpeg", 900 + seed)
    noise_image(root / "chest_xray" / "val" / "PNEUMONIA" / "person77_bacteria_1.jpeg", 800)
    return root
