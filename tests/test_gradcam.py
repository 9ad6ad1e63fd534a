"""Heat maps see a planted cue, leave no trace, and their scores are the closed forms."""

import numpy as np
import pytest
import torch

from utils.backbones import build
from utils.gradcam import centre_shift, heat_maps, mass_inside


def square(row: int, column: int, side: int = 32) -> np.ndarray:
    image = np.zeros((1, side, side))
    image[:, row : row + 8, column : column + 8] = 1
    return image


def test_mass_inside_is_the_share_of_the_heat():
    heat = square(0, 0) + 3 * square(16, 16)
    assert mass_inside(heat, square(16, 16)) == pytest.approx([0.75])
    assert mass_inside(np.ones((1, 32, 32)), square(4, 4)) == pytest.approx([64 / 1024])


def test_the_shift_is_the_distance_of_the_centres():
    shift = centre_shift(square(0, 0), square(12, 16))
    assert shift == pytest.approx([20 / 31])
    assert centre_shift(square(3, 5), square(3, 5)) == pytest.approx([0])


def test_a_map_without_heat_has_no_score():
    empty = np.zeros((1, 32, 32))
    assert np.isnan(mass_inside(empty, square(0, 0)))
    assert np.isnan(mass_inside(square(0, 0), empty))
    assert np.isnan(centre_shift(empty, square(0, 0)))


@pytest.mark.parametrize("size", [64, 224])
def test_maps_have_the_size_of_the_image_and_leave_no_trace(size):
    model = build("resnet18", 3).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    images = torch.rand(3, 1, size, size)
    maps = heat_maps(model, images, torch.tensor([0, 1, 2]))
    assert maps.shape == (3, size, size) and maps.min() >= 0 and maps.max() <= 1
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(weight.grad is None for weight in model.parameters()) and model.training
    assert not any(part._forward_hooks for part in model.modules())


def test_the_map_follows_the_cue():
    """A network whose answer is the brightness of its feature map must look at the bright spot."""
    model = build("resnet18", 2, seed=0).eval()
    dark = torch.full((1, 1, 224, 224), 0.0)
    places = [(30, 30), (30, 150), (150, 30), (150, 150)]
    centres = []
    for row, column in places:
        image = dark.clone()
        image[..., row : row + 40, column : column + 40] = torch.rand(40, 40)
        change = (model.features(image) - model.features(dark))[0].detach()
        model.head.weight.data = torch.stack([-change, change])
        heat = heat_maps(model, image, torch.tensor([1]))[0]
        centres.append(np.unravel_index(heat.argmax(), heat.shape))
    for (row, column), centre in zip(places, centres, strict=True):
        assert np.hypot(centre[0] - row - 20, centre[1] - column - 20) < 60
