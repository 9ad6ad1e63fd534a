"""Files become labelled images: classes, conflicts, patients recovered from pixels."""

import time
from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch
from file_samples import RAMP, dicom
from folders import chest_xray, noise_image, sizes
from PIL import Image

from utils.data.datasets import DATASETS
from utils.data.formats.export import save_split
from utils.data.formats.reading import Reading
from utils.data.loading import load, manifest
from utils.data.prepare import patient_groups


def test_unknown_classes_and_unreadable_sets_are_named(tmp_path):
    noise_image(chest_xray(tmp_path) / "chest_xray" / "train" / "COVID" / "1.png", 1)
    with pytest.raises(ValueError, match="unknown class 'covid'"):
        load("chest_xray", 16, root=tmp_path)
    for label in "ab":
        (tmp_path / "own" / label).mkdir(parents=True)
        (tmp_path / "own" / label / "1.jpg").write_text("no image")
    with pytest.raises(ValueError, match="none of 2 files could be read .*not an image"):
        load(f"folder:{tmp_path / 'own'}", 8)


def test_a_table_of_which_every_row_is_refused_says_why_in_few_words(tmp_path):
    long = "x" * 5000
    (tmp_path / "t.csv").write_text(f"path,label\n../a.png,a\n{long}.png,b\n")
    with pytest.raises(ValueError, match="none of 2 files could be read") as error:
        load(str(tmp_path / "t.csv"), 8)
    assert len(str(error.value)) < 1000


@pytest.mark.parametrize("rows", [["{}"], ["{}", "b"]], ids=["one class", "none can be read"])
def test_a_label_of_megabytes_is_not_repeated_in_the_message(rows, tmp_path):
    lines = [f"{n}.png,{label.format('x' * 3_000_000)}" for n, label in enumerate(rows)]
    (tmp_path / "t.csv").write_text("\n".join(["path,label", *lines]))
    noise_image(tmp_path / "1.png", 0)
    with pytest.raises(ValueError, match="class") as error:
        load(str(tmp_path / "t.csv"), 8)
    assert len(str(error.value)) < 1000


def test_broken_files_and_images_under_two_classes_are_set_aside_with_the_reason(cervix_splits):
    listed = {
        Path(file).name: reason for file, reason in manifest("cervical_cancer", 32)["quarantine"]
    }
    assert listed.pop("empty.jpg") == "empty file"
    assert listed.pop("cut.jpg").startswith("cannot be decoded")
    clash = "the same image appears under Type_2 and Type_3"
    assert listed == dict.fromkeys(["best_4.jpg", "4.jpg", "clash.jpg"], clash)


def slices(root, patients: int, synthetic: int, seed: int):
    """Patients of four similar pictures, black above and below; and some without a black edge."""
    rng = np.random.default_rng(seed)
    for number in range(patients + synthetic):
        coarse = rng.integers(60, 200, (6, 6)).astype(np.uint8)
        head = np.array(Image.fromarray(coarse).resize((48, 32), Image.Resampling.BICUBIC))
        for index in range(4 if number < patients else 1):
            image = np.zeros((48, 48), np.uint8)
            image[8:40] = np.clip(head + rng.normal(0, 4, head.shape), 0, 255)
            image[:4] = 0 if number < patients else 2
            root.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(root / f"{number:03d}_{index}.png")


@pytest.fixture
def lost_patients(tmp_path):
    """Real images in both official parts, as in the original; the last class has two patients."""
    for seed, name in enumerate(DATASETS["alzheimer_mri"].class_names):
        patients = 2 if name.startswith("Moderate") else 40
        slices(tmp_path / "alzheimer_mri" / "train" / name, patients, 30, seed)
        (tmp_path / "alzheimer_mri" / "test" / name).mkdir(parents=True)
        moved = tmp_path / "alzheimer_mri" / "train" / name / "000_0.png"
        moved.rename(tmp_path / "alzheimer_mri" / "test" / name / "000_0.png")
    return tmp_path


def test_lost_patients_are_recovered_and_synthetic_images_are_for_training_alone(lost_patients):
    splits = load("alzheimer_mri", 48, root=lost_patients)
    notes = manifest("alzheimer_mri", 48)
    assert notes["recovered"] == 122 and notes["recovered with 32 pictures"] == 0
    assert notes["synthetic"] == 120 and "pixels" in notes["patients"]
    made_up = DATASETS["alzheimer_mri"].synthetic
    assert not made_up(splits.test.images).any() and not made_up(splits.validation.images).any()
    assert int(made_up(splits.train.images).sum()) == 120 - notes["withheld"]
    patients = [set(split.groups.tolist()) for _, split in splits.items()]
    assert not patients[0] & patients[1] and not (patients[0] | patients[1]) & patients[2]
    # Two patients: one for testing, one for training.
    assert splits.test.counts[3] == 4 and splits.validation.counts[3] == 0
    assert made_up(splits.train.images[splits.train.labels == 3]).sum() < splits.train.counts[3]
    assert sum(sizes(splits)) == 122 * 4 + 120 - notes["withheld"]


