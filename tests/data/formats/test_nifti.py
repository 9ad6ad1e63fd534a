"""NIfTI volumes become slices, as nibabel turns them, and unfit ones are set aside."""

import gzip
import sys

import nibabel
import numpy as np
import pytest
from file_samples import read_one, why_not

from utils.data.formats.nifti import is_nifti
from utils.data.formats.reading import Reading

RNG = np.random.default_rng(0)
VOXELS = RNG.integers(0, 2000, (12, 14, 16)).astype(np.int16)


def nifti(voxels, affine=None, kind=nibabel.Nifti1Image) -> bytes:
    affine = np.diag([1, 1, 1, 1]) if affine is None else affine
    return kind(voxels, affine).to_bytes()


def expected(voxels, axis: int, place: int) -> np.ndarray:
    """Right on the left, front or head at the top, from axes to right, front and head."""
    return np.take(voxels, place, axis)[::-1, ::-1].T


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("axis", "name"), [(0, "sagittal"), (1, "coronal"), (2, "axial")])
def test_slices_are_those_of_nibabel(kind, packed, axis, name, tmp_path):
    cube = RNG.integers(0, 2000, (12, 12, 12)).astype(np.int16)
    content = nifti(cube, kind=kind)
    content = gzip.compress(content) if packed else content
    found = read_one(tmp_path, content, 12, reading=Reading(axis=name), name="scan")
    assert found.frames == tuple(range(12)) and found.positions == (0,) * 12
    levels = (cube - cube.min()) / (cube.max() - cube.min())
    for place, image in enumerate(found.images[:, 0].numpy()):
        assert np.abs(image - 255 * expected(levels, axis, place)).max() <= 0.51


@pytest.mark.parametrize("codes", ["LPS", "RAS", "SRP", "PIR"])
def test_however_a_volume_lies_in_its_file_its_slices_are_the_same(codes, tmp_path):
    upright = nibabel.Nifti1Image(VOXELS, np.eye(4))
    ends = nibabel.orientations.axcodes2ornt(codes)
    turn = nibabel.orientations.ornt_transform(nibabel.io_orientation(np.eye(4)), ends)
    turned = upright.as_reoriented(turn)
    assert "".join(nibabel.aff2axcodes(turned.affine)) == codes
    first, second = (read_one(tmp_path, each.to_bytes(), 16) for each in (upright, turned))
    assert (first.images == second.images).all() and len(first.images) == 16


def test_a_volume_is_one_patient_in_one_window_and_its_blank_slices_are_counted(tmp_path):
    voxels = VOXELS.copy()
    voxels[..., :5] = 0
    (row,) = read_one(tmp_path, nifti(voxels)).facts.itertuples()
    assert (row.frames, row.blank, row.format, row.bits) == (11, 5, "NIfTI", 16)
    assert (row.width, row.height) == (12, 14) and row.patient
    assert row.levels == f"darkest to brightest pixel: 0 to {voxels.max()}"


def test_what_is_no_number_is_background(tmp_path):
    voxels = VOXELS.astype(np.float32) + 500
    voxels[:6] = np.nan
    found = read_one(tmp_path, nifti(voxels), 14, reading=Reading(axis="axial"))
    right = found.images[0, 0].numpy()[:, -6:]  # the left of the image shows the right
    assert (right == 0).all() and found.images.max() == 255
    low, high = np.nanmin(voxels), np.nanmax(voxels)
    assert found.facts["levels"][0].endswith(f"{low:g} to {high:g}")


def test_scaled_volumes_keep_their_units(tmp_path):
    image = nibabel.Nifti1Image(VOXELS, np.eye(4))
    image.header.set_slope_inter(2, -1000)
    found = read_one(tmp_path, image.to_bytes(), 16, reading=Reading(16, "0..1000"))
    (row,) = found.facts.itertuples()
    assert row.levels == "chosen window: 0 to 1000"
    full = read_one(tmp_path, image.to_bytes(), 16, reading=Reading(16, "full"))
    assert full.facts["levels"][0] == "full range: -66536 to 64534"


REFUSED = {
    "several volumes": (nifti(np.zeros((4, 4, 4, 3), np.int16)), "save the volume you mean"),
    "a plane": (nifti(np.zeros((4, 4), np.int16)), "of shape (4, 4)"),
    "complex": (nifti(np.zeros((4, 4, 4), np.complex64)), "of kind complex64"),
    "cut": (nifti(VOXELS)[:2000], "ends before its last voxel"),
    "packed and cut": (gzip.compress(nifti(VOXELS))[:2000], "ends within"),
    "blank": (nifti(np.zeros((4, 4, 4), np.int16)), "each of its 4 images"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_one_volume_is_set_aside(case, tmp_path):
    content, reason = REFUSED[case]
    assert reason in why_not(tmp_path, content)


def test_a_volume_that_unpacks_without_end_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr("utils.data.formats.nifti.UNPACKED_LIMIT", 4000)
    assert "unpacks to more" in why_not(tmp_path, gzip.compress(nifti(VOXELS)))


def test_without_nibabel_the_reason_says_what_to_install(tmp_path, monkeypatch):
    content = nifti(VOXELS)
    monkeypatch.setitem(sys.modules, "nibabel", None)
    assert "pip install nibabel" in why_not(tmp_path, content)


def test_other_packed_files_are_no_volumes():
    assert is_nifti(nifti(VOXELS)) and is_nifti(gzip.compress(nifti(VOXELS)))
    for content in (b"", gzip.compress(b"a letter"), b"\x1f\x8bbroken", bytes(400)):
        assert not is_nifti(content)
