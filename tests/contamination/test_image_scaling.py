"""The image-scaling attack: true to the real resizers, least change, and what cannot be hidden."""

import pytest
import torch
from small import soft_pictures

from utils.contamination.hidden_images import save_lossless
from utils.contamination.image_scaling import Scaling
from utils.contamination.resizers import RESIZERS, Resizer
from utils.data.split import to_float
from utils.evaluation.image_similarity import psnr

SPARSE = [Resizer("opencv", kernel) for kernel in ("nearest", "bilinear", "bicubic", "lanczos")]
SKIPPING = pytest.mark.parametrize("resizer", SPARSE, ids=str)
EVERY = pytest.mark.parametrize("resizer", RESIZERS, ids=str)


@pytest.mark.parametrize("channels", [1, 3])
@EVERY
def test_the_saved_image_shrinks_to_the_target(resizer, channels, tmp_path):
    sources = soft_pictures(2, (160, 128), channels)
    targets = soft_pictures(2, 32, channels, seed=1)
    hidden = save_lossless(Scaling(resizer)(sources, targets), tmp_path)
    assert hidden.dtype == torch.uint8 and hidden.shape == sources.shape
    away = (resizer(hidden, (32, 32)).int() - targets.int()).abs()
    assert away.max() <= (2 if resizer.kernel == "lanczos" else 1)
    assert away.float().mean() < 0.8


@SKIPPING
def test_black_and_white_are_reached_and_not_left(resizer):
    sources = soft_pictures(2, 128, greys=(0, 255))
    targets = 255 * (soft_pictures(2, 16, seed=1) > 120).to(torch.uint8)
    hidden = Scaling(resizer)(sources, targets)
    away = (resizer(hidden, (16, 16)).int() - targets.int()).abs()
    assert away.max() <= (2 if resizer.kernel == "lanczos" else 1)


@pytest.mark.parametrize("ratio", [2, 3, 4, 8])
@SKIPPING
def test_only_what_the_resizer_looks_at_is_changed(resizer, ratio):
    sources, targets = soft_pictures(1, 16 * ratio), soft_pictures(1, 16, seed=1)
    changed = (Scaling(resizer)(sources, targets) != sources)[0, 0]
    looked_at = (resizer.matrix(16 * ratio, 16) != 0).any(0)
    assert changed.any() and not changed[~looked_at].any() and not changed[:, ~looked_at].any()


@pytest.mark.parametrize("greys", [(60, 190), (0, 255)], ids=["middle", "all"])
@pytest.mark.parametrize("resizer", [*SPARSE, Resizer("pillow", "bilinear")], ids=str)
def test_no_smaller_change_does_it(resizer, greys):
    """The optimum of the same convex program, by another solver."""
    cvxpy = pytest.importorskip("cvxpy")
    sources, targets = soft_pictures(1, (40, 32), greys=greys), soft_pictures(1, (10, 8), seed=2)
    attack = Scaling(resizer)
    down, across = (resizer.matrix(*pair).numpy() for pair in ((40, 10), (32, 8)))
    before, wanted = (side[0, 0].double().numpy() for side in (sources, targets))
    change = cvxpy.Variable(before.shape)
    off = down @ (before + change) @ across.T - wanted
    limits = [cvxpy.abs(off) <= attack.tolerance, before + change >= 0, before + change <= 255]
    cvxpy.Problem(cvxpy.Minimize(cvxpy.sum_squares(change)), limits).solve(solver="CLARABEL")
    least = torch.from_numpy(before + change.value).clamp(0, 255)[None, None]
    ours = attack(sources, targets)
    assert psnr(to_float(ours), to_float(sources)) > psnr(least / 255, to_float(sources)) - 0.3


def test_a_resizer_that_looks_at_every_pixel_cannot_be_deceived_unseen():
    sources, targets = soft_pictures(1, 160), soft_pictures(1, 32, seed=1)
    quality = {
        resizer: psnr(to_float(Scaling(resizer)(sources, targets)), to_float(sources))[0]
        for resizer in (Resizer("opencv", "nearest"), Resizer("opencv", "area"))
    }
    nearest, area = quality.values()
    assert nearest > area + 6


def test_nothing_is_hidden_in_a_smaller_image():
    with pytest.raises(ValueError, match="enlarged"):
        Scaling()(soft_pictures(1, 16), soft_pictures(1, 32))


@EVERY
def test_no_image_is_no_error(resizer):
    none = torch.empty(0, 1, 64, 64, dtype=torch.uint8)
    small = resizer(none, (8, 8))
    assert small.shape == (0, 1, 8, 8) and small.dtype == torch.uint8
    assert Scaling(resizer)(none, small).shape == none.shape
