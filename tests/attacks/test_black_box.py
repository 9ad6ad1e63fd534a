"""Attacks that only ask: what each must do, and how strong it is beside others."""

import numpy as np
import pytest
import torch
from small import Counted, small_split, trained_network
from torch import nn

from utils.attacks.black_box import BlackBox, Square, queries_needed
from utils.attacks.few_pixels import FewPixels
from utils.attacks.hop_skip_jump import HopSkipJump
from utils.data.split import to_float

IN_A_BALL = [
    Square(0.1, queries=30),
    Square(0.1, queries=30, share=0.1),
    HopSkipJump(0.1, queries=150),
    HopSkipJump(1.0, queries=150, norm="l2"),
    HopSkipJump(0.1, queries=16),
]
ATTACKS = [*IN_A_BALL, FewPixels(1, 5, 3), FewPixels(3, 9, 0)]
EVERY = pytest.mark.parametrize("attack", ATTACKS, ids=repr)
ORDER = {"linf": torch.inf, "l2": 2}


@pytest.fixture(autouse=True)
def same_random_numbers():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.fixture
def batch():
    split = small_split(30)
    return to_float(split.images), split.labels


@pytest.fixture
def model():
    return trained_network()


def size_of(change: torch.Tensor, norm: str = "linf") -> torch.Tensor:
    return change.flatten(1).norm(p=ORDER[norm], dim=1)


def robust(attack, model, images, labels) -> float:
    return float((model(attack(model, images, labels)).argmax(1) == labels).float().mean())


# What every attack must do.


@pytest.mark.parametrize("attack", IN_A_BALL, ids=repr)
def test_stays_in_the_ball(attack, model, batch):
    images, labels = batch
    change = attack(model, images, labels) - images
    assert (size_of(change, getattr(attack, "norm", "linf")) <= attack.epsilon + 1e-6).all()


@pytest.mark.parametrize("pixels", [1, 3])
@pytest.mark.parametrize("channels", [1, 3])
def test_changes_no_more_pixels_than_it_may(pixels, channels, batch):
    images = batch[0].repeat(1, channels, 1, 1)
    model = nn.Sequential(nn.Flatten(), nn.Linear(256 * channels, 3))
    labels = model(images).argmax(1)
    attacked = FewPixels(pixels, 10, 5)(model, images, labels)
    changed = (attacked != images).any(1).flatten(1).sum(1)
    assert changed.max() == pixels


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
    """Of each image alone: the unchanged one is free, and after the fall nothing is asked."""
    fell = []
    for image, label in zip(*(part.split(1) for part in batch), strict=True):
        wrapped = Counted(model)
        needed = float(queries_needed(attack, wrapped, image, label))
        if needed < torch.inf:  # a generation is shown at once, and counted one after the other
            assert wrapped.seen == 1 + at_once * np.ceil(needed / at_once)
        assert (needed == 0) == bool(model(image).argmax(1) != label)
        fell.append(needed)
    assert fell.count(torch.inf) and any(at_once < needed < torch.inf for needed in fell)


@pytest.mark.parametrize("attack", [Square(0, 50), FewPixels(1, 5, 9)], ids=repr)
def test_an_image_that_stands_costs_all_queries(attack, batch):
    wrapped = Counted(nn.Flatten(), lambda pixels: pixels[:, :2] * 0 + torch.tensor([1, 0]))
    assert queries_needed(attack, wrapped, batch[0][:2], torch.tensor([0, 0])).isinf().all()
    assert wrapped.seen == 2 * 51


@pytest.mark.parametrize("queries", [16, 60, 300])
def test_hop_skip_jump_keeps_to_its_queries(queries, model, batch):
    box = BlackBox(model, *batch)
    with torch.no_grad():
        HopSkipJump(0, queries).search(box, batch[0])
    asked = box.asked[box.standing]
    assert asked.max() <= queries and asked.min() >= min(queries - 35, 15)


# The exact answer, on linear models.


def linear(classes: int, size: int = 4) -> tuple[nn.Module, torch.Tensor]:
    """A linear model in which class 0 leads on grey images by 1, and what it loses per pixel."""
    generator = torch.Generator().manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(size * size, classes))
    weight = torch.randn(classes, size * size, generator=generator)
    model[1].weight.data = weight
    model[1].bias.data = -0.5 * weight.sum(1)
    model[1].bias.data[0] += 1
    return model.eval(), weight[:1] - weight[1:]


