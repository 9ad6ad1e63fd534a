"""The average brain: where its tissues lie, and what is said where its files are not."""

import nibabel
import numpy as np
import pytest
import torch

from utils.data.phantoms import template
from utils.data.phantoms.template import SHAPE, tissue_at

PLACES = {  # in millimetres right of, before and above the anterior commissure
    "white matter of the left frontal lobe": ((-26, 30, 14), "white"),
    "white matter of the right frontal lobe": ((26, 30, 14), "white"),
    "corpus callosum": ((0, 25, 4), "white"),
    "head of the caudate nucleus": ((12, 14, 6), "grey"),
    "putamen": ((-26, 4, 2), "grey"),
    "left lateral ventricle": ((-5, 8, 14), "fluid"),
    "rear horn of the right ventricle": ((19, -40, 12), "fluid"),
}


def at(place, spacing: float = 1.0) -> tuple[float, ...]:
    point = torch.tensor(place, dtype=torch.float32).view(3, 1, 1, 1)
    return tuple(share.item() for share in tissue_at(point, spacing))  # grey, white, inside


@pytest.mark.parametrize("name", PLACES)
def test_tissues_lie_where_anatomy_has_them(name):
    place, expected = PLACES[name]
    grey, white, inside = at(place)
    shares = {"grey": grey, "white": white, "fluid": 1 - grey - white}
    assert max(shares, key=shares.get) == expected and inside > 0.9


def test_nothing_lies_outside_the_brain():
    assert at((0, 85, 40)) == at((75, 0, 0)) == (0, 0, 0)


def test_a_voxel_is_read_at_its_centre():
    volume = template._tissues(1)[0]
    for x, y, z in ((60, 120, 80), (110, 90, 100), (98, 150, 85)):
        place = [voxel - zero for voxel, zero in zip((x, y, z), template.ORIGIN, strict=True)]
        assert at(place)[:2] == pytest.approx(volume[:, z, y, x].tolist(), abs=1e-3)


@pytest.mark.parametrize("spacing", [2.0, 3.0])
def test_a_coarser_map_is_the_mean_of_a_finer_one_at_the_same_place(spacing):
    lines = torch.meshgrid(*[torch.arange(-30.0, 30.0)] * 3, indexing="ij")
    points = torch.stack(lines)
    for fine, coarse in zip(tissue_at(points, 1), tissue_at(points, spacing), strict=True):
        assert fine.mean().item() == pytest.approx(coarse.mean().item(), abs=0.005)
        assert torch.corrcoef(torch.stack([fine.flatten(), coarse.flatten()]))[0, 1] > 0.9


def test_without_the_package_the_error_names_it(monkeypatch):
    monkeypatch.setattr(template, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="pip install nilearn"):
        template._read("gm")


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.setattr(template, "_folder", lambda: tmp_path)
    return tmp_path


def test_an_absent_file_and_one_of_another_shape_are_refused(elsewhere):
    with pytest.raises(FileNotFoundError, match="absent.*pip install nilearn"):
        template._read("wm")
    small = nibabel.Nifti1Image(np.zeros((4, 5, 6), dtype=np.uint8), np.eye(4))
    nibabel.save(small, elsewhere / "mni_icbm152_wm_tal_nlin_sym_09a_converted.nii.gz")
    with pytest.raises(ValueError, match=r"\(4, 5, 6\) voxels instead of \(197, 233, 189\)"):
        template._read("wm")


def test_shares_lie_between_zero_and_one():
    volume = template._tissues(1)
    assert volume.shape == (1, 2, *SHAPE[::-1])
    assert volume.min() == 0 and 0.9 < volume.max() <= 1 and volume.sum(1).max() <= 1.02
