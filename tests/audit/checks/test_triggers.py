"""Small patterns at the same place in one class."""

import pytest
import torch
from folders import NONE_REFUSED, plain_facts

from utils.audit import CHECKS
from utils.audit.folder import ImageFolder
from utils.data.phantoms import draw


def check_patches(images, named=True):
    facts, images = plain_facts(len(images)), images.clamp(0, 255).byte()
    facts["patient"] = [f"p{number}" if named else "" for number in range(len(images))]
    return CHECKS["Marks and triggers"](ImageFolder("x", facts, images, NONE_REFUSED, ("a", "b")))


def unrelated_images():
    generator = torch.Generator().manual_seed(0)
    return 150 + 20 * torch.randn(400, 1, 64, 64, generator=generator).cumsum(-1).clamp(-3, 3)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("place", [(0, 0), (15, 41), (24, 56), (58, 58)])
def test_a_small_pattern_in_one_class_is_found(place, sign):
    images, grid = unrelated_images(), torch.arange(6)
    checkers = 128 + 100 * sign * (-1.0) ** (grid[:, None] + grid)
    images[:100:2, :, place[0] : place[0] + 6, place[1] : place[1] + 6] = checkers
    found = check_patches(images)
    assert found.severity == "alarm" and sorted(found.flagged) == list(range(0, 100, 2))
    unnamed = check_patches(images, named=False)
    assert unnamed.severity == "note" and unnamed.flagged == found.flagged
    assert "without a p-value" in unnamed.measured


@pytest.mark.parametrize("width", [6, 12])
def test_a_blurred_edge_of_the_body_is_no_pattern(width):
    images = unrelated_images()
    images[:100:2, ..., :width] = torch.linspace(0, 150, width)
    assert check_patches(images).severity == "ok"


def test_a_pattern_shared_by_images_of_one_patient_is_none(cache):
    """The same head ten times, all in one class: it is one patient, and no trigger."""
    heads = draw("brain_phantom", 48, 60).images[::3]
    many = heads[:1].repeat(10, 1, 1, 1).int() + torch.randint(-2, 3, (10, 1, 48, 48))
    images = torch.cat([heads, many.clamp(0, 255).byte()])
    facts = plain_facts(len(images))
    facts.loc[len(heads) :, "label"] = "a"
    made = ImageFolder("x", facts, images, NONE_REFUSED, ("a", "b"))
    assert CHECKS["Marks and triggers"](made).severity == "ok"