def grey(count: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.full((count, 1, 4, 4), 0.5), torch.zeros(count, dtype=torch.long)


def margins(attack, model) -> torch.Tensor:
    logits = model(attack(model, *grey())).detach()
    return logits[:, 0] - logits[:, 1:].max(1).values


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
@pytest.mark.parametrize("beyond, falls", [(0.999, False), (1.001, True)])
def test_square_falls_at_the_exact_radius(classes, beyond, falls):
    model, gaps = linear(classes)
    radius = 1 / float(gaps.abs().sum(1).max())
    needed = queries_needed(Square(beyond * radius, 500), model, *grey())
    assert bool(needed.isfinite().any()) is falls


@CLASSES
@pytest.mark.parametrize("pixels", [1, 2])
def test_few_pixels_ends_at_the_exact_optimum(classes, pixels):
    """Black or white, on the pixels on which the class that comes closest depends most."""
    model, gaps = linear(classes)
    optimum = 11 - 0.5 * float(gaps.abs().topk(pixels, dim=1).values.sum(1).max())
    model[1].bias.data[0] += 10  # so that it never falls, and goes on to the end
    assert margins(FewPixels(pixels, 50, 40), model).min() == pytest.approx(optimum, abs=1e-5)


@CLASSES
@pytest.mark.parametrize("norm, dual", [("l2", 2), ("linf", 1)])
def test_hop_skip_jump_comes_close_to_the_exact_distance(classes, norm, dual):
    model, gaps = linear(classes)
    exact = 1 / gaps.norm(p=dual, dim=1)
    images, labels = grey()
    with torch.no_grad():
        found = HopSkipJump(0, 3000, norm).closest(BlackBox(model, images, labels), images)
    distances = size_of(found - images, norm)
    assert (model(found).argmax(1) != labels).all()
    assert (distances >= exact.min() - 1e-6).all()
    assert distances.min() < 1.02 * exact.min() and distances.max() < 1.05 * exact.max()


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_hop_skip_jump_sees_nothing_but_the_class(norm, model, batch):
    def only_the_class(logits):
        return nn.functional.one_hot(logits.argmax(1), 3).float()

    attack = HopSkipJump(0.05 if norm == "linf" else 0.5, 300, norm)
    expected = attack(model, *batch)
    torch.manual_seed(0)
    assert torch.equal(attack(Counted(model, only_the_class), *batch), expected)


# Beside others, on the same model, images and number of queries.


def some(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    split = small_split(count, seed=7)
    return to_float(split.images), split.labels


def classifier_of_art(model, images):
    estimators = pytest.importorskip("art.estimators.classification")
    loss = nn.CrossEntropyLoss()
    return estimators.PyTorchClassifier(model, loss, images.shape[1:], 3, clip_values=(0, 1))


def square_of_torchattacks(epsilon, queries):
    # Theirs asks about the stripes before it starts to count.
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


def test_hop_skip_jump_finds_no_less_than_art(model):
    evasion = pytest.importorskip("art.attacks.evasion")
    images, labels = some(24)
    wrapped = Counted(model)
    theirs = evasion.HopSkipJump(
        classifier_of_art(wrapped, images), norm=np.inf, max_iter=2, verbose=False
    )
    attacked = torch.from_numpy(theirs.generate(images.numpy(), labels.numpy()))
    queries, far = wrapped.seen // len(images), size_of(attacked - images)
    for epsilon in (0.02, 0.05, 0.1):
        fell = (model(attacked).argmax(1) != labels) & (far <= epsilon + 1e-6)
        ours = robust(HopSkipJump(epsilon, queries), model, images, labels)
        assert ours <= 1 - float(fell.float().mean()) + 0.01


@pytest.mark.parametrize(
    "attack, wrong",
    [(Square, {"epsilon": -1}), (Square, {"queries": 0}), (Square, {"share": 0})]
    + [(FewPixels, {name: -1}) for name in ("pixels", "population", "generations")]
    + [(HopSkipJump, {name: -1}) for name in ("epsilon", "queries", "probes", "norm")],
    ids=str,
)
def test_a_wrong_setting_is_refused_when_made(attack, wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        attack(**wrong)
