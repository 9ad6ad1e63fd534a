"""What a model returns is recognised by its numbers, and where they cannot tell, by its owner."""

import pytest
import torch
from small import findings_split, small_split

from utils.examine.adapter import SURE, TRIED, Expects, adapt
from utils.examine.outputs import (
    EACH_CLASS,
    EACH_LOGIT,
    LOGITS,
    OF_SOFTMAX,
    ONE_LOGIT,
    PROBABILITIES,
    as_logits,
    check_activation,
    output_of,
    refuse_other_shapes,
)

SPLIT = small_split(96)
RAW = 2 * torch.randn(96, 3, generator=torch.Generator().manual_seed(0))
RETURNED = {  # the numbers, what the owner says, what they are
    "logits": (RAW, "", LOGITS),
    "a softmax": (RAW.softmax(1), "", PROBABILITIES),
    "a softmax in 16 bits": (RAW.softmax(1).bfloat16(), "", PROBABILITIES),
    "a softmax to two places": (RAW.softmax(1).round(decimals=2), "", PROBABILITIES),
    "one class named": (torch.eye(3)[RAW.argmax(1)], "", PROBABILITIES),
    "sigmoids": (RAW.sigmoid(), "", EACH_CLASS),
    "sigmoids to two places": (RAW.sigmoid().round(decimals=2), "", EACH_CLASS),
    "logits of sigmoids": (RAW, "sigmoid", EACH_LOGIT),
    "sigmoids, as its owner says": (RAW.sigmoid(), "sigmoid", EACH_CLASS),
    "small logits of a softmax": (RAW.sigmoid(), "softmax", OF_SOFTMAX),
}


@pytest.mark.parametrize("what", RETURNED)
def test_answers_are_recognised(what):
    found, activation, output = RETURNED[what]
    assert output_of(found, SPLIT, activation) == output


def test_logits_that_are_small_by_chance_are_no_probabilities():
    """The first images alone would not show it."""
    assert len(SPLIT) > TRIED and SURE > TRIED
    first = SPLIT.images[:TRIED].float().mean((1, 2, 3)).max() / 255

    def small_at_first(images):
        brighter = (images.mean((1, 2, 3)) > first).float()
        return torch.stack([0.5 + 0 * brighter, 0.2 + 9 * brighter, 0 * brighter], 1)

    assert adapt(small_at_first, SPLIT, Expects()).output == LOGITS


@pytest.mark.parametrize("output", [EACH_CLASS, EACH_LOGIT])
def test_the_logits_of_sigmoids_come_back(output):
    found = RAW.sigmoid() if output == EACH_CLASS else RAW
    assert torch.allclose(as_logits(found, output), RAW, atol=1e-4)


def test_probabilities_of_0_and_1_have_finite_logits():
    found = as_logits(torch.tensor([[0.0, 1.0, 0.5]]), EACH_CLASS)
    assert found.isfinite().all() and found.argmax() == 1


def test_of_two_classes_one_number_is_enough():
    two = small_split(8).take([0, 1, 3, 4])
    two = type(two)(two.images, two.labels, ("a", "b"))
    assert output_of(torch.tensor([-1.0, 2, 3, 4]), two, "sigmoid") == ONE_LOGIT
    refuse_other_shapes(torch.zeros(4, 1), two, 4)
    with pytest.raises(ValueError, match="data have 3 classes"):
        refuse_other_shapes(torch.zeros(4, 1), SPLIT, 4)


@pytest.mark.parametrize("found", [torch.tensor(1.0), torch.zeros(1, 3), torch.zeros(4, 5)])
def test_other_shapes_are_refused(found):
    with pytest.raises(ValueError, match="one number for each image"):
        refuse_other_shapes(found, SPLIT, 4)


def test_an_activation_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="choose from softmax, sigmoid"):
        check_activation("relu", SPLIT)
    with pytest.raises(ValueError, match="several findings"):
        check_activation("softmax", findings_split())
    check_activation("sigmoid", findings_split())
