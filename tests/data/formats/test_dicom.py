"""DICOM files: windows, frames, padding, and what is set aside."""

import numpy as np
import pytest
import torch
from file_samples import RAMP, dicom, read_one, why_not

from utils.data.formats.dicom import is_dicom, read_dataset
from utils.data.formats.reading import Reading

CT = {"RescaleSlope": 1, "RescaleIntercept": -1024, "WindowCenter": 40, "WindowWidth": 400}
HOUNSFIELD = np.linspace(-1000, 1000, 64 * 64).reshape(64, 64)


def test_dicom_without_a_window_is_stretched(tmp_path):
    image = read_one(tmp_path, dicom(RAMP * 4 + 1000)).images[0, 0].numpy()
    assert np.abs(image - RAMP).max() <= 1


def test_dicom_of_inverted_films_is_turned_back(tmp_path):
    content = dicom(4000 - RAMP * 4, PhotometricInterpretation="MONOCHROME1")
    assert np.abs(read_one(tmp_path, content).images[0, 0].numpy() - RAMP).max() <= 1


def test_dicom_is_shown_in_its_own_window_after_rescaling(tmp_path):
    hounsfield = np.linspace(-1000, 1000, 64 * 64).reshape(64, 64)
    facts = {"RescaleSlope": 1, "RescaleIntercept": -1024, "WindowCenter": 40, "WindowWidth": 400}
    image = read_one(tmp_path, dicom(hounsfield + 1024, **facts)).images[0, 0].numpy()
    expected = 255 * ((hounsfield - 39.5) / 399 + 0.5).clip(0, 1)  # DICOM PS3.3 C.11.2.1.2
    assert np.abs(image - expected).max() <= 1.5


DICOM_REFUSED = {
    "fewer frames than named": ({"NumberOfFrames": 7}, "cannot be decoded"),
    "too many frames": ({"NumberOfFrames": 70_000}, "holds 70,000 images"),
    "bomb": ({"Rows": 60_000, "Columns": 60_000}, "60000 x 60000 pixels"),
    "palette": ({"PhotometricInterpretation": "PALETTE COLOR"}, "PALETTE COLOR"),
    "short": ({"PixelData": bytes(10)}, "cannot be decoded"),
    "deflated": ({"syntax": "1.2.840.10008.1.2.1.99"}, "deflated"),
}


@pytest.mark.parametrize("case", DICOM_REFUSED)
def test_dicom_that_is_not_one_image_is_set_aside(case, tmp_path):
    facts, reason = DICOM_REFUSED[case]
    assert reason in why_not(tmp_path, dicom(RAMP, **facts))


def test_without_pydicom_the_reason_says_what_to_install(tmp_path, monkeypatch):
    content = dicom(RAMP)
    monkeypatch.setitem(__import__("sys").modules, "pydicom", None)
    assert "pip install pydicom" in why_not(tmp_path, content)


WINDOWS = {
    "shown": (-160, 239, "window of the file"),  # DICOM PS3.3 C.11.2.1.2.1
    "-500..700": (-500, 700, "chosen window"),
    "5..95%": (-900, 900, "percentiles"),
    "full": (-1024, 64511, "full range"),
}


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("window", WINDOWS)
def test_the_window_is_the_wanted_one_at_both_depths(window, depth, tmp_path):
    low, high, name = WINDOWS[window]
    content = dicom(np.rint(HOUNSFIELD) + 1024, **CT)
    found = read_one(tmp_path, content, reading=Reading(depth, window))
    white = 2**depth - 1
    share = ((np.rint(HOUNSFIELD) - low) / (high - low)).clip(0, 1)
    assert np.abs(found.images[0, 0].numpy() - white * share).max() <= max(1, white / 999)
    assert found.facts["levels"][0].startswith(name)


def test_the_words_for_a_window_name_its_ends(tmp_path):
    found = read_one(tmp_path, dicom(HOUNSFIELD + 1024, **CT))
    assert found.facts["levels"][0] == "window of the file: -160 to 239"


def test_sixteen_bits_keep_what_eight_lose(tmp_path):
    levels = 30_000 + np.arange(64 * 64).reshape(64, 64)
    deep = read_one(tmp_path, dicom(levels), reading=Reading(16)).images
    assert deep.dtype == torch.uint16 and len(np.unique(deep.numpy())) == 64 * 64
    assert len(np.unique(read_one(tmp_path, dicom(levels)).images.numpy())) == 256


@pytest.mark.parametrize("kind", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black_and_has_no_say_in_the_stretch(kind, tmp_path):
    levels = RAMP * 4 + 1000
    levels = 3020 - levels if kind == "MONOCHROME1" else levels
    levels[:8], levels[8:12] = 0, 40
    facts = {"PixelPaddingValue": 0, "PixelPaddingRangeLimit": 40}
    found = read_one(tmp_path, dicom(levels, PhotometricInterpretation=kind, **facts))
    image = found.images[0, 0].numpy()
    assert (image[:12] == 0).all()
    inside = RAMP[12:]
    expected = 255 * (inside - inside.min()) / (inside.max() - inside.min())
    assert np.abs(image[12:] - expected).max() <= 1


def frames(count: int) -> np.ndarray:
    return np.stack([np.rint(RAMP * 4) + 40 * frame for frame in range(count)])


def test_frames_are_images_of_one_patient_in_one_window(tmp_path):
    stack = frames(4)
    stack[2] = 5  # blank
    found = read_one(tmp_path, dicom(stack, NumberOfFrames=4, PatientID="secret"))
    assert found.frames == (0, 1, 3) and found.positions == (0, 0, 0)
    (row,) = found.facts.itertuples()
    assert (row.frames, row.blank) == (3, 1) and row.patient and "secret" not in row.patient
    assert row.levels == "darkest to brightest pixel: 0 to 1140"
    expected = 255 * stack[[0, 1, 3]] / stack.max()
    assert np.abs(found.images[:, 0].numpy() - expected).max() <= 1


def test_frames_without_a_patient_have_one_nevertheless(tmp_path):
    patients = [
        read_one(tmp_path, dicom(frames(2) + shift, NumberOfFrames=2)).facts["patient"][0]
        for shift in (0, 0, 9)
    ]
    assert patients[0] == patients[1] != patients[2]


def test_frames_may_rescale_and_window_each_in_its_own_way(tmp_path):
    pydicom = pytest.importorskip("pydicom")

    def item(**facts):
        found = pydicom.Dataset()
        for name, value in facts.items():
            setattr(found, name, value)
        return found

    def window(centre):
        return item(FrameVOILUTSequence=[item(WindowCenter=centre, WindowWidth=1021)])

    rescaling = item(RescaleSlope=2, RescaleIntercept=-100, RescaleType="HU")
    groups = {
        "SharedFunctionalGroupsSequence": [item(PixelValueTransformationSequence=[rescaling])],
        "PerFrameFunctionalGroupsSequence": [window(410.5), window(510.5)],
    }
    stack = np.rint(np.stack([RAMP * 2, RAMP * 2]))
    found = read_one(tmp_path, dicom(stack, NumberOfFrames=2, **groups))
    for image, centre in zip(found.images[:, 0].numpy(), (410, 510), strict=True):
        expected = 255 * ((2 * stack[0] - 100 - centre) / 1020 + 0.5).clip(0, 1)
        assert np.abs(image - expected).max() <= 1


def test_a_file_says_what_it_is_by_its_mark():
    assert is_dicom(dicom(RAMP)) and not is_dicom(b"DICM" * 9)
    assert read_dataset(dicom(RAMP, PatientID="7")).PatientID == "7"
