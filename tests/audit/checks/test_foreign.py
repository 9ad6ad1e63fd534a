"""Pictures of another kind: groups of them are far from the body of the folder."""

import numpy as np
import pytest
import torch
from drawn import first_patients
from folders import NONE_REFUSED, plain_facts

from utils.audit import CHECKS
from utils.audit.folder import ImageFolder

STRANGE = range(0, 300, 20)  # 15 of 300


def mixed(planted):
    images = first_patients("brain_phantom", 120).images[:300].clone()
    if planted == "X-rays":
        images[list(STRANGE)] = first_patients("chest_phantom", 40).images[: len(STRANGE)]
    elif planted == "masks":
        some = images[list(STRANGE)]
        middle = some.float().flatten(1).mean(1)[:, None, None, None]
        images[list(STRANGE)] = torch.where(some > middle, 255, 0).byte()
    elif planted == "negatives":
        images[list(STRANGE)] = 255 - images[list(STRANGE)]
    return ImageFolder("x", plain_facts(300), images, NONE_REFUSED, ("a", "b"))


@pytest.mark.parametrize("planted", ["X-rays", "masks", "negatives"])
def test_a_group_of_another_kind_is_found(planted):
    found = CHECKS["Other kinds of images"](mixed(planted))
    assert found.severity == "warning" and set(STRANGE) <= set(found.flagged)
    assert len(set(found.flagged) - set(STRANGE)) <= 3
    assert (found.captions[0] == "mask") == (planted == "masks")


def test_a_folder_of_one_kind_has_none():
    found = CHECKS["Other kinds of images"](mixed(""))
    assert len(found.flagged) <= 3 and found.severity in ("ok", "note")


def test_a_class_of_its_own_kind_is_not_foreign():
    brains, chests = (first_patients(f"{part}_phantom", 90) for part in ("brain", "chest"))
    images = torch.cat([brains.images[:200], chests.images[:15]])
    facts = plain_facts(215).assign(label=np.repeat(["a", "b"], [200, 15]))
    made = ImageFolder("x", facts, images, NONE_REFUSED, ("a", "b"))
    assert not set(CHECKS["Other kinds of images"](made).flagged) & set(range(200, 215))


def test_a_folder_of_masks_is_one_of_masks():
    images = 255 * (torch.rand(60, 1, 32, 32) > 0.5).byte()
    made = ImageFolder("x", plain_facts(60), images, NONE_REFUSED, ("a", "b"))
    assert not CHECKS["Other kinds of images"](made).scores["is mask"].any()
