"""Data as plain tensors."""

from dataclasses import replace

import pytest
import torch
from small import findings_split, small_network, small_split

from utils.attacks.pgd import PGD
from utils.data.split import Split, Splits, batches, concatenate, to_float
from utils.evaluation.inference import predict

IMAGES = torch.zeros(4, 1, 8, 8, dtype=torch.uint8)
WRONG = {
    "float images": ({"images": IMAGES.float()}, "uint8"),
    "no channels": ({"images": IMAGES[:, 0]}, "uint8 or uint16"),
    "fewer labels": ({"labels": torch.zeros(3).long()}, "4 images but 3 labels"),
    "fewer groups": ({"groups": torch.zeros(5).long()}, "4 images but 5 groups"),
    "foreign label": ({"labels": torch.tensor([0, 1, 2, 0])}, "outside"),
    "negative label": ({"labels": torch.tensor([0, 1, -1, 0])}, "outside"),
}


@pytest.mark.parametrize("case", WRONG)
def test_data_that_do_not_fit_together_are_refused(case):
    change, message = WRONG[case]
    facts = {"images": IMAGES, "labels": torch.tensor([0, 1, 1, 0]), "class_names": ("a", "b")}
    with pytest.raises(ValueError, match=message):
        Split(**{**facts, **change})


def test_taking_images_takes_all_that_belongs_to_them():
    split = small_split(30)
    some = split.take([4, 2, 9])
    assert torch.equal(some.images, split.images[[4, 2, 9]])
    assert some.labels.tolist() == split.labels[[4, 2, 9]].tolist()
    assert some.groups.tolist() == [2, 1, 4] and some.class_names == split.class_names


def test_counts_include_absent_classes():
    assert small_split(30).take(torch.arange(0, 30, 3)).counts.tolist() == [10, 0, 0]


@pytest.mark.parametrize(("asked", "given"), [(0, 30), (12, 12), (30, 30), (99, 30)])
def test_a_limit_is_kept_and_repeatable(asked, given):
    split = small_split(30)
    splits = Splits(split, split, split).limit(asked)
    assert {len(part) for _, part in splits.items()} == {given}
    assert torch.equal(splits.test.images, split.limit(asked).images)


