"""Whatever a model returns, the toolkit sees logits; and what it cannot take is said."""

import argparse

import pytest
import torch
from small import split_of
from torch import nn

from utils.backbones.classifier import IMAGENET_MEAN
from utils.data.split import to_float
from utils.evaluation.inference import predict
from utils.examine.adapter import (
    Expects,
    adapt,
    has_gradients,
    in_channels,
    other_views,
)
from utils.examine.command_line import add_arguments


def two_classes(images):
    """The second logit grows with brightness."""
    second = 8 * (images.mean((1, 2, 3)) - 0.5)
    return torch.stack([torch.zeros_like(second), second], 1)


RETURNS = {
    "logits": two_classes,
    "probabilities": lambda images: two_classes(images).softmax(1),
    "one logit": lambda images: two_classes(images)[:, 1:],
    "one probability": lambda images: two_classes(images).softmax(1)[:, 1],
}


@pytest.fixture
def split():
    levels = torch.arange(0, 256, 8, dtype=torch.uint8)
    return split_of(levels[:, None, None, None].expand(-1, 1, 16, 16).contiguous())


@pytest.mark.parametrize("output", RETURNS)
def test_every_kind_of_answer_gives_the_same_probabilities(output, split):
    model = adapt(RETURNS[output], split, Expects())
    assert model.output == output or (output, model.output) == ("one logit", "one logit")
    expected = two_classes(to_float(split.images)).softmax(1)
    found = torch.from_numpy(predict(model, split).probabilities)
    assert torch.allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(("wanted", "given"), [(1, 3), (3, 1), (1, 1), (3, 3)])
def test_channels_are_found_by_trial(wanted, given, split):
    images = split.images.expand(-1, given, -1, -1).contiguous()
    model = nn.Sequential(nn.Conv2d(wanted, 2, 16), nn.Flatten())
    found = adapt(model, split_of(images), Expects())
    assert found.channels == wanted and found(to_float(images)).shape == (len(images), 2)


def test_grey_of_a_colour_image_is_its_brightness():
    grey = in_channels(torch.tensor([1.0, 0.5, 0.25]).view(1, 3, 1, 1), 1)
    assert grey.item() == pytest.approx(0.299 + 0.587 / 2 + 0.114 / 4)


def by_brightness(precision=torch.float32, size=16):
    """A network that answers like `two_classes`."""
    network = nn.Sequential(nn.AvgPool2d(size), nn.Flatten(), nn.Linear(1, 2))
    network[2].weight.data = torch.tensor([[0.0], [8.0]])
    network[2].bias.data = torch.tensor([0.0, -4.0])
    return network.to(precision)


@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("precision", [torch.float64, torch.float16, torch.bfloat16])
def test_other_precisions_are_recognised_and_answer_alike(precision, hidden, split):
    own = by_brightness(precision)
    model = adapt((lambda images: own(images)) if hidden else own, split, Expects())
    found = torch.from_numpy(predict(model, split).probabilities)
    expected = two_classes(to_float(split.images)).softmax(1)
    assert torch.allclose(found, expected, atol=0.03 if hidden else 1e-5)
    assert (model.original is own) != hidden
    assert next(own.parameters()).dtype == precision and has_gradients(model, split)


def test_a_model_that_brings_images_into_its_precision_itself_is_left_alone(split):
    own = by_brightness(torch.float64)
    model = adapt(nn.Sequential(Cast(torch.float64), own), split, Expects())
    assert model.original is None and model.model[1] is own


class Cast(nn.Module):
    def __init__(self, precision):
        super().__init__()
        self.precision = precision

    def forward(self, images):
        return images.to(self.precision)


REFUSED = {
    "a size that does not fit, in 16 bits": (by_brightness(torch.float16, size=32), "--size"),
    "two precisions": (
        nn.Sequential(nn.AvgPool2d(16), nn.Flatten(), Cast(torch.float64), nn.Linear(1, 2)),
        "float()",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_the_advice_is_about_what_is_wrong(what, split):
    model, advice = REFUSED[what]
    with pytest.raises(ValueError, match="takes no images") as refusal:
        adapt(model, split, Expects())
    assert advice in str(refusal.value)
    assert sum(other in str(refusal.value) for other in ("--size", "float()")) == 1


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (nn.Sequential(nn.Conv2d(2, 2, 16), nn.Flatten()), "takes no images of 16 x 16"),
        (nn.Sequential(nn.Flatten(), nn.Linear(256, 5)), "data have 2 classes"),
        (lambda images: None, "returned nothing"),
    ],
)
def test_what_does_not_fit_is_said(model, why, split):
    with pytest.raises(ValueError, match=why):
        adapt(model, split, Expects())


def test_a_view_is_what_it_says():
    images = torch.tensor([0.0, 0.5, 1.0]).view(1, 1, 1, 3)
    assert Expects(255.0)(images).flatten().tolist() == [0, 127.5, 255]
    assert Expects(1.0, (0.5,), (0.5,))(images).flatten().tolist() == [-1, 0, 1]
    assert Expects(inverted=True)(images).flatten().tolist() == [1, 0.5, 0]
    assert Expects() not in other_views(Expects(), 1).values()
    for wrong in ({"white": 0}, {"std": (0.0,)}, {"mean": (0.1, 0.2), "std": (1.0, 1.0)}):
        with pytest.raises(ValueError):
            Expects(**wrong)


@pytest.mark.parametrize("channels", [1, 3])
def test_every_view_can_be_asked_for_on_the_command_line(channels):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    for name, view in other_views(Expects(), channels).items():
        given = parser.parse_args(["net.ts", "--data", "data", *view.arguments.split()])
        assert Expects(given.white, given.mean, given.std, given.inverted) == view, name
        assert ("ImageNet" in name) == (view.mean == IMAGENET_MEAN)


def test_gradients_are_there_or_not(split):
    assert has_gradients(adapt(two_classes, split, Expects()), split)
    cut = adapt(lambda images: two_classes(images).detach(), split, Expects())
    flat = adapt(lambda images: two_classes((images * 3).round() / 3), split, Expects())
    assert not has_gradients(cut, split) and has_gradients(flat, split)
