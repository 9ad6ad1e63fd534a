"""Query-only attacks: what each must do, and how its queries are counted."""

import numpy as np
import pytest
import torch
from small import Counted
from torch import nn
from witnesses import size_of

from utils.attacks.black_box.few_pixels import FewPixels
from utils.attacks.black_box.hop_skip_jump import HopSkipJump
from utils.attacks.black_box.queries import queries_needed
from utils.attacks.black_box.square import Square

IN_A_BALL = [
    Square(0.1, queries=30),
    Square(0.1, queries=30, share=0.1),
    HopSkipJump(0.1, queries=150),
    HopSkipJump(1.0, queries=150, norm="l2"),
    HopSkipJump(0.1, queries=16),
]
ATTACKS = [*IN_A_BALL, FewPixels(1, 5, 3), FewPixels(3, 9, 0)]
EVERY = pytest.mark.parametrize("attack", ATTACKS, ids=repr)


# What every attack must do.


@pytest.mark.parametrize("attack", IN_A_BALL, ids=repr)
def test_stays_in_the_ball(attack, model, batch):
    images, labels = batch
    change = attack(model, images, labels) - images
    assert (size_of(change, getattr(attack, "norm", "linf")) <= attack.epsilon + 1e-6).all()


@EVERY
def test_stays_in_the_pixel_range(attack, model, batch):
    attacked = attack(model, *batch)
    assert attacked.min() >= 0 and attacked.max() <= 1
    assert attacked.dtype == torch.float32 and not attacked.requires_grad


@EVERY
@pytest.mark.parametrize("training", [True, False])
def test_leaves_the_model_as_it_was(attack, model, batch, training):
    model.train(training)
    model[3].eval()  # a part in another mode keeps it
    before = {name: value.clone() for name, value in model.state_dict().items()}
    attack(model, *batch)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(weight.grad is None for weight in model.parameters())
    assert model.training is training and not model[3].training


@EVERY
def test_neither_the_mode_nor_the_autocast_of_the_caller_reaches_it(attack, model, batch):
    expected = attack(model, *batch)
    torch.manual_seed(0)  # and its random numbers are the caller's
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(attack(model.train(), *batch), expected)


@EVERY
def test_leaves_its_input_and_takes_an_empty_batch(attack, model, batch):
    images, labels = batch
    before = images.clone()
    attack(model, images, labels)
    assert torch.equal(images, before)
    assert len(attack(model, images[:0], labels[:0])) == 0
    assert len(queries_needed(attack, model, images[:0], labels[:0])) == 0


@EVERY
def test_what_is_wrong_already_stays_as_it_is(attack, model, batch):
    images, labels = batch
    labels = labels.clone()
    labels[::2] = (labels[::2] + 1) % 3
    wrong = model(images).argmax(1) != labels
    assert torch.equal(attack(model, images, labels)[wrong], images[wrong]) and wrong.any()


# After how many questions.


@EVERY
def test_the_images_that_fell_are_those_the_model_gets_wrong(attack, model, batch):
    needed = queries_needed(attack, model, *batch)
    torch.manual_seed(0)
    attacked = attack(model, *batch)
    assert torch.equal(needed.isfinite(), model(attacked).argmax(1) != batch[1])


@pytest.mark.parametrize(
    "attack, at_once",
    [(Square(0.06, 20), 1), (FewPixels(5, 6, 10), 6), (HopSkipJump(0.05, 400), 1)],
    ids=repr,
)
def test_the_count_of_queries_is_what_the_model_was_asked(attack, at_once, model, batch):
    """Image by image: the unchanged one is free, and no query follows the first success."""
    counts = []
    for image, label in zip(*(part.split(1) for part in batch), strict=True):
        wrapped = Counted(model)
        needed = float(queries_needed(attack, wrapped, image, label))
        if needed < torch.inf:  # a generation is shown at once, and counted one after the other
            assert wrapped.seen == 1 + at_once * np.ceil(needed / at_once)
        assert (needed == 0) == bool(model(image).argmax(1) != label)
        counts.append(needed)
    assert counts.count(torch.inf) and any(at_once < needed < torch.inf for needed in counts)


@pytest.mark.parametrize("attack", [Square(0, 50), FewPixels(1, 5, 9)], ids=repr)
def test_an_image_that_stands_costs_all_queries(attack, batch):
    wrapped = Counted(nn.Flatten(), lambda pixels: pixels[:, :2] * 0 + torch.tensor([1, 0]))
    assert queries_needed(attack, wrapped, batch[0][:2], torch.tensor([0, 0])).isinf().all()
    assert wrapped.seen == 2 * 51