@pytest.mark.parametrize("part", ["validation", "test"])
def test_a_synthetic_copy_of_a_held_out_patient_is_left_out(lost_patients, part):
    tested = getattr(load("alzheimer_mri", 48, root=lost_patients), part)
    before = manifest("alzheimer_mri", 48)["withheld"]
    copy = tested.images[tested.labels == 0][0, 0].clone()
    copy[:2] = 3
    folder = lost_patients / "alzheimer_mri" / "train" / "Non_Demented"
    Image.fromarray(copy.numpy()).save(folder / "copy.png")
    load("alzheimer_mri", 48, root=lost_patients)
    assert manifest("alzheimer_mri", 48)["withheld"] == before + 1


@pytest.fixture
def volumes(tmp_path):
    """Twenty volumes of eight slices, some alike within a volume, of two classes."""
    for number in range(20):
        rng = np.random.default_rng(number)
        voxels = rng.integers(0, 3000, (16, 16, 8)).astype(np.int16)
        voxels[..., 0] = 0
        path = tmp_path / "volumes" / "ab"[number % 2] / f"{number}.nii.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4)), path)
    return str(tmp_path / "volumes")


def test_a_volume_is_one_patient_and_stays_on_one_side(volumes):
    splits = load(volumes, 16)
    notes = manifest(volumes, 16)
    assert sum(sizes(splits)) == 20 * 7 and notes["blank images"] == 20
    assert notes["patients"].startswith("unknown; the images of one file are kept together")
    for attribute in ("files", "groups"):
        seen = [set(map(str, getattr(split, attribute))) for _, split in splits.items()]
        assert sum(map(len, seen)) == len(set.union(*seen)) == 20
    assert set(splits.train.frames.tolist()) == set(range(1, 8))


def test_depth_window_and_axis_are_kept_apart_and_noted(volumes):
    wanted = Reading(16, "0..1500", "coronal")
    splits, usual = load(volumes, 16, reading=wanted), load(volumes, 16)
    assert splits.train.depth == 16 and usual.train.depth == 8
    assert sum(sizes(splits)) == 20 * 16
    notes = manifest(volumes, 16, reading=wanted)
    assert notes["reading"] == {"depth": 16, "window": "0..1500", "axis": "coronal"}
    assert notes["grey levels"] == {"chosen window": 20}
    assert manifest(volumes, 16)["grey levels"] == {"darkest to brightest pixel": 20}
    again = load(volumes, 16, reading=wanted).train
    assert torch.equal(again.images, splits.train.images)
    assert torch.equal(again.frames, splits.train.frames)


@pytest.mark.parametrize(
    ("named", "noted"),
    [
        (lambda number: f"{number // 4:04d}", "given by the headers of the files"),
        (lambda number: "ANONYMOUS", "unknown"),
        (lambda number: f"{number // 4:04d}" if number else "", "unknown"),
    ],
)
def test_patients_of_dicom_headers_stay_together_where_they_tell_patients_apart(
    named, noted, tmp_path
):
    for number in range(48):
        path = tmp_path / "scans" / "ab"[number // 4 % 2] / f"IM{number:04d}"
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(number).integers(0, 3000, (64, 64))
        path.write_bytes(dicom(noise, PatientID=named(number)))
    splits = load(str(tmp_path / "scans"), 16)
    assert manifest(str(tmp_path / "scans"), 16)["patients"].startswith(noted)
    patients = [
        {named(int(Path(file).name[2:])) for file in split.files} for _, split in splits.items()
    ]
    apart = sum(map(len, patients)) == len(set.union(*patients))
    assert apart == (noted != "unknown")


@pytest.mark.parametrize("kind", ["png", "dicom"])
def test_what_is_written_can_be_loaded_again(kind, tmp_path):
    for number in range(20):
        path = tmp_path / "scans" / "ab"[number % 2] / f"IM{number:04d}"
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(number).integers(0, 500, (64, 64))
        path.write_bytes(dicom(RAMP * 4 + noise))
    reading = Reading(16)
    whole = load(str(tmp_path / "scans"), 32, reading=reading).all_images
    save_split(whole, tmp_path / "out", kind, reading)
    again = Reading(16, "full") if kind == "png" else reading
    found = load(str(tmp_path / "out"), 32, reading=again).all_images
    rows = [int(Path(file).stem) for file in found.files]
    assert torch.equal(found.images, whole.images[rows])
    assert torch.equal(found.labels, whole.labels[rows])


@pytest.mark.parametrize("patients", [None, "each its own", "all one"])
def test_a_picture_named_a_thousand_times_is_compared_once(patients):
    pictures = torch.randint(0, 256, (6, 1, 32, 32), generator=torch.Generator().manual_seed(0))
    images = pictures.to(torch.uint8).repeat(2000, 1, 1, 1)
    names = {"each its own": [f"{n:05d}" for n in range(12_000)], "all one": ["p"] * 12_000}
    started = time.process_time()
    groups = patient_groups(images, names.get(patients))
    assert time.process_time() - started < 5
    expected = torch.zeros(6) if patients == "all one" else torch.arange(6)
    assert torch.equal(groups, expected.long().repeat(2000))


def test_images_of_one_file_are_one_patient_even_against_a_table():
    images = torch.randint(0, 256, (4, 1, 32, 32), generator=torch.Generator().manual_seed(0))
    images = images.to(torch.uint8)
    files = ["x", "x", "y", "z"]
    assert patient_groups(images, None, files).tolist() == [0, 0, 1, 2]
    assert patient_groups(images, ["p", "q", "q", "r"], files).tolist() == [0, 0, 0, 1]
