"""The attack with squares: exact on linear models, no weaker than those of other libraries."""

import pytest
import torch
from witnesses import classifier_of_art, grey, linear, margins, robust, some

from utils.attacks.black_box.queries import queries_needed
from utils.attacks.black_box.square import Square

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
