"""Noise has the size and the shape that it says, at five growing severities."""

import cv2
import numpy as np
import pytest
import torch
from noises import NOISES
from scipy import ndimage, stats
from torchvision.transforms.functional import gaussian_blur

from utils.contamination.corruptions.planted_noise import (
    Blur,
    Gaussian,
    Jpeg,
    MagnitudeNoise,
    Motion,
    Poisson,
    SaltAndPepper,
    UnevenCoil,
    motion_blur,
)
from utils.data.phantoms import draw
from utils.data.split import Split, to_float, to_uint8

PICTURES = {
    "grey": draw("chest_phantom", 48, 9),
    "colour": draw("cervix_phantom", 48, 9),
}
SEVERITIES = range(1, 6)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def flat(level: float, count: int = 4, edge: int = 100) -> torch.Tensor:
    return torch.full((count, 1, edge, edge), level)


def distance(first: torch.Tensor, second: torch.Tensor) -> float:
    return (first.float() - second.float()).pow(2).mean().sqrt().item()


@pytest.mark.parametrize("picture", PICTURES)
@pytest.mark.parametrize("family", NOISES)
def test_each_severity_is_worse_than_the_one_before(family, picture):
    split = PICTURES[picture]
    damage = [distance(family(k, rate=1.0)(split).images, split.images) for k in SEVERITIES]
    assert all(worse > 1.1 * better for better, worse in zip(damage, damage[1:], strict=False))
    assert damage[0] > 0.5 and damage[-1] < 80  # grey levels: to be seen, and the image, too


@pytest.mark.parametrize("family", NOISES)
def test_images_of_one_batch_and_of_several_are_treated_alike(family, monkeypatch):
    split, noise = PICTURES["grey"], family(3, rate=1.0)
    together = noise(split).images
    monkeypatch.setattr("utils.contamination.corruptions.planted_noise.IMAGES_PER_BATCH", 4)
    apart = noise(split).images
    expected = distance(together, split.images)
    assert distance(apart, split.images) == pytest.approx(expected, rel=0.15)


@pytest.mark.parametrize("severity", [0, 6, 2.5])
def test_there_are_five_severities(severity):
    with pytest.raises(ValueError, match=f"1, 2, 3, 4 or 5; got {severity}"):
        Gaussian(severity)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_gaussian_noise_is_normal_with_its_spread(severity):
    noise = Gaussian(severity)
    drawn = (noise.noisy(flat(0.5), generator()) - 0.5).flatten().numpy() / noise.level
    assert stats.kstest(drawn, "norm").pvalue > 0.01


@pytest.mark.parametrize("brightness", [0.0, 0.1, 0.7])
def test_rician_noise_is_that_of_scipy(brightness):
    noise = MagnitudeNoise(4)
    drawn = noise.noisy(flat(brightness), generator()).flatten().numpy()
    rice = stats.rice(brightness / noise.level, scale=noise.level)
    assert stats.kstest(drawn, rice.cdf).pvalue > 0.01


@pytest.mark.parametrize("brightness", [0.1, 0.5, 1.0])
def test_photons_are_counted(brightness):
    noise = Poisson(3)
    photons = noise.noisy(flat(brightness), generator()) * noise.level
    assert torch.allclose(photons, photons.round(), atol=1e-3)
    expected = brightness * noise.level
    assert photons.mean().item() == pytest.approx(expected, rel=0.01)
    assert photons.var().item() == pytest.approx(expected, rel=0.04)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_salt_and_pepper_take_equal_shares_in_all_channels_at_once(severity):
    noise = SaltAndPepper(severity)
    shown = noise.noisy(flat(0.5).expand(-1, 3, -1, -1), generator())
    salt, pepper = (shown == 1).float().mean().item(), (shown == 0).float().mean().item()
    assert salt == pytest.approx(noise.level / 2, rel=0.15)
    assert pepper == pytest.approx(noise.level / 2, rel=0.15)
    assert torch.equal(shown[:, 0], shown[:, 1]) and set(shown.unique().tolist()) == {0, 0.5, 1}