@pytest.mark.parametrize(("asked", "given"), [(0, 20), (99, 20), (9, 9), (8, 6), (15, 13), (1, 3)])
def test_a_balanced_part_has_equally_many_of_each_class_where_there_are_enough(asked, given):
    labels = torch.tensor([0] * 10 + [1] * 7 + [2] * 3)
    images = torch.arange(20, dtype=torch.uint8).view(20, 1, 1, 1)
    part = (whole := Split(images, labels, ("a", "b", "c"))).balanced(asked)
    counts = part.counts.tolist()
    wanted = max(1, asked // 3) if 0 < asked < 20 else 20
    assert len(part) == given and counts == [min(wanted, full) for full in (10, 7, 3)]
    assert part.images.flatten().tolist() == sorted(part.images.flatten().tolist())
    assert part.content_hash() == whole.balanced(asked).content_hash()


def test_the_fingerprint_follows_pixels_and_labels():
    split = small_split(30)
    assert split.content_hash() == small_split(30).content_hash()
    changed = split.images.clone()
    changed[3, 0, 2, 2] += 1
    swapped = split.labels.flip(0)
    others = {
        Split(changed, split.labels, split.class_names).content_hash(),
        Split(split.images, swapped, split.class_names).content_hash(),
        Split(split.images, split.labels, ("x", "y", "z")).content_hash(),
    }
    assert len(others | {split.content_hash()}) == 4


def test_batches_hold_every_image_once_in_order_or_shuffled():
    split = small_split(30)
    straight = list(batches(split, 8))
    assert torch.equal(torch.cat([images for images, _ in straight]), split.images)
    torch.manual_seed(3)
    shuffled = torch.cat([labels for _, labels in batches(split, 8, shuffle=True)])
    assert torch.equal(shuffled.sort().values, split.labels.sort().values)
    assert not torch.equal(shuffled, split.labels)


def test_pixels_lie_between_zero_and_one():
    assert to_float(torch.tensor([0, 51, 255], dtype=torch.uint8)).tolist() == pytest.approx(
        [0, 0.2, 1]
    )


@pytest.mark.parametrize("count", [1, 2, 3, 99])
def test_per_patient_keeps_so_many_images_of_each_patient_evenly_spread(count):
    groups = torch.tensor([7, 7, 2, 7, 7, 2, 7, 5])
    images, labels = torch.zeros(8, 1, 2, 2, dtype=torch.uint8), torch.zeros(8).long()
    whole = Split(images, labels, ("a",), groups, changed=torch.arange(8))
    kept = whole.per_patient(count)
    own = {group: (groups == group).sum().item() for group in (2, 5, 7)}
    assert {g: (kept.groups == g).sum().item() for g in own} == {
        g: min(count, images) for g, images in own.items()
    }
    assert torch.equal(kept.changed, kept.changed.sort().values)  # in their order
    middle = {1: [3], 2: [1, 4], 3: [0, 3, 6], 99: [0, 1, 3, 4, 6]}  # of 0, 1, 3, 4, 6
    assert kept.changed[kept.groups == 7].tolist() == middle[count]


def test_per_patient_without_patients_or_without_a_limit_is_everything():
    whole = small_split(12)
    assert whole.per_patient(0) is whole
    alone = Split(whole.images, whole.labels, whole.class_names)
    assert alone.per_patient(1) is alone


def test_all_parts_together_are_the_whole():
    whole = small_split(60)
    parts = Splits(whole.take(range(30)), whole.take(range(30, 50)), whole.take(range(50, 60)))
    assert parts.all_images.content_hash() == whole.content_hash()
    assert torch.equal(parts.all_images.groups, whole.groups)


@pytest.mark.parametrize("size", [4, 8, 16, 32])
def test_resized_images_keep_their_mean_and_their_findings(size):
    split = small_split(6, 16)
    masks = torch.zeros(6, 16, 16, dtype=torch.bool)
    masks[:, :8, 4:12] = True
    after = replace(split, masks=masks).resized(size)
    assert after.images.shape == (6, 1, size, size) and after.images.dtype == torch.uint8
    assert (after.images.float().mean() - split.images.float().mean()).abs() < 1
    assert after.masks.dtype == torch.bool and after.masks.float().mean() == 0.25
    assert torch.equal(after.labels, split.labels) and torch.equal(after.groups, split.groups)
    assert split.resized(size).masks is None


def test_files_follow_their_images_and_are_empty_where_there_are_none():
    split = replace(small_split(6), files=tuple("abcdef"))
    assert split.take([4, 1]).files == ("e", "b")
    assert split.take(split.labels == 0).files == ("a", "d") and split.limit(2).files
    assert concatenate(split, small_split(2)).files == (*"abcdef", "", "")
    assert concatenate(small_split(2), small_split(2)).files is None
    with pytest.raises(ValueError, match="6 images but 1 files"):
        replace(split, files=("a",))


def test_the_depth_changes_nothing_for_a_model_and_an_attack():
    shallow, model = small_split(12), small_network()
    deep = shallow.with_depth(16)
    assert (shallow.depth, deep.depth) == (8, 16) and deep.with_depth(16).images is deep.images
    for attack in (None, PGD(8 / 255)):
        found = [predict(model, split, attack).probabilities for split in (shallow, deep)]
        assert (found[0] == found[1]).all()
    assert torch.equal(deep.with_depth(8).images, shallow.images)
    assert deep.content_hash() != shallow.content_hash()


def test_images_of_two_depths_are_not_mixed():
    with pytest.raises(ValueError, match="with_depth"):
        concatenate(small_split(3), small_split(3).with_depth(16))


def test_places_in_a_file_follow_their_images():
    split = replace(small_split(6), frames=torch.arange(6))
    assert split.take([4, 1]).frames.tolist() == [4, 1]
    both = concatenate(small_split(2), split)
    assert both.frames.tolist() == [0, 0, 0, 1, 2, 3, 4, 5]


def test_findings_are_columns_of_labels():
    split = findings_split(32)
    assert split.has_findings and not small_split().has_findings
    assert split.counts.tolist() == split.labels.sum(0).tolist() == [16, 16, 16]
    assert torch.equal(split.has(1), split.labels[:, 1] == 1)
    assert torch.equal(small_split().has(1), small_split().labels == 1)
    some = split.take([5, 3])
    assert torch.equal(some.labels, split.labels[[5, 3]])
    assert torch.equal(concatenate(some, some).labels, some.labels.repeat(2, 1))
    with pytest.raises(ValueError, match="no classes to balance; use limit"):
        split.balanced(10)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (torch.zeros(4, 3).long(), "3 columns of labels for the findings"),
        (torch.full((4, 2), 2), "outside the 2 classes"),
    ],
)
def test_findings_that_do_not_fit_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        Split(IMAGES, labels, ("a", "b"))
