"""Attacks that only ask: what each must do, and how strong it is beside others."""

import pytest
import torch
from small import small_split, trained_network
from torch import nn

from utils.contamination.queries import Square, queries_needed
from utils.splits import as_pixels

ATTACKS = [Square(0.1, queries=30), Square(0.1, queries=30, share=0.1)]
EVERY = pytest.mark.parametrize("attack", ATTACKS, ids=repr)


@pytest.fixture(autouse=True)
def same_random_numbers():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.fixture
def batch():
    split = small_split(30)
    return as_pixels(split.images), split.labels


@pytest.fixture
def model():
    return trained_network()


def linear(classes: int = 2, size: int = 4, seed: int = 0) -> nn.Module:
    """A linear model, and so the exact answer; class 0 leads on grey images by 1."""
    generator = torch.Generator().manual_seed(seed)
    model = nn.Sequential(nn.Flatten(), nn.Linear(size * size, classes))
    weight = torch.randn(classes, size * size, generator=generator)
    model[1].weight.data = weight
    model[1].bias.data = -0.5 * weight.sum(1)
    model[1].bias.data[0] += 1
    return model.eval()


def robust(attack, model, images, labels) -> float:
    return float((model(attack(model, images, labels)).argmax(1) == labels).float().mean())


@EVERY
def test_stays_in_the_ball_and_in_the_pixel_range(attack, model, batch):
    images, labels = batch
    attacked = attack(model, images, labels)
    assert ((attacked - images).abs() <= attack.epsilon + 1e-6).all()
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
def test_leaves_its_input_and_takes_an_empty_batch(attack, model, batch):
    images, labels = batch
    before = images.clone()
    attack(model, images, labels)
    assert torch.equal(images, before)
    assert len(attack(model, images[:0], labels[:0])) == 0
    assert len(queries_needed(attack, model, images[:0], labels[:0])) == 0


@EVERY
def test_its_random_numbers_are_the_callers(attack, model, batch):
    shown = []
    for _ in range(2):
        torch.manual_seed(1)
        shown.append(attack(model, *batch))
    assert torch.equal(*shown)


@pytest.mark.parametrize("theirs", ["torchattacks", "art"])
@pytest.mark.parametrize("epsilon", [0.03, 0.05])
def test_square_finds_no_less_than_others_with_as_many_queries(theirs, epsilon, model):
    split, queries = small_split(150, seed=7), 200
    images, labels = as_pixels(split.images), split.labels
    ours = robust(Square(epsilon, queries), model, images, labels)
    other = robust(OTHERS[theirs](epsilon, queries), model, images, labels)
    assert 0 < ours <= other + 0.01


def square_of_torchattacks(epsilon, queries):
    # Theirs asks about the stripes before it starts to count.
    library = pytest.importorskip("torchattacks")
    return lambda model, *batch: library.Square(model, eps=epsilon, n_queries=queries - 1)(*batch)


def square_of_art(epsilon, queries):
    # Theirs asks about the unchanged image and the stripes before it starts to count.
    evasion = pytest.importorskip("art.attacks.evasion")
    from art.estimators.classification import PyTorchClassifier

    def attack(model, images, labels):
        loss = nn.CrossEntropyLoss()
        wrapped = PyTorchClassifier(model, loss, images.shape[1:], 3, clip_values=(0, 1))
        square = evasion.SquareAttack(wrapped, eps=epsilon, max_iter=queries - 1, verbose=False)
        return torch.from_numpy(square.generate(images.numpy(), labels.numpy()))

    return attack


OTHERS = {"torchattacks": square_of_torchattacks, "art": square_of_art}


@pytest.mark.parametrize("classes", [2, 3, 4])
def test_square_ends_at_the_exact_optimum_of_a_linear_model(classes):
    """Where it fools nothing, every pixel ends where it hurts most, for one of the others."""
    model, images = linear(classes), torch.full((5, 1, 4, 4), 0.5)
    labels = torch.zeros(5, dtype=torch.long)
    weight = model[1].weight.detach()
    gaps = weight[:1] - weight[1:]
    epsilon = 0.9 / float(gaps.abs().sum(1).max())
    logits = model(Square(epsilon, 500)(model, images, labels))
    margins = logits[:, 0] - logits[:, 1:].max(1).values
    optima = 1 - epsilon * gaps.abs().sum(1)
    assert (margins[:, None] - optima).abs().min(1).values.max() < 1e-5
    assert (margins - optima.min()).abs().min() < 1e-5


@pytest.mark.parametrize("classes", [2, 3, 4])
@pytest.mark.parametrize("beyond, falls", [(0.99, False), (1.02, True)])
def test_square_needs_the_exact_radius_of_a_linear_model(classes, beyond, falls):
    model, images = linear(classes), torch.full((5, 1, 4, 4), 0.5)
    labels = torch.zeros(5, dtype=torch.long)
    weight = model[1].weight.detach()
    radius = 1 / float((weight[:1] - weight[1:]).abs().sum(1).max())
    needed = queries_needed(Square(beyond * radius, 500), model, images, labels)
    assert bool(needed.isfinite().any()) is falls


class Counting(nn.Module):
    """A model that knows how many images it was shown."""

    def __init__(self, model):
        super().__init__()
        self.model, self.seen = model, 0

    def forward(self, images):
        self.seen += len(images)
        return self.model(images.float())


def test_the_count_of_queries_is_what_the_model_was_asked(model, batch):
    """Of each image alone: the unchanged one is free, and after the fall nothing is asked."""
    fell = []
    for image, label in zip(*(part.split(1) for part in batch), strict=True):
        counting = Counting(model)
        needed = queries_needed(Square(0.05, 20), counting, image, label)
        assert counting.seen == 1 + needed.clamp_max(20)
        assert (needed == 0) == (model(image).argmax(1) != label)
        fell.append(float(needed))
    assert fell.count(torch.inf) and any(1 < needed <= 20 for needed in fell)


@pytest.mark.parametrize("wrong", [{"epsilon": -1}, {"queries": 0}, {"share": 0}], ids=str)
def test_a_wrong_setting_is_refused_when_made(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Square(**wrong)
