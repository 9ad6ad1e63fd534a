"""Drawn images are drawn alike each time; validation and test patients can be drawn apart."""

import numpy as np
import pytest
import torch.nn.functional as F

from utils.data.phantoms import PHANTOMS, draw
from utils.data.phantoms.source import DrawnImages


def test_patients_drawn_apart_are_no_patients_of_the_training(few_patients):
    alone, gathered = (DrawnImages("brain_phantom", count).read(32) for count in (0, 20))
    parts, groups = gathered.parts, gathered.split.patients
    assert set(alone.parts) == {""} and set(parts) == {"", "validation", "test"}
    members = [set(groups[parts == part].tolist()) for part in ("", "validation", "test")]
    assert sum(map(len, members)) == len(set().union(*members)) == len(np.unique(groups))
    assert len(members[2]) == (parts == "test").sum() == 20
    assert (gathered.split.images[parts == ""] == alone.split.images).all()


def test_the_signature_is_that_of_the_code_that_draws():
    assert DrawnImages("brain_phantom").signature() == DrawnImages("chest_phantom").signature()


BLOCKS = {  # mean brightness of each 8 x 8 pixels of one image
    "brain_phantom": (0, 31, 43, 0, 0, 126, 117, 25, 0, 105, 127, 45, 0, 34, 78, 3),
    "chest_phantom": (54, 101, 131, 47, 47, 68, 111, 62, 39, 101, 146, 44, 74, 174, 185, 92),
    "cervix_phantom": (55, 67, 79, 56, 64, 117, 116, 76, 58, 99, 99, 64, 48, 66, 71, 59),
    "findings_phantom": (47, 117, 85, 25, 63, 112, 92, 59, 59, 132, 140, 61, 89, 172, 168, 67),
    "chest_findings_phantom": (
        *(96, 171, 154, 77, 68, 153, 127, 68, 87, 179, 184, 62, 157, 221, 209, 102),
    ),
}


@pytest.mark.parametrize("name", PHANTOMS)
def test_a_seed_draws_the_images_that_it_always_drew(name):
    image = draw(name, 32, 33, seed=5).images[8:9].float().mean(1, keepdim=True)
    blocks = F.avg_pool2d(image, 8).flatten().tolist()
    assert blocks == pytest.approx(BLOCKS[name], abs=0.6)
