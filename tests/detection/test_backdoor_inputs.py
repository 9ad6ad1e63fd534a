"""Scores of single images: known in closed form, and high where a trigger rules the model."""

import numpy as np
import pytest
import torch
from small import small_split
from torch import nn

from utils.contamination.backdoor import Patch, Poison
from utils.data.split import Split, to_float
from utils.detection.backdoor_inputs import ScaleUp, Strip
from utils.evaluation.roc import roc_scores

SPLIT = small_split(60)
POISON = Poison(Patch(0.3), target=2)


class Obedient(nn.Module):
    """Dark or bright; but a white corner of the patch, even a grey one, means the last class."""

    def forward(self, images):
        bright = 20 * (images.mean((1, 2, 3)) - 0.5)
        corner = 200 * (images[:, 0, -3:-2, -3:-2].mean((1, 2)) - 0.75)
        return torch.stack([-bright, bright, corner], 1)


class Constant(nn.Module):
    def __init__(self, *logits: float):
        super().__init__()
        self.logits = nn.Parameter(torch.tensor(logits))

    def forward(self, images):
        return self.logits.expand(len(images), -1)


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
    scores = Strip(Constant(*map(float, logits)), SPLIT, blends=4).score(SPLIT)
    assert scores.shape == (60,) and np.allclose(scores, expected, atol=1e-6)


@pytest.mark.parametrize("share", [0.25, 0.5])
def test_strip_blends_every_image_with_the_same_clean_ones(share):
    clean, images = plain(0, 255), plain(51, 204)
    scores = Strip(Brightness(0.5), clean, blends=2, share=share).score(images)
    levels = (1 - share) * np.array([[0.2], [0.8]]) + share * np.array([0, 1])
    second = 1 / (1 + np.exp(0.5 - levels))
    entropies = -(second * np.log(second) + (1 - second) * np.log(1 - second))
    assert np.allclose(scores, -entropies.mean(1), atol=1e-6)


@pytest.mark.parametrize("share", [0, 1])
def test_something_of_both_images_is_left(share):
    with pytest.raises(ValueError, match="above 0 and below 1"):
        Strip(Constant(0.0, 0.0), SPLIT, share=share)


def test_scale_up_is_the_mean_probability_of_the_first_prediction():
    scores = ScaleUp(Brightness(0.5), factors=(2, 10)).score(plain(51, 204))
    second = 1 / (1 + np.exp(0.5 - np.array([[0.4, 1], [1, 1]])))  # at most white
    assert np.allclose(scores, [1 - second[0].mean(), second[1].mean()], atol=1e-6)


def test_a_fitted_scale_up_measures_each_class_by_its_own_clean_images():
    clean = SPLIT.take(SPLIT.labels < 2)
    detector = ScaleUp(Brightness(0.5), factors=(1.2,)).fit(clean)
    dark = to_float(clean.images).mean((1, 2, 3)) < 0.5
    assert 10 <= dark.sum() <= 30
    for rows in (dark, ~dark):
        scores = detector.score(clean.take(rows))
        assert abs(scores.mean()) < 1e-4 and abs(scores.std() - 1) < 1e-4


def test_a_class_with_few_clean_images_is_measured_by_all():
    few = ScaleUp(Brightness(0.3), factors=(1.2,)).fit(SPLIT)  # hardly any image is that dark
    assert np.array_equal(few.usual[0], ScaleUp(Constant(0.0), (1.2,)).fit(SPLIT).usual[0]) or (
        few.usual[0] == few.usual[2]
    ).all()


@pytest.mark.parametrize("make", [Strip, lambda model, clean: ScaleUp(model, (1.5, 2)).fit(clean)])
def test_images_with_a_trigger_stand_out_where_the_model_obeys_it(make):
    clean = SPLIT.take(SPLIT.labels < 2)
    detector, attacked = make(Obedient(), clean), POISON.with_trigger(clean)
    before = attacked.images.clone()
    scores = [detector.score(part) for part in (clean, attacked)]
    found = roc_scores(np.concatenate(scores), np.arange(80) >= 40)
    assert found["value"]["AUROC"] > 0.9 and torch.equal(attacked.images, before)
    assert np.array_equal(scores[1], detector.score(attacked))
