"""Unusual noise and outliers."""

import numpy as np
import torch
from folders import NONE_REFUSED, plain_facts

from utils.audit import CHECKS
from utils.audit.checks.images import outlier_distances
from utils.audit.folder import ImageFolder
from utils.data.phantoms import draw


def test_copies_do_not_make_the_other_images_outliers():
    images = draw("brain_phantom", 48, 30).images[:60]
    images = torch.cat([images, images[:1].repeat(80, 1, 1, 1)])
    made = ImageFolder("x", plain_facts(140), images, NONE_REFUSED, ("a", "b"))
    assert CHECKS["Odd images"](made).severity == "ok"


def test_a_distant_image_is_an_outlier():
    images = draw("brain_phantom", 48, 30).images[:60].clone()
    images[20] = torch.randint(0, 256, (1, 48, 48)).byte()
    found = CHECKS["Odd images"](ImageFolder("x", plain_facts(60), images, NONE_REFUSED, ("a",)))
    assert found.severity == "warning" and found.flagged == (20,)
    assert found.captions[0].endswith("times as far")
    assert found.scores["distance from neighbours"].idxmax() == 20


def test_unequal_distances_raise_the_limit():
    """A twentieth of ordinary images twice as far away as the others is the usual spread here."""
    folder = ImageFolder("x", plain_facts(200), torch.zeros(200, 1, 32, 32).byte(),
                         NONE_REFUSED, ("a", "b"))  # fmt: skip
    far = 10 * np.exp(np.random.default_rng(0).normal(0, 0.5, 200))
    folder.__dict__["neighbour_distances"] = far
    distances, limit = outlier_distances(folder)
    assert (distances > 2).mean() > 0.05 and limit > 3 and (distances > limit).mean() <= 0.01


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
