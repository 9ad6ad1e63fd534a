"""Unusual noise, outliers and blank images."""

import torch
from folders import NONE_REFUSED, plain_facts

from utils.audit import CHECKS
from utils.audit.folder import ImageFolder
from utils.data.phantoms import draw


def test_copies_do_not_make_the_other_images_outliers():
    images = draw("brain_phantom", 48, 30).images[:60]
    images = torch.cat([images, images[:1].repeat(80, 1, 1, 1)])
    made = ImageFolder("x", plain_facts(140), images, NONE_REFUSED, ("a", "b"))
    assert CHECKS["Odd images"](made).severity == "ok"


def test_blank_and_distant_images_are_outliers_the_blank_ones_first():
    images = draw("brain_phantom", 48, 30).images[:60].clone()
    images[10], images[20] = 0, torch.randint(0, 256, (1, 48, 48)).byte()
    found = CHECKS["Odd images"](ImageFolder("x", plain_facts(60), images, NONE_REFUSED, ("a",)))
    assert found.severity == "warning" and found.flagged[:2] == (10, 20)
    assert found.captions[0] == "blank" and found.captions[1].endswith("times as far")


def test_noisy_images_are_flagged_the_noisiest_first():
    images = draw("brain_phantom", 48, 60).images[:100].int()
    generator = torch.Generator().manual_seed(0)
    for row, spread in ((7, 40), (42, 80)):
        images[row] += (spread * torch.randn(1, 48, 48, generator=generator)).int()
    folder = ImageFolder(
        "x", plain_facts(100), images.clamp(0, 255).byte(), NONE_REFUSED, ("a", "b")
    )
    found = CHECKS["Noise"](folder)
    assert found.flagged[:2] == (42, 7) and found.severity in ("note", "warning")


def test_an_empty_background_is_no_unusual_noise():
    images = draw("brain_phantom", 64, 80).images[:200]
    assert ((images == 0).flatten(1).float().mean(1) > 0.5).sum() > 5  # then their median is empty
    made = ImageFolder("x", plain_facts(200), images, NONE_REFUSED, ("a", "b"))
    assert CHECKS["Noise"](made).severity == "ok"


def test_few_images_are_skipped():
    folder = ImageFolder("x", plain_facts(9), torch.zeros(9, 1, 32, 32).byte(), NONE_REFUSED, ())
    assert CHECKS["Noise"](folder).severity == CHECKS["Odd images"](folder).severity == "skipped"
