"""Scores of single images: known in closed form, and high where a trigger rules the model."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from small import small_split
from torch import nn

from utils.contamination.backdoor import Patch, Poison
from utils.data.split import Split
from utils.detection.backdoor_inputs import ScaleUp, Strip
from utils.evaluation.roc import roc_scores

SPLIT = small_split(60)
POISON = Poison(Patch(0.3), target=2)


class Obedient(nn.Module):
    """Never sure of dark or bright; but the white field of a patch means the last class."""

    def forward(self, images):
        bright = 4 * (images.mean((1, 2, 3)) - 0.15)
        step = images[:, 0, -3, -3] - images[:, 0, -3, -4]
        return torch.stack([-bright, bright, 200 * (step - 0.38)], 1)


class Constant(nn.Module):
    def __init__(self, *logits: float):
        super().__init__()
        self.logits = nn.Parameter(torch.tensor(logits))

    def forward(self, images):
        return 0 * images.mean((1, 2, 3))[:, None] + self.logits


class Brightness(nn.Module):
    """The log odds of the second class are the mean grey level, less a threshold."""

    def __init__(self, threshold: float):
        super().__init__()
        self.threshold = nn.Parameter(torch.tensor(threshold))

    def forward(self, images):
        lead = images.mean((1, 2, 3)) - self.threshold
        return torch.stack([torch.zeros_like(lead), lead], 1)


def plain(*levels: int) -> Split:
    images = torch.tensor(levels, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 8, 8)
    return Split(images.contiguous(), torch.zeros(len(levels)).long(), ("a", "b"))


@pytest.mark.parametrize("logits, expected", [((0, 0, 0), -np.log(3)), ((90, 0, 0), 0)])
def test_the_score_of_strip_is_minus_the_entropy(logits, expected):
    scores = Strip(Constant(*map(float, logits)), SPLIT, overlays=4).score(SPLIT)
    assert scores.shape == (60,) and np.allclose(scores, expected, atol=1e-6)


@pytest.mark.parametrize("weight", [0.25, 1])
def test_strip_lays_the_same_clean_images_over_every_image(weight):
    clean, images = plain(0, 102), plain(51, 204)
    scores = Strip(Brightness(0.5), clean, overlays=2, weight=weight).score(images)
    levels = (np.array([[0.2], [0.8]]) + weight * np.array([0, 0.4])).clip(0, 1)
    second = 1 / (1 + np.exp(0.5 - levels))
    entropies = -(second * np.log(second) + (1 - second) * np.log(1 - second))
    assert np.allclose(scores, -entropies.mean(1), atol=1e-6)


def test_both_need_something_to_change_an_image_by():
    with pytest.raises(ValueError, match="no clean image"):
        Strip(Constant(0.0, 0.0), SPLIT.take(torch.arange(0)))
    with pytest.raises(ValueError, match="factors is empty"):
        ScaleUp(Constant(0.0, 0.0), ())


def test_scale_up_is_the_mean_probability_of_the_first_prediction():
    scores = ScaleUp(Brightness(0.5), factors=(2, 10)).score(plain(51, 204))
    second = 1 / (1 + np.exp(0.5 - np.array([[0.4, 1], [1, 1]])))  # at most white
    assert np.allclose(scores, [1 - second[0].mean(), second[1].mean()], atol=1e-6)


@pytest.mark.parametrize("make", [Strip, lambda model, clean: ScaleUp(model)])
def test_images_with_a_trigger_stand_out_where_the_model_obeys_it(make):
    clean = replace(SPLIT, images=SPLIT.images // 4).take(SPLIT.labels < 2)
    detector, attacked = make(Obedient(), clean), POISON.with_trigger(clean)
    before = attacked.images.clone()
    scores = [detector.score(part) for part in (clean, attacked)]
    found = roc_scores(np.concatenate(scores), np.arange(80) >= 40)
    assert found["value"]["AUROC"] > 0.9 and torch.equal(attacked.images, before)
    assert np.array_equal(scores[1], detector.score(attacked))
