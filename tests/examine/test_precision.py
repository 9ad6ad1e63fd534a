"""Which forms of a model take images, by the precision of what it holds."""

import pytest
import torch
from small import small_network
from torch import nn

from utils.examine.opaque import Opaque
from utils.examine.precision import (
    OTHERS,
    WithImagesIn,
    forms_of,
    is_about_precision,
    precision_of,
)


def test_the_precision_is_that_of_most_weights():
    network = small_network().double()
    assert precision_of(network) == torch.float64
    network[6].float()  # 99 numbers of 211
    assert precision_of(network) == torch.float64
    network[1].float()  # with 32 more, they are most
    assert precision_of(network) == torch.float32
    assert precision_of(nn.ReLU()) == torch.float32
    assert precision_of(Opaque(len, precision=torch.float16)) == torch.float16


def test_a_usual_model_has_one_form_and_another_a_copy_first():
    usual, half = small_network(), small_network().half()
    assert list(forms_of(usual)) == [usual]
    itself, copied, given = forms_of(half)
    assert itself is half and precision_of(copied) == torch.float32
    assert isinstance(given, WithImagesIn) and given.precision == torch.float16
    assert precision_of(half) == torch.float16


def test_of_what_hides_its_weights_every_precision_is_tried():
    itself, *others = forms_of(Opaque(len))
    assert [form.precision for form in others] == list(OTHERS)


@pytest.mark.parametrize("precision", OTHERS)
def test_errors_about_precision_are_told_apart_from_others(precision):
    convolution = nn.Conv2d(1, 2, 3).to(precision)
    images = torch.zeros(1, 1, 8, 8)
    with pytest.raises(RuntimeError) as unlike:
        convolution(images)
    with pytest.raises(RuntimeError) as other:
        convolution(images.expand(-1, 3, -1, -1).to(precision))
    assert is_about_precision(str(unlike.value)) and not is_about_precision(str(other.value))
