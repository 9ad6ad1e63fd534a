"""Query-only attacks: what each must do, and how strong Square is beside other libraries."""

import numpy as np
import pytest
import torch
from small import Counted
from torch import nn
from witnesses import classifier_of_art, grey, linear, margins, robust, size_of, some

from utils.attacks.black_box import Square, queries_needed
from utils.attacks.few_pixels import FewPixels
from utils.attacks.hop_skip_jump import HopSkipJump

IN_A_BALL = [
    Square(0.1, queries=30),
    Square(0.1, queries=30, share=0.1),
    HopSkipJump(0.1, queries=150),
    HopSkipJump(1.0, queries=150, norm="l2"),
    HopSkipJump(0.1, queries=16),
]
ATTACKS = [*IN_A_BALL, FewPixels(1, 5, 3), FewPixels(3, 9, 0)]
EVERY = pytest.mark.parametrize("attack", ATTACKS, ids=repr)


@pytest.fixture(autouse=True)
def same_random_numbers():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


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


# The exact answer, on linear models.


CLASSES = pytest.mark.parametrize("classes", [2, 3, 4])


@CLASSES
def test_square_ends_at_the_exact_optimum(classes):
    """Where it fools nothing, every pixel ends where it hurts most, for one of the others."""
    model, gaps = linear(classes)
    slopes = gaps.abs().sum(1)
    epsilon = 0.9 / float(slopes.max())
    ends = margins(Square(epsilon, 500), model)
    optima = 1 - epsilon * slopes
    assert (ends[:, None] - optima).abs().min(1).values.max() < 1e-5
    assert (ends - optima.min()).abs().min() < 1e-5


@CLASSES
@pytest.mark.parametrize("beyond, breaks", [(0.999, False), (1.001, True)])
def test_square_breaks_an_image_at_the_exact_radius(classes, beyond, breaks):
    model, gaps = linear(classes)
    radius = 1 / float(gaps.abs().sum(1).max())
    needed = queries_needed(Square(beyond * radius, 500), model, *grey())
    assert bool(needed.isfinite().any()) is breaks


# Beside others, on the same model, images and number of queries.


def square_of_torchattacks(epsilon, queries):
    # Theirs queries the stripes before it starts to count.
    library = pytest.importorskip("torchattacks")
    return lambda model, *batch: library.Square(model, eps=epsilon, n_queries=queries - 1)(*batch)


def square_of_art(epsilon, queries):
    evasion = pytest.importorskip("art.attacks.evasion")

    def attack(model, images, labels):
        wrapped = classifier_of_art(model, images)
        square = evasion.SquareAttack(wrapped, eps=epsilon, max_iter=queries - 1, verbose=False)
        return torch.from_numpy(square.generate(images.numpy(), labels.numpy()))

    return attack


@pytest.mark.parametrize("library", [square_of_torchattacks, square_of_art])
@pytest.mark.parametrize("epsilon", [0.02, 0.05])
def test_square_finds_no_less_than_others(library, epsilon, model):
    attacks = Square(epsilon, 200), library(epsilon, 200)
    ours, theirs = (robust(attack, model, *some(90)) for attack in attacks)
    assert 0 < ours <= theirs + 0.01


@pytest.mark.parametrize(
    "attack, wrong",
    [(Square, {"epsilon": -1}), (Square, {"queries": 0}), (Square, {"share": 0})],
    ids=str,
)
def test_a_wrong_setting_is_refused_when_made(attack, wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        attack(**wrong)
