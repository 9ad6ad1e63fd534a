"""The attacked resizer sees the hidden image, one that averages does not."""

import pytest
import torch
from figure_samples import check_drawn, words
from small import soft_pictures, split_of

from utils.course.playground.image_scaling import SHOWN, ImageScaling


@pytest.fixture(scope="module")
def scaling():
    return ImageScaling.of(split_of(soft_pictures(4, 120, greys=(20, 230))))


def test_hides_an_image_of_another_class(scaling):
    assert not torch.equal(scaling.source, scaling.other)


@pytest.mark.parametrize("ratio", [2, 5, 8])
@pytest.mark.parametrize("resizer", SHOWN)
def test_the_attacked_resizer_sees_the_hidden_image(scaling, resizer, ratio):
    attacked, wanted = scaling.attack(resizer, ratio)
    assert attacked.shape == scaling.source.shape and wanted.shape[-1] == 120 // ratio
    assert scaling.seen(attacked, ratio)[resizer][1]


@pytest.mark.parametrize("resizer", ["OpenCV nearest", "OpenCV bilinear"])
def test_resizers_that_average_see_the_image_itself(scaling, resizer):
    seen = scaling.seen(scaling.attack(resizer, 6)[0], 6)
    assert not seen["OpenCV area"][1] and not seen["Pillow bilinear"][1]


def test_without_an_attack_all_see_the_image_itself(scaling):
    assert not any(fooled for _, fooled in scaling.seen(scaling.source, 4).values())


@pytest.mark.parametrize("ratio", [2, 8])
def test_the_picture_follows_the_ratio(scaling, ratio):
    figure = scaling.figure("OpenCV nearest", ratio)
    check_drawn(figure)
    assert f"hidden: {120 // ratio} × {120 // ratio} pixels" in words(figure)
