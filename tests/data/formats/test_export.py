"""Images written to files and read again are the same, and so is what a model predicts."""

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
import torch
from file_samples import RAMP, dicom
from small import small_network, small_split

from utils.attacks.pgd import fgsm
from utils.data.formats.depth import in_depth, to_levels
from utils.data.formats.export import png, save_split, with_pixels
from utils.data.formats.reading import AS_SHOWN, Reading
from utils.data.reader import read_images
from utils.data.split import Split
from utils.evaluation.inference import attacked_split, predict

pydicom = pytest.importorskip("pydicom")
CT = {"RescaleSlope": 1.5, "RescaleIntercept": -1024, "WindowCenter": 40, "WindowWidth": 400}
FULL = Reading(16, "full")


def scans(folder, **facts) -> list:
    """Twelve DICOM files of two classes."""
    rng, paths = np.random.default_rng(0), []
    for number in range(12):
        levels = np.rint(RAMP * 8) + rng.integers(0, 200, (64, 64))
        path = folder / f"{number}.dcm"
        path.write_bytes(dicom(levels, PatientID=f"p{number}", **facts))
        paths.append(path)
    return paths


def split_of(paths, reading=AS_SHOWN, size=32) -> Split:
    found = read_images(paths, size, 1, reading=reading)
    assert not found.quarantine
    labels = torch.arange(len(found.images)) % 2
    files = tuple(str(paths[place]) for place in found.positions)
    return Split(found.images, labels, ("a", "b"), frames=torch.tensor(found.frames), files=files)


WAYS = {
    "png, 8 bit": ("png", AS_SHOWN, AS_SHOWN),
    "png, 16 bit": ("png", Reading(16), FULL),
    "dicom, 8 bit": ("dicom", AS_SHOWN, AS_SHOWN),
    "dicom, 16 bit": ("dicom", Reading(16), Reading(16)),
    "dicom, 16 bit, lung": ("dicom", Reading(16, "-1000..400"), Reading(16)),
    "dicom, percentiles": ("dicom", Reading(16, "1..99%"), Reading(16)),
}
SCANNERS = {
    "window": CT,
    "no window": {},
    "sigmoid": {**CT, "VOILUTFunction": "SIGMOID"},
    "inverted": {**CT, "PhotometricInterpretation": "MONOCHROME1"},
    "padded": {**CT, "PixelPaddingValue": 100, "PixelPaddingRangeLimit": 0},
}


@pytest.mark.parametrize("scanner", SCANNERS)
@pytest.mark.parametrize("way", WAYS)
def test_an_attacked_image_is_predicted_alike_after_writing_and_reading(way, scanner, tmp_path):
    kind, reading, again = WAYS[way]
    clean = split_of(scans(tmp_path, **SCANNERS[scanner]), reading)
    model = small_network(classes=2)
    attacked = attacked_split(model, clean, fgsm(4 / 255))
    assert attacked.depth == clean.depth == reading.depth
    assert not torch.equal(attacked.images, clean.images)
    paths = save_split(attacked, tmp_path / "out", kind, reading)
    assert [path.parent.name for path in paths] == ["a", "b"] * 6
    reread = split_of(paths, again)
    assert torch.equal(reread.images, attacked.images)
    before, after = (predict(model, split).probabilities for split in (attacked, reread))
    assert (before == after).all()


def test_all_but_the_pixels_stays_as_it_was(tmp_path):
    spacing = {"PixelSpacing": [0.5, 0.25], "Modality": "CT", "StudyDate": "20200102"}
    (path, *_) = scans(tmp_path, **CT, **spacing)
    before = pydicom.dcmread(path)
    image = torch.randint(0, 256, (1, 32, 32)).to(torch.uint8)
    after = pydicom.dcmread(BytesIO(with_pixels(path.read_bytes(), image)))
    changed = {e.keyword for e in before if e.keyword not in after or after[e.tag] != e}
    geometry = {"Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelData"}
    window = {"RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth"}
    assert changed <= geometry | window | {"PixelSpacing"}
    assert after.PixelSpacing == [1, 0.5] and after.PatientID == before.PatientID
    assert after.file_meta.MediaStorageSOPInstanceUID == "1.2.3"


def test_grey_levels_keep_their_hounsfield_units(tmp_path):
    (path, *_) = scans(tmp_path, **CT)
    for depth in (8, 16):
        image = split_of([path], Reading(depth), 64).images[0]
        dataset = pydicom.dcmread(BytesIO(with_pixels(path.read_bytes(), image)))
        units = pydicom.pixels.apply_modality_lut(dataset.pixel_array, dataset)
        original = pydicom.dcmread(path)
        expected = pydicom.pixels.apply_modality_lut(original.pixel_array, original)
        assert np.abs(units - expected.clip(-160, 239)).max() <= 399 / 2**depth


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("depth", [8, 16])
def test_a_png_is_read_by_pillow_as_it_was_written(depth, channels, tmp_path):
    pixels = torch.rand(channels, 20, 20, generator=torch.Generator().manual_seed(0))
    image = to_levels(pixels, depth)
    (tmp_path / "a.png").write_bytes(png(image))
    found = read_images([tmp_path / "a.png"], 20, channels, reading=Reading(depth, "full"))
    assert torch.equal(found.images[0], image)


def test_colour_goes_into_dicom_with_eight_bits(tmp_path):
    (path, *_) = scans(tmp_path)
    image = torch.randint(0, 256, (3, 20, 20)).to(torch.uint8)
    (tmp_path / "out.dcm").write_bytes(with_pixels(path.read_bytes(), image))
    assert torch.equal(read_images([tmp_path / "out.dcm"], 20, 3).images[0], image)
    with pytest.raises(ValueError, match="with_depth"):
        with_pixels(path.read_bytes(), in_depth(image, 16))


def test_a_frame_becomes_a_file_of_its_own(tmp_path):
    stack = np.stack([np.rint(RAMP) + 50 * frame for frame in range(3)])
    (tmp_path / "a.dcm").write_bytes(dicom(stack, NumberOfFrames=3))
    split = split_of([tmp_path / "a.dcm"])
    paths = save_split(split, tmp_path / "out", "dicom")
    reread = split_of(paths)
    assert len(paths) == 3 and set(reread.frames.tolist()) == {0}
    assert torch.equal(reread.images, split.images)


WRONG = {
    "kind": ({}, "jpeg", "choose from png, dicom"),
    "no file": ({"files": None}, "dicom", "comes from no file; write it as png"),
    "other file": ({}, "dicom", "is no DICOM file"),
    "class": ({"class_names": ("../a", "b", "c")}, "png", "cannot be the name of a folder"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_written_says_what_to_do(case, tmp_path):
    change, kind, message = WRONG[case]
    (tmp_path / "note").write_text("no image")
    split = replace(small_split(3), files=(str(tmp_path / "note"),) * 3)
    with pytest.raises(ValueError, match=message):
        save_split(replace(split, **change), tmp_path / "out", kind)


def test_nothing_is_written_over(tmp_path):
    save_split(small_split(3), tmp_path / "out")
    with pytest.raises(ValueError, match="is not empty; name a new folder"):
        save_split(small_split(3), tmp_path / "out")
