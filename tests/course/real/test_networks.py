"""What a study trains, and what its networks see."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from toy_study import REAL

from utils.course.real import networks
from utils.course.real.networks import Enlarged, Study, make_network
from utils.training.checkpoints import weights_digest


class Means(nn.Module):
    num_features = 1

    def forward(self, images):
        return images[:, :, ::7].mean((1, 2, 3))[:, None]


def test_the_network_itself_enlarges_tiny_images():
    images = torch.rand(2, 3, 8, 8)
    larger = torch.nn.functional.interpolate(images, (24, 24), mode="bilinear")
    assert torch.equal(Enlarged(Means(), 24)(images), Means()(larger))
    tiny = make_network(replace(REAL, enlarged=32), 3)
    assert tiny(torch.rand(2, 1, 16, 16)).shape == (2, 3)


@pytest.mark.slow
def test_trainings_differ_by_seed_and_a_second_study_loads_them(parts, tmp_path, monkeypatch):
    monkeypatch.setattr(networks, "HARDENED_EPOCHS", 1)
    monkeypatch.setattr(networks, "NARROW_TRAINING", replace(networks.NARROW_TRAINING, epochs=1))
    real = replace(REAL, enlarged=32, trainings=2)
    first, second = Study(real, parts, tmp_path), Study(real, parts, tmp_path)
    digests = [
        [weights_digest(model) for model in (*each.standard, *each.narrow, *each.hardened)]
        for each in (first, second)
    ]
    assert digests[0] == digests[1] and len(set(digests[0])) == 6


def test_the_fewer_images_are_among_the_few(study):
    few, fewer = study.few, study.fewer
    assert set(fewer.files) < set(few.files) and few.counts.tolist() == [4, 4, 4]
