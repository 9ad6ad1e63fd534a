"""Repainted regions of a small set: where they are, and that only they change."""

import pytest
import torch

from utils.course.real.experiments import tampering as module
from utils.course.real.experiments.tampering import (
    THEIRS,
    random_regions,
    repainted,
    tampering,
)
from utils.data.split import Split

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def small(monkeypatch):
    game = {"snapshots": (1,), "width": 4, "batch_size": 8}
    monkeypatch.setattr(module, "THEIRS", type(THEIRS)(**game))
    monkeypatch.setattr(module, "OURS", type(THEIRS)(**game, seed=1))
    monkeypatch.setattr(module, "JUDGED", 12)


def test_only_the_regions_change_and_painters_do_not_share_images(study):
    hands = repainted(study)
    changed = (hands.faked.images != hands.test.images).any(1)
    assert changed.any() and not (changed & ~hands.regions).any()
    owners = [set(part.patients.tolist()) for part in (hands.train, hands.known, hands.faked)]
    assert not owners[0] & owners[1] and not owners[1] & owners[2]


def test_regions_are_small_and_lie_anywhere_but_at_the_border():
    regions = random_regions(200, 48, 0)
    sizes = regions.float().mean((1, 2))
    assert float(sizes.min()) > 0.02 and float(sizes.max()) < 0.1
    assert not regions[:, :3].any() and not regions[:, :, -3:].any()
    assert float(regions.float().mean(0).max()) < 0.4  # no place is usual
    assert torch.equal(regions, random_regions(200, 48, 0))


def test_the_map_stands_beside_the_usual_place(study):
    found = tampering(study)
    score = {name: row["value"] for name, row in found["scores"].items()}
    assert {"map, IoU", "usual place, IoU", "false alarms"} <= set(score)
    gap = found["differences"]["map minus usual place"]["value"]
    assert gap == pytest.approx(score["map, pointing"] - score["usual place, pointing"])
    assert 0 < found["share of the image"] < 0.1


def test_a_painter_of_this_kind_is_located_where_grain_gives_it_away(study, monkeypatch):
    def smooth(study, train: Split, game) -> dict:
        return dict.fromkeys(range(train.classes), lambda images, regions, rng: images * 0 + 0.5)

    monkeypatch.setattr(module, "_painter", smooth)
    found = tampering(study)
    assert found["differences"]["map minus usual place"]["low"] > 0.15
