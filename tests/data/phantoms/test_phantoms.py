"""The phantoms are repeatable, marked, and neither trivial nor impossible to learn from."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from drawn import drawn
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from utils.backbones.classifier import build
from utils.data.patients.splitting import split_by_group
from utils.data.phantoms import MIN_PATIENTS, PHANTOMS, draw
from utils.data.split import Split, Splits, to_float
from utils.evaluation.inference import predict
from utils.training.config import TrainConfig
from utils.training.loop import train_or_load

NAMES = list(PHANTOMS)
ONE_LABEL = [name for name in NAMES if not PHANTOMS[name].has_findings]
VISITS = ("chest_phantom", "cervix_phantom", "findings_phantom")  # no two views are alike
FEW = {name: MIN_PATIENTS * len(PHANTOMS[name].classes) for name in NAMES}  # patients
FRACTIONS = (0.8, 0.2)


@cache
def few(name: str, size: int = 64) -> Split:
    return draw(name, size, FEW[name] + 2)


def small_grey(split: Split, size: int = 32) -> torch.Tensor:
    grey = to_float(split.images).mean(1, keepdim=True)
    return F.interpolate(grey, size=(size, size), mode="area").flatten(1)


def by_patient(split: Split) -> tuple[Split, Split]:
    """Training and test patients."""
    train, test = split_by_group(split.labels, split.groups, FRACTIONS)
    return split.take(train), split.take(test)


def by_image(split: Split) -> tuple[Split, Split]:
    """The mistake: slices of one patient on both sides."""
    order = torch.randperm(len(split), generator=torch.Generator().manual_seed(0))
    cut = int(FRACTIONS[0] * len(split))
    return split.take(order[:cut]), split.take(order[cut:])


def nearest_neighbour_accuracy(train: Split, test: Split) -> float:
    nearest = torch.cdist(small_grey(test), small_grey(train)).argmin(1)
    return (train.labels[nearest] == test.labels).float().mean().item()


def linear_accuracy(train: Split, test: Split) -> float:
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1e-3, max_iter=200))
    model.fit(small_grey(train).numpy(), train.labels.numpy())
    return model.score(small_grey(test).numpy(), test.labels.numpy())


def resnet_accuracy(train: Split, test: Split, folder) -> float:
    """A narrow ResNet-10 after six epochs, chosen among them by training images alone."""
    model = build("resnet10_narrow", train.classes, train.size)
    splits = Splits(train, validation=train.limit(100), test=test)
    config = TrainConfig(6, batch_size=16, learning_rate=4e-3, schedule="one_cycle")
    train_or_load(model, splits, config, folder)
    return predict(model, test).accuracy


def same(first: Split, second: Split) -> bool:
    pairs = zip(first.per_image().values(), second.per_image().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_request_draws_the_same_bits(name):
    first, again, other = (draw(name, 48, FEW[name], seed=seed) for seed in (3, 3, 4))
    assert same(first, again) and not torch.equal(first.images, other.images)


@pytest.mark.parametrize("name", NAMES)
def test_neither_threads_nor_torch_randomness_matter(name):
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = draw(name, 96, FEW[name])
        torch.set_num_threads(2)
        torch.manual_seed(99)
        assert same(one, draw(name, 96, FEW[name]))
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("name", NAMES)
def test_a_patient_does_not_depend_on_those_who_come_after(name):
    fewer, more = draw(name, 32, FEW[name]), draw(name, 32, FEW[name] + 20)
    assert same(fewer, more.take(range(len(fewer))))


@pytest.mark.parametrize("name", NAMES)
def test_a_patient_has_the_same_anatomy_at_every_size(name):
    small, large = small_grey(few(name, 64)), small_grey(few(name, 128))
    likeness = [np.corrcoef(a, b)[0, 1] for a, b in zip(small, large, strict=True)]
    assert min(likeness) > 0.95


@pytest.mark.parametrize("size", [32, 63, 130])
@pytest.mark.parametrize("name", NAMES)
def test_any_size_has_the_promised_shape(name, size):
    phantom = PHANTOMS[name]
    split = draw(name, size, FEW[name])
    images = FEW[name] * phantom.views
    assert split.images.shape == (images, phantom.channels, size, size)
    assert split.masks.shape == (images, size, size) and split.masks.dtype == torch.bool
    assert split.groups.bincount().unique().tolist() == [phantom.views]


@pytest.mark.parametrize("name", ONE_LABEL)
def test_classes_have_their_names_and_their_share(name):
    split, phantom = drawn(name), PHANTOMS[name]
    assert split.class_names == tuple(phantom.classes)
    expected = phantom.views * torch.tensor(phantom.patients)
    assert (split.counts - expected).abs().max() <= phantom.views


@pytest.mark.parametrize("more", [0, 1, 38])
@pytest.mark.parametrize("name", ONE_LABEL)
def test_every_class_has_patients_for_three_parts(name, more):
    patients = FEW[name] + more
    split = draw(name, 32, patients, views=1)
    of_class = [split.groups[split.labels == k].unique().numel() for k in range(split.classes)]
    assert sum(of_class) == patients and min(of_class) >= MIN_PATIENTS


@pytest.mark.parametrize("name", ONE_LABEL)
def test_in_a_balanced_draw_classes_take_turns_and_one_view_is_enough(name):
    classes, patients = len(PHANTOMS[name].classes), FEW[name]
    split = draw(name, 32, patients, seed=-2, views=1, balanced=True)
    assert split.labels.tolist() == [patient % classes for patient in range(patients)]
    assert split.groups.tolist() == list(range(patients)) and len(split.masks) == patients
    more = draw(name, 32, patients + 5, seed=-2, views=1, balanced=True)
    assert same(split, more.take(range(patients)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("liver_phantom",), "choose from brain_phantom, chest_phantom, cervix_phantom"),
        (("brain_phantom", 16), "from 32 to 768 pixels, got 16"),
        (("brain_phantom", 1024), "from 32 to 768 pixels, got 1024"),
        (("brain_phantom", 64, 11), "at least 12, 3 of each class"),
        (("brain_phantom", 64, 0), "at least 12, 3 of each class"),
    ],
)
def test_a_bad_request_says_what_would_be_taken(arguments, message):
    with pytest.raises(ValueError, match=message):
        draw(*arguments)


def inflation(name: str) -> float:
    """What a look-up gains where images of its test patients are among those for training."""
    split = drawn(name)
    inflated = nearest_neighbour_accuracy(*by_image(split))
    return inflated - nearest_neighbour_accuracy(*by_patient(split))


def test_splitting_slices_by_image_inflates_the_score_by_ten_points():
    assert inflation("brain_phantom") > 0.1


@pytest.mark.parametrize("name", VISITS)
def test_splitting_visits_by_image_does_not_help_a_look_up(name):
    assert inflation(name) < 0.1


@pytest.mark.parametrize("name", VISITS)
def test_the_nearest_image_is_seldom_of_the_same_patient(name):
    split = drawn(name)
    pictures = small_grey(split)
    apart = torch.cdist(pictures, pictures).fill_diagonal_(torch.inf)
    same_patient = split.groups[apart.argmin(1)] == split.groups
    assert same_patient.float().mean() < 0.25


@pytest.mark.parametrize("name", NAMES)
def test_one_view_of_a_patient_can_be_drawn_alone(name, monkeypatch):
    monkeypatch.setitem(PHANTOMS, name, replace(PHANTOMS[name], views=1))
    split = draw(name, 32, FEW[name])
    assert len(split) == len(split.masks) == split.groups.unique().numel() == FEW[name]
    assert split.images.flatten(1).float().std(1).min() > 10


@pytest.mark.parametrize("name", ONE_LABEL)
def test_brightness_alone_does_not_give_the_class_away(name):
    """Mean, spread and border: a tree on them stays near the majority class."""
    train, test = by_patient(drawn(name))
    tree = DecisionTreeClassifier(max_depth=4, random_state=0).fit(summary(train), train.labels)
    majority = (test.counts.max() / len(test)).item()
    assert tree.score(summary(test), test.labels) < majority + 0.1


def summary(split: Split) -> np.ndarray:
    grey = to_float(split.images).mean(1)
    border = torch.cat([grey[:, 0], grey[:, -1], grey[:, :, 0], grey[:, :, -1]], dim=1)
    flat = grey.flatten(1)
    levels = flat.quantile(torch.tensor([0.05, 0.25, 0.5, 0.75, 0.95]), dim=1)
    return torch.stack([flat.mean(1), flat.std(1), border.mean(1), *levels], dim=1).numpy()


@pytest.mark.slow
def test_a_resnet_learns_new_patients_where_a_linear_model_does_not(tmp_path):
    train, test = by_patient(drawn("brain_phantom"))
    resnet, linear = resnet_accuracy(train, test, tmp_path), linear_accuracy(train, test)
    assert 0.80 <= resnet <= 0.96, resnet
    assert linear < resnet - 0.15
