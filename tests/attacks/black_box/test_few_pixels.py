"""The attack on a few pixels: exact on linear models, no weaker than a library's."""

import numpy as np
import pytest
from small import Counted
from torch import nn
from witnesses import linear, margins, robust, some

from utils.attacks.black_box.few_pixels import FewPixels

CLASSES = pytest.mark.parametrize("classes", [2, 3, 4])


@pytest.mark.parametrize("pixels", [1, 3])
@pytest.mark.parametrize("channels", [1, 3])
def test_changes_no_more_pixels_than_it_may(pixels, channels, batch):
    images = batch[0].repeat(1, channels, 1, 1)
    model = nn.Sequential(nn.Flatten(), nn.Linear(256 * channels, 3))
    labels = model(images).argmax(1)
    attacked = FewPixels(pixels, 10, 5)(model, images, labels)
    changed = (attacked != images).any(1).flatten(1).sum(1)
    assert changed.max() == pixels


@CLASSES
@pytest.mark.parametrize("pixels", [1, 2])
def test_few_pixels_ends_at_the_exact_optimum(classes, pixels):
    """Black or white, on the pixels on which the class that comes closest depends most."""
    model, gaps = linear(classes)
    optimum = 11 - 0.5 * float(gaps.abs().topk(pixels, dim=1).values.sum(1).max())
    model[1].bias.data[0] += 10  # so that it survives, and the attack runs to its end
    assert margins(FewPixels(pixels, 50, 40), model).min() == pytest.approx(optimum, abs=1e-5)


@pytest.mark.filterwarnings("ignore:divide by zero")  # theirs, where a population agrees
@pytest.mark.parametrize("pixels, population", [(1, 9), (3, 9)])
def test_few_pixels_finds_no_less_than_torchattacks(pixels, population, model):
    library = pytest.importorskip("torchattacks")
    np.random.seed(0)
    wrapped = Counted(model)
    theirs = library.OnePixel(wrapped, pixels=pixels, steps=10, popsize=10)
    images, labels = some(60)
    their_score = robust(lambda _, *batch: theirs(*batch), model, images, labels)
    assert 11 * population * 60 * 0.8 < wrapped.seen <= (11 * population + 10) * 60
    assert robust(FewPixels(pixels, population, 10), model, images, labels) <= their_score


@pytest.mark.parametrize("name", ["pixels", "population", "generations"])
def test_a_wrong_setting_is_refused_when_made(name):
    with pytest.raises(ValueError, match=name):
        FewPixels(**{name: -1})
