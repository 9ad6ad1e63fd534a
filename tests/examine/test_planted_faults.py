"""Each planted fault is what it says, and the rest of the model stays."""

import pytest
import torch
from small import small_splits

from utils.data.split import to_float
from utils.examine.planted_faults import (
    Rounded,
    StillTraining,
    WantsNormalised,
    with_bright_frames,
    with_test_images,
    with_trigger,
)


@pytest.fixture
def splits():
    return small_splits()


def test_a_model_that_wants_normalised_images_is_right_when_it_gets_them(network, splits):
    from utils.examine.adapter import IMAGENET, Expects

    pixels = to_float(splits.test.images).expand(-1, 3, -1, -1)
    usual = WantsNormalised(lambda images: network(images[:, :1]))
    seen = Expects(1.0, *IMAGENET)(pixels)
    assert torch.allclose(usual(seen), network(pixels[:, :1]), atol=1e-4)


def test_rounding_keeps_most_answers_and_no_gradient(network, splits):
    pixels = to_float(splits.test.images).requires_grad_()
    found = Rounded(network)(pixels)
    assert (found.argmax(1) == network(pixels).argmax(1)).float().mean() > 0.9
    assert not torch.autograd.grad(found.sum(), pixels)[0].any()


def test_dropout_in_a_list_stays_on(network, splits):
    model, pixels = StillTraining(network).eval(), to_float(splits.test.images)
    assert not torch.equal(model(pixels), model(pixels))


def test_test_images_get_into_the_training_set_and_nothing_else_changes(splits):
    leaky = with_test_images(splits, 10)
    assert len(leaky.train) == len(splits.train) + 10 and leaky.test is splits.test
    known = {image.numpy().tobytes() for image in leaky.train.images}
    assert sum(image.numpy().tobytes() in known for image in splits.test.images) >= 10


def test_frames_and_triggers_are_where_they_should_be(splits):
    framed = with_bright_frames(splits, 1, 30)
    inner = (..., slice(4, -4), slice(4, -4))
    assert torch.equal(framed.test.images[inner], splits.test.images[inner])
    assert not torch.equal(framed.test.images, splits.test.images)
    poisoned = with_trigger(splits, 0, 0.25)
    assert int((poisoned.train.changed > 0).sum()) == 12