@pytest.mark.parametrize("severity", SEVERITIES)
def test_blur_is_that_of_torchvision(severity):
    pixels, noise = to_float(PICTURES["colour"].images), Blur(severity)
    spread = noise.level * 48
    reference = gaussian_blur(pixels, 2 * int(5 * spread + 1) + 1, spread)
    ours = noise.noisy(pixels, generator())
    inside = (..., slice(12, -12), slice(12, -12))  # they fold the margin in another way
    assert torch.allclose(ours[inside], reference[inside], atol=2e-3)


@pytest.mark.parametrize("picture", PICTURES)
@pytest.mark.parametrize("severity", SEVERITIES)
def test_jpeg_is_what_opencv_saves(severity, picture):
    noise = Jpeg(severity, rate=1.0)
    quality = [cv2.IMWRITE_JPEG_QUALITY, noise.level]
    for image, ours in zip(PICTURES[picture].images, noise(PICTURES[picture]).images, strict=True):
        shown = np.ascontiguousarray(image.permute(1, 2, 0).numpy()[..., ::-1])  # blue first
        _, file = cv2.imencode(".jpg", shown, quality)
        read = np.atleast_3d(cv2.imdecode(file, cv2.IMREAD_UNCHANGED))[..., ::-1]
        assert np.abs(read.astype(int) - ours.permute(1, 2, 0).numpy()).mean() < 0.5


@pytest.mark.parametrize("severity", SEVERITIES)
def test_a_bias_field_is_one_smooth_gain_of_the_size_it_says(severity):
    noise, grey = UnevenCoil(severity), flat(0.4, edge=64)
    gain = noise.noisy(grey, generator()) / 0.4
    assert gain.log().abs().amax((1, 2, 3)).tolist() == pytest.approx([noise.level] * 4, rel=1e-4)
    assert gain.log().mean((1, 2, 3)).abs().max() < 1e-5  # neither darker nor brighter as a whole
    assert gain.diff(dim=2).abs().max() < 0.15 * noise.level * gain.max()
    assert not torch.allclose(gain[0], gain[1])
    cubic = gain.log().diff(n=4, dim=3)  # the fourth differences of a cubic vanish
    assert cubic.abs().max() < 1e-4


@pytest.mark.parametrize("quarter", [0, 1])
def test_motion_along_an_axis_is_that_of_scipy(quarter):
    """The mean of copies shifted by fractions of a pixel, to both sides."""
    pixels = to_float(PICTURES["grey"].images[:3])
    ours = motion_blur(pixels, torch.full((3,), quarter * torch.pi / 2), 0.1)
    way = [(0, 0, 0, -s) if quarter == 0 else (0, 0, -s, 0) for s in np.linspace(-2.4, 2.4, 11)]
    copies = [ndimage.shift(pixels.numpy(), s, order=1, mode="nearest") for s in way]
    assert np.allclose(ours.numpy(), np.mean(copies, 0), atol=1e-5)


def test_motion_has_a_direction_of_its_own_for_each_image():
    split = PICTURES["grey"]
    twice = Split(split.images[:1].repeat(8, 1, 1, 1), torch.zeros(8).long(), ("a", "b"))
    after = Motion(4, rate=1.0)(twice).images
    assert len(after.flatten(1).unique(dim=0)) == 8


@pytest.mark.parametrize("family", [Blur, Motion])
def test_an_even_surface_stays_as_it_is(family):
    even = Split(to_uint8(flat(0.4, edge=40)), torch.zeros(4).long(), ("a", "b"))
    assert distance(family(5, rate=1.0)(even).images, even.images) <= 1


@pytest.mark.parametrize("family", [Blur, Motion, UnevenCoil])
def test_a_severity_means_the_same_at_every_size(family):
    """Spoiled large and then made small is nearly made small and then spoiled."""
    large = to_float(draw("chest_phantom", 192, 9).images[::4])
    small = torch.nn.functional.interpolate(large, scale_factor=0.25, mode="area")
    noise = family(4)
    first = torch.nn.functional.interpolate(
        noise.noisy(large, generator()), scale_factor=0.25, mode="area"
    )
    second = noise.noisy(small, generator())
    assert distance(first, second) < 0.2 * distance(small, second)
