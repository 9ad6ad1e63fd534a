"""Images the model has not seen: of unseen patients, and photographs."""

from dataclasses import replace

import pytest
import torch
from PIL import Image
from small import small_split

from utils.contamination.resizers import Resizer, downscale
from utils.data import loading
from utils.data.duplicates import nearest, small_grey
from utils.data.loading import load
from utils.data.phantoms import draw
from utils.data.split import Splits, resized
from utils.data.unseen import (
    at_file_size,
    concatenate_patients,
    exclude_patients_of,
    foreign_photographs,
    unseen_patients,
)


def test_new_patients_are_drawn_large():
    large, known = unseen_patients("chest_phantom", 96, 9), draw("chest_phantom", 96, 9)
    assert large.size == 96 and len(set(large.patients)) == 9
    assert not torch.equal(large.images, known.images)


@pytest.mark.parametrize("size", [96, 64])
def test_patients_that_are_shown_are_excluded_from_training(size):
    """Even if only one of several images of a patient is shown."""
    split = draw("chest_phantom", 64, 12)
    parts = Splits(*(split.take(split.groups % 3 == part) for part in range(3)))
    shown = torch.cat([split.images[split.groups == patient][1:2] for patient in (3, 7, 8)])
    left = exclude_patients_of(parts, resized(shown, size))
    before, after = ([set(part.patients) for _, part in each.items()] for each in (parts, left))
    gone = [whole - rest for whole, rest in zip(before, after, strict=True)]
    assert gone == [{3}, {7}, set()]


def test_unseen_patients_exclude_nothing():
    split = draw("chest_phantom", 64, 12)
    left = exclude_patients_of(
        Splits(split, split, split), unseen_patients("chest_phantom", 128, 9).images
    )
    assert len(left.train) == len(left.validation) == len(split)


NAMES = ("IM-{:04d}-0001", "person{}_bacteria_1", "person{}_virus_1")  # of three classes


def as_chest_xray(split, root, parts=("train", "test")):
    """Files as this data set names them, each fourth patient in the test folder."""
    for number, (image, label) in enumerate(zip(split.images, split.labels, strict=True)):
        folder = "PNEUMONIA" if label else "NORMAL"
        part = parts[number // 3 % 4 == 3] if parts else ""
        path = root / "chest_xray" / part / folder / f"{NAMES[label].format(number)}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[0].numpy()).save(path)
    return root


def test_files_give_the_test_patients_or_those_of_another_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(loading, "VARIABLES", tmp_path / "variables")
    large = draw("chest_phantom", 96, 48).per_patient(1)
    large = replace(large, groups=torch.arange(len(large)), masks=None)
    split = replace(large, images=resized(large.images, 64))
    root = as_chest_xray(split, tmp_path / "mine")
    splits = load("chest_xray", 64, root)
    arriving = unseen_patients("chest_xray", 64, root=root)
    assert torch.equal(arriving.images, splits.test.images)
    assert len(exclude_patients_of(splits, arriving.images).train) == len(splits.train)
    larger = as_chest_xray(large.take(range(0, 48, 2)), tmp_path / "larger", parts=())
    some = unseen_patients("chest_xray", 96, 7, root=root, other=larger)
    assert some.size == 96 and len(set(some.patients)) == len(some) == 7
    left = exclude_patients_of(splits, some.images)
    gone = len(splits.all_images) - len(left.all_images)
    in_test = (nearest(small_grey(some.images), small_grey(splits.test.images))[0] < 2).sum()
    assert gone == 7 - in_test


def test_both_together_share_no_patient():
    one = draw("chest_phantom", 64, 9)
    both = concatenate_patients(
        one, downscale(unseen_patients("chest_phantom", 128, 10), Resizer(), 64)
    )
    assert len(both) == 19 * 3 and len(set(both.patients)) == 19
    assert torch.equal(both.labels[: len(one)], one.labels) and both.masks is None


@pytest.mark.parametrize(
    "like", [small_split(6), draw("cervix_phantom", 32, 9)], ids=["grey", "colour"]
)
def test_photographs_have_the_shape_of_the_images_beside_them(like):
    found = foreign_photographs(like, 5)
    assert found.images.shape == (5, *like.images.shape[1:]) and found.images.dtype == torch.uint8
    assert found.class_names == like.class_names
    assert found.images.flatten(1).float().std(1).min() > 5  # something is seen in each


def test_the_seed_decides_which_crops():
    like = small_split(6)
    assert (
        foreign_photographs(like, 4).content_hash() == foreign_photographs(like, 4).content_hash()
    )
    assert (
        foreign_photographs(like, 4).content_hash()
        != foreign_photographs(like, 4, seed=1).content_hash()
    )


def test_new_patients_have_as_many_views_as_wanted_and_all_classes_are_equally_frequent():
    large = unseen_patients("chest_phantom", 64, 9, views=1)
    assert len(large) == 9 and large.counts.tolist() == [3, 3, 3]


def test_the_same_test_files_are_found_at_their_own_size(tmp_path, monkeypatch):
    """In the order of the test images, although another size was split on its own."""
    monkeypatch.setattr(loading, "VARIABLES", tmp_path / "variables")
    large = draw("chest_phantom", 96, 24, views=1)
    root = as_chest_xray(replace(large, masks=None), tmp_path)
    test = load("chest_xray", 64, root).test
    chosen = test.take(range(len(test) - 1, 0, -1))
    files = at_file_size(chosen, "chest_xray", 96, root=root)
    assert files.size == 96 and files.files == chosen.files
    assert torch.equal(files.groups, chosen.groups) and torch.equal(files.labels, chosen.labels)
    shrunk = resized(files.images, 64).int() - chosen.images.int()
    assert shrunk.abs().float().mean() < 2  # grey levels of 255


def test_a_test_set_without_files_gets_as_many_new_patients():
    drawn = draw("chest_phantom", 40, 9)
    files = at_file_size(drawn, "chest_phantom", 64)
    assert files.size == 64 and len(files) == len(set(files.patients)) == 9
    assert not set(files.patients) & set(drawn.patients)
