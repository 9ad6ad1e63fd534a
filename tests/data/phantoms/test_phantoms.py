"""The phantoms are repeatable, marked, and neither trivial nor impossible to learn from."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from utils.backbones import build
from utils.data.patient_split import split_by_group
from utils.data.phantoms import MIN_PATIENTS, PHANTOMS, draw
from utils.data.split import Split, Splits, to_float
from utils.evaluation.predict import predict
from utils.training.loop import TrainConfig, train_or_load

NAMES = list(PHANTOMS)
FEW = {name: MIN_PATIENTS * len(PHANTOMS[name].classes) for name in NAMES}  # patients
FRACTIONS = (0.8, 0.2)

ONE_SIDED = [(name, 1) for name in ("effusion", "pneumothorax", "nodule", "mass", "cavity")]
TWO_SIDED = [(name, 2) for name in ("interstitial", "oedema", "fibrosis")]


@cache
def drawn(name: str) -> Split:
    return draw(name)


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
    """ResNet-18 after six epochs, chosen among them by training images alone."""
    model = build("resnet18", train.classes, train.size)
    splits = Splits(train, validation=train.limit(100), test=test)
    train_or_load(model, splits, TrainConfig(epochs=6), folder)
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
    small, large = small_grey(few(name, 64)), small_grey(few(name, 160))
    likeness = [np.corrcoef(a, b)[0, 1] for a, b in zip(small, large, strict=True)]
    assert min(likeness) > 0.95


@pytest.mark.parametrize("size", [32, 63, 200])
@pytest.mark.parametrize("name", NAMES)
def test_any_size_has_the_promised_shape(name, size):
    phantom = PHANTOMS[name]
    split = draw(name, size, FEW[name])
    images = FEW[name] * phantom.views
    assert split.images.shape == (images, phantom.channels, size, size)
    assert split.masks.shape == (images, size, size) and split.masks.dtype == torch.bool
    assert split.groups.bincount().unique().tolist() == [phantom.views]


@pytest.mark.parametrize("name", NAMES)
def test_classes_have_their_names_and_their_share(name):
    split, phantom = drawn(name), PHANTOMS[name]
    assert split.class_names == tuple(phantom.classes)
    expected = phantom.views * torch.tensor(phantom.patients)
    assert (split.counts - expected).abs().max() <= phantom.views


@pytest.mark.parametrize("more", [0, 1, 38])
@pytest.mark.parametrize("name", NAMES)
def test_every_class_has_patients_for_three_parts(name, more):
    patients = FEW[name] + more
    split = draw(name, 32, patients)
    of_class = [split.groups[split.labels == k].unique().numel() for k in range(split.classes)]
    assert sum(of_class) == patients and min(of_class) >= MIN_PATIENTS


@pytest.mark.parametrize("name", ["chest_phantom", "findings_phantom"])
def test_only_diseased_lungs_have_a_finding_and_it_is_a_shadow(name):
    split = drawn(name)
    normal = split.labels == split.class_names.index("normal")
    areas = split.masks.float().mean((1, 2))
    assert areas[normal].max() == 0
    assert areas[~normal].min() > 0.001 and areas[~normal].max() < 0.5
    assert brightness_ratio(split.take(~normal)).median() > 1


@pytest.mark.parametrize("finding", [name for name, _ in ONE_SIDED])
def test_a_shadow_is_brighter_than_what_lies_around_it_and_loose_air_darker(finding):
    split = drawn("findings_phantom")
    ratio = brightness_ratio(split.take(split.labels == split.class_names.index(finding)))
    share_brighter = (ratio > 1).float().mean()
    assert share_brighter < 0.1 if finding == "pneumothorax" else share_brighter > 0.9


def test_bacterial_findings_lie_on_one_side_and_viral_ones_on_both():
    split = drawn("chest_phantom")
    left, right = (half.float().mean((1, 2)) for half in split.masks.chunk(2, dim=2))
    balance = torch.minimum(left, right) / torch.maximum(left, right)
    bacterial, viral = (split.labels == split.class_names.index(k) for k in ("bacterial", "viral"))
    assert balance[bacterial].median() < 0.05 and balance[viral].median() > 0.4


@pytest.mark.parametrize("finding, sides", [*ONE_SIDED, *TWO_SIDED])
def test_findings_lie_on_the_sides_they_should(finding, sides):
    split = drawn("findings_phantom")
    masks = split.masks[split.labels == split.class_names.index(finding)]
    left, right = (half.float().mean((1, 2)) for half in masks.chunk(2, dim=2))
    balance = torch.minimum(left, right) / torch.maximum(left, right)
    assert balance.median() < 0.05 if sides == 1 else balance.median() > 0.4
    assert 0.2 < (left > right).float().mean() < 0.8 or sides == 2  # either may be the ill one


def test_findings_differ_in_size_as_their_names_say_and_the_last_is_rare():
    split = drawn("findings_phantom")
    areas, name = split.masks.float().mean((1, 2)), split.class_names.index
    size = {kind: areas[split.labels == name(kind)] for kind in ("nodule", "mass", "interstitial")}
    assert size["nodule"].max() < size["mass"].quantile(0.5) < size["interstitial"].min()
    assert split.counts.tolist() == sorted(split.counts.tolist(), reverse=True)
    assert split.classes == 11 and split.counts[0] == 8 * split.counts[-1]


def brightness_ratio(split: Split) -> torch.Tensor:
    """Mean brightness inside the finding over that of a rim, 4 pixels wide, around it."""
    grey, inside = to_float(split.images).mean(1), split.masks.float()
    rim = F.max_pool2d(inside[:, None], 9, stride=1, padding=4)[:, 0] - inside
    mean = [(grey * part).sum((1, 2)) / part.sum((1, 2)) for part in (inside, rim)]
    return mean[0] / mean[1]


def test_the_fluid_of_the_brain_is_dark_and_grows_with_the_grade():
    split = drawn("brain_phantom")
    assert (brightness_ratio(split) < 0.9).float().mean() > 0.95
    areas = split.masks.float().mean((1, 2))
    by_grade = [areas[split.labels == k].mean() for k in range(split.classes)]
    assert by_grade == sorted(by_grade) and by_grade[-1] > 2 * by_grade[0]


def test_the_transformation_zone_is_red_and_retreats_with_the_type():
    split = drawn("cervix_phantom")
    green = replace(split, images=split.images[:, 1:2])
    assert (brightness_ratio(green) < 1).float().mean() > 0.9
    areas = split.masks.float().mean((1, 2))
    assert areas.min() > 0
    by_type = [areas[split.labels == k].mean() for k in range(split.classes)]
    assert by_type == sorted(by_type, reverse=True)


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


@pytest.mark.parametrize("name", NAMES)
def test_splitting_by_image_inflates_the_score_by_ten_points(name):
    split = drawn(name)
    inflated = nearest_neighbour_accuracy(*by_image(split))
    honest = nearest_neighbour_accuracy(*by_patient(split))
    assert inflated > honest + 0.1


@pytest.mark.parametrize("name", NAMES)
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
    assert 0.80 <= resnet <= 0.96
    assert linear < resnet - 0.1
