"""The reference learns where there is time and something to learn, and is left out elsewhere."""

from dataclasses import replace

import pytest
import torch
from small import findings_split, small_split, weights_of

from utils.evaluation.findings.headline import headline_of
from utils.evaluation.inference import predict
from utils.evaluation.metrics import score_of
from utils.examine import reference
from utils.examine.reference import reference_network


@pytest.fixture(autouse=True)
def few_images(monkeypatch):
    monkeypatch.setattr(reference, "MIN_IMAGES", 60)


@pytest.mark.parametrize("make", [small_split, findings_split])
def test_it_knows_images_of_other_patients(make):
    network = reference_network(make(240, 32, seed=1), seconds=600)
    found = predict(network, make(120, 32, seed=2))
    assert score_of(found, headline_of(found)).low > 0.6


def test_without_time_or_images_there_is_none():
    assert reference_network(small_split(240, 32), seconds=1e-6) is None
    assert reference_network(small_split(48, 32), seconds=600) is None
    assert reference_network(small_split(240, 16), seconds=600) is None


def test_one_that_learns_nothing_is_left_out():
    known = small_split(240, 32)
    random = torch.randint(3, (240,), generator=torch.Generator().manual_seed(0))
    assert reference_network(replace(known, labels=random), seconds=600) is None


def test_a_stopped_examination_trains_the_same_again(tmp_path, monkeypatch):
    known = small_split(240, 32)
    first = reference_network(known, 600, keep=tmp_path)
    monkeypatch.setattr(reference, "_seconds_per_image", lambda *_: 1e9)  # busy now
    again = reference_network(known, 600, keep=tmp_path)
    assert torch.equal(weights_of(first), weights_of(again))
    assert reference_network(known, 600) is None
