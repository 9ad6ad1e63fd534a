"""Label errors go where they say, and nowhere else."""

import pytest
import torch
from scipy import stats

from utils.contamination.base import contaminate
from utils.contamination.corruptions.planted_noise import Gaussian
from utils.contamination.label_noise import (
    ImageDependent,
    LookAlike,
    Symmetric,
    coarse_reading,
)
from utils.data.split import Split


def labelled(classes: int, count: int = 3000) -> Split:
    labels = torch.arange(count) % classes
    names = tuple(f"grade {k}" for k in range(classes))
    return Split(torch.zeros(count, 1, 2, 2, dtype=torch.uint8), labels, names)


def transitions(before: Split, after: Split) -> torch.Tensor:
    """Images by their class (row) and by what is said of them (column)."""
    pairs = before.classes * before.labels + after.labels
    counts = torch.bincount(pairs, minlength=before.classes**2)
    return counts.view(before.classes, before.classes)


@pytest.mark.parametrize("classes", [2, 3, 11])
def test_symmetric_errors_reach_every_other_class_as_often(classes):
    split = labelled(classes)
    table = transitions(split, Symmetric(rate=0.4)(split))
    wrong = table[~torch.eye(classes, dtype=torch.bool)]
    assert wrong.sum() == 1200
    assert classes == 2 or stats.chisquare(wrong).pvalue > 0.01


MARGINS = {  # the truth is class 0: what is said of it, and what it will be mistaken for
    "sure": ([0.9, 0.04, 0.06], 2),
    "torn": ([0.4, 0.35, 0.25], 1),
    "wrong": ([0.1, 0.2, 0.7], 2),
    "nearly wrong": ([0.45, 0.1, 0.45], 2),
}


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_hard_images_come_first_and_get_what_they_are_mistaken_for(count):
    said = torch.tensor([probabilities for probabilities, _ in MARGINS.values()])
    split = Split(
        torch.zeros(4, 1, 2, 2, dtype=torch.uint8), torch.zeros(4).long(), ("a", "b", "c")
    )
    after = ImageDependent(said, rate=count / 4)(split)
    order = ["wrong", "nearly wrong", "torn", "sure"]
    for place, (name, (_, mistaken)) in enumerate(MARGINS.items()):
        hit = order.index(name) < count
        assert after.labels[place] == (mistaken if hit else 0) and after.changed[place] == 2 * hit


def test_hard_images_that_are_noisy_already_are_left_alone():
    said = torch.rand(300, 3, generator=torch.Generator().manual_seed(0))
    split = labelled(3, 300)
    after, manifest = contaminate(split, Gaussian(rate=0.5), ImageDependent(said, rate=0.1))
    assert manifest["kind"].value_counts().to_dict() == {"noise": 150, "label error": 30}
    own = said.gather(1, split.labels[:, None])[:, 0]
    margin = own - said.scatter(1, split.labels[:, None], -1).amax(1)
    assert margin[after.changed == 2].max() <= margin[after.changed == 0].min()


def test_between_equally_hard_images_the_seed_decides():
    split, said = labelled(3, 300), torch.full((300, 3), 1 / 3)
    first, second = (ImageDependent(said, rate=0.2, seed=k)(split).changed for k in (0, 1))
    assert not torch.equal(first, second)


@pytest.mark.parametrize("shape", [(299, 3), (300, 4), (300,)])
def test_probabilities_of_other_images_are_refused(shape):
    with pytest.raises(ValueError, match="for each of 300 images .* 3 classes, got"):
        ImageDependent(torch.ones(shape))(labelled(3, 300))


def test_with_one_class_no_label_can_be_wrong():
    one = Split(torch.zeros(4, 1, 2, 2, dtype=torch.uint8), torch.zeros(4).long(), ("a",))
    with pytest.raises(ValueError, match="no label can be wrong"):
        Symmetric(rate=0.5)(one)


@pytest.mark.parametrize("pair", [(1, 2), (2, 1)])
def test_only_two_classes_take_each_others_label(pair):
    split = labelled(4, 4000)
    table = transitions(split, LookAlike(rate=0.2, pair=pair)(split))
    assert table[1, 2] + table[2, 1] == 800 and abs(int(table[1, 2]) - 400) < 60
    assert int(table.sum() - table.diag().sum()) == 800


@pytest.mark.parametrize("pair", [(1, 1), (0, 4)])
def test_a_pair_is_two_classes_that_there_are(pair):
    with pytest.raises(ValueError, match="pair needs two classes|none of the 4 classes"):
        LookAlike(rate=0.1, pair=pair)(labelled(4))


def shades(labels: torch.Tensor, patients: torch.Tensor, seed: int = 0) -> Split:
    """Images whose left half is brighter for one class, by less than most of the noise."""
    rng = torch.Generator().manual_seed(seed)
    images = torch.full((len(labels), 1, 20, 20), 128.0)
    images[:, :, :, :10] += 6 * labels.view(-1, 1, 1, 1)
    images += 40 * torch.randn(images.shape, generator=rng)
    return Split(images.clamp(0, 255).to(torch.uint8), labels, ("a", "b"), patients)


def test_a_reading_knows_the_rule_that_others_teach():
    labels = torch.arange(400) % 2
    split = shades(labels, torch.arange(400) // 4)
    assert (coarse_reading(split).argmax(1) == labels).double().mean() > 0.8


def test_a_patient_with_copies_is_read_by_others_alone():
    """Each image is there four times: a reader that met one copy would know the label of all."""
    rng = torch.Generator().manual_seed(2)
    images = torch.randint(0, 256, (60, 1, 20, 20), generator=rng).to(torch.uint8)
    coin = torch.randint(2, (60,), generator=rng)
    again = torch.arange(240) % 60
    split = Split(images[again], coin[again], ("a", "b"), again)
    found = coarse_reading(split, pixels=20).argmax(1)
    assert abs((found == split.labels).double().mean() - 0.5) < 4 * 0.5 / 60**0.5
