"""The minutes hold for a slow model; what did not fit is named; a quick model sees all images."""

import pytest
import torch
from small import small_split, trained_network
from torch import nn

from utils.examine import budget, examine
from utils.examine.adapter import Expects, adapt
from utils.examine.budget import Budget, NotWithinMinutes, OutOfMinutes, seconds_per_image

MINUTES, SLOW = 1.0, 0.1  # seconds of each image


class Slow(nn.Module):
    """Takes so long for each image, on a clock of its own."""

    def __init__(self, seconds: float, monkeypatch):
        super().__init__()
        self.network, self.seconds, self.clock = trained_network().eval(), seconds, [0.0]
        monkeypatch.setattr(budget, "now", lambda: self.clock[0])
        monkeypatch.setattr("utils.examine.examination.now", lambda: self.clock[0])

    def forward(self, images):
        self.clock[0] += self.seconds * len(images)
        return self.network(images)


def test_a_slow_model_is_examined_within_the_minutes(monkeypatch):
    model = Slow(SLOW, monkeypatch)
    report = examine(model, small_split(600, seed=7), minutes=MINUTES)
    assert model.clock[0] < 1.3 * 60 * MINUTES
    assert report.minutes == pytest.approx(model.clock[0] / 60)
    clean = report["How good is it?"]
    assert "120 of 600 images" in clean.measured and len(report.images) == 120
    left_out = {s.title: s for s in report.sections if s.severity == "skipped"}
    assert "What can an attacker do?" in left_out
    assert all("--minutes" in s.advice or "--train" in s.advice for s in left_out.values())


def test_a_quick_model_sees_all_images(monkeypatch):
    model = Slow(1e-6, monkeypatch)
    asked = ["How good is it?", "Does the border decide?"]
    report = examine(model, small_split(330, seed=7), minutes=MINUTES, questions=asked)
    assert not any(section.shortened for section in report.sections)
    assert len(report.images) == 330 and report.subject.budget.images(300, 61, 0.3) == 300


def test_images_fit_their_share_and_the_time_that_is_left(monkeypatch):
    monkeypatch.setattr(budget, "now", lambda: 40.0)
    found = Budget(100, 0.0, per_image=0.5)
    assert found.images(500, 2, 0.1) == 10
    assert found.images(500, 1, 0.9) == 120  # 60 seconds are left
    assert found.images(500, 1, 0.001, floor=7) == 7
    with pytest.raises(NotWithinMinutes, match="20 images") as refused:
        found.images(500, 2, 0.1, least=20)
    assert refused.value.minutes == 4  # 20 seconds in a tenth of them
    assert Budget().images(500, 1e9, 0.001) == 500


def test_a_question_stops_before_the_pass_that_would_end_too_late(images, network, monkeypatch):
    monkeypatch.setattr(budget, "now", lambda: 100.0)
    model = adapt(network, images, Expects()).within(Budget(100, 0.0, per_image=1.0))
    model(torch.rand(10, 1, 16, 16))
    for other in (model, model.expecting(Expects(255.0))):
        with pytest.raises(OutOfMinutes):
            other(torch.rand(11, 1, 16, 16))


def test_the_time_of_an_image_is_measured(monkeypatch):
    for seconds in (0.001, 0.1):
        model = Slow(seconds, monkeypatch)
        assert seconds_per_image(model, small_split(90)) == pytest.approx(seconds)
