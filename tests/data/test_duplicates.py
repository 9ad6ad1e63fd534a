"""Nearest neighbours against brute force, and near-duplicates found up to their threshold."""

from dataclasses import replace

import pytest
import torch
from small import split_of, unrelated

from utils.data import duplicates
from utils.data.duplicates import (
    NEAR,
    duplicate_pairs,
    duplicates_across,
    merge_duplicates,
    nearest,
    nearest_in_cells,
    small_grey,
)
from utils.data.split import Splits


def test_small_pictures_are_averages_of_areas():
    images = unrelated(3, 64, channels=3)
    expected = images.float().mean(1).reshape(3, 32, 2, 32, 2).mean((2, 4)).flatten(1)
    assert torch.allclose(small_grey(images), expected, atol=1e-3)
    assert torch.equal(small_grey(unrelated(2)), unrelated(2).float().flatten(1))


def test_the_nearest_are_those_of_brute_force():
    queries, pictures = small_grey(unrelated(50)), small_grey(unrelated(2100, seed=1))
    distances, positions = nearest(queries, pictures, 3)
    every = torch.cdist(queries.double(), pictures.double()) / 32
    expected = every.topk(3, largest=False)
    assert torch.equal(positions, expected.indices)
    assert torch.allclose(distances, expected.values.float(), atol=1e-2)


def crowds(count: int = 4000, centres: int = 200, width: int = 24) -> torch.Tensor:
    """Points around centres, as the images of patients are."""
    generator = torch.Generator().manual_seed(0)
    around = torch.randn(centres, width, generator=generator).repeat(count // centres, 1)
    return around + 0.3 * torch.randn(count, width, generator=generator)


def test_in_cells_nearly_all_of_the_nearest_are_found(monkeypatch):
    monkeypatch.setattr(duplicates, "CELLS", 8)  # an eighth of all cells
    pictures = crowds()
    found, every = nearest_in_cells(pictures, 10), nearest(pictures, pictures, 10)[1]
    shared = (found[:, :, None] == every[:, None]).any(2).float().mean()
    assert shared > 0.98
    assert torch.equal(found[:, 0], torch.arange(len(pictures)))  # the nearest is the image itself
    assert torch.equal(found, nearest_in_cells(pictures, 10))


@pytest.mark.parametrize("copies", [0, 400, 1000])
def test_in_cells_of_copies_no_place_is_left_empty(copies):
    pictures = torch.cat([crowds(1000 - copies or 200), torch.zeros(copies, 24)])
    found = nearest_in_cells(pictures, 50)
    assert found.shape == (len(pictures), 50) and 0 <= found.min() <= found.max() < len(pictures)
    assert all(len(set(row)) == 50 for row in found[::50].tolist())


@pytest.mark.parametrize("shift", [0, 1, 2, 3, 5])
def test_duplicates_are_found_up_to_the_threshold_and_not_beyond(shift):
    images = torch.cat([unrelated(1500), unrelated(1500)[700:710] + shift])
    expected = [[700 + i, 1500 + i] for i in range(10)] if shift <= NEAR else []
    assert duplicate_pairs(images).tolist() == expected


def test_a_recompressed_image_is_still_a_duplicate():
    noise = torch.randn(20, 1, 64, 64, generator=torch.Generator().manual_seed(0)) * 3
    images = unrelated(20, 64)
    again = (images + noise).round().clamp(0, 255).to(torch.uint8)
    assert len(duplicate_pairs(torch.cat([images, again]))) == 20


def test_duplicates_form_chains_and_tie_known_groups_only_when_identical():
    image = unrelated(1)
    images = torch.cat([image, image + 2, image + 4, unrelated(2, seed=1), image])
    unknown = merge_duplicates(images)
    assert unknown[0] == unknown[1] == unknown[2] == unknown[5]
    assert len(unknown.unique()) == 3
    known = merge_duplicates(images, torch.tensor([8, 6, 6, 3, 3, 9]))
    assert known[0] == known[5] and known[1] == known[2] and known[3] == known[4]
    assert len(known.unique()) == 3


def test_the_table_of_duplicates_says_where_both_lie():
    train, test = unrelated(30), unrelated(30, seed=1)
    test[4], test[6] = train[9], train[3] + 1
    splits = Splits(split_of(train), split_of(unrelated(30, seed=2)), split_of(test))
    table = duplicates_across(splits)
    assert table["distance"].tolist() == [0, 1] and table["identical"].tolist() == [True, False]
    assert table[["split", "image", "split of twin", "twin"]].to_numpy().tolist() == [
        ["test", 4, "train", 9],
        ["test", 6, "train", 3],
    ]


def test_the_table_misses_no_image_that_has_a_duplicate_before_it():
    images = torch.cat([unrelated(60), unrelated(30) + 1, unrelated(20), unrelated(9, seed=1)])
    images = images[torch.randperm(len(images), generator=torch.Generator().manual_seed(0))]
    parts = dict(zip(("train", "validation", "test"), images.split([60, 30, 29]), strict=True))
    table = duplicates_across(Splits(**{name: split_of(part) for name, part in parts.items()}))
    names = [(name, place) for name, part in parts.items() for place in range(len(part))]
    pairs = [(names[later], names[earlier]) for earlier, later in duplicate_pairs(images).tolist()]
    found = {tuple(row) for row in table[["split", "image", "split of twin"]].to_numpy()}
    assert found == {(*later, earlier[0]) for later, earlier in pairs} and len(found) == len(table)
    both = [tuple(row) for row in table[["split", "image", "split of twin", "twin"]].to_numpy()]
    assert set(both) <= {(*later, *earlier) for later, earlier in pairs}
    same = [bool((parts[a][i] == parts[b][j]).all()) for a, i, b, j in both]
    assert same == table["identical"].tolist() and any(same) and not all(same)


def test_copies_give_rows_by_their_number_and_not_by_its_square():
    pictures = unrelated(12)
    splits = Splits(*(split_of(pictures.repeat(times, 1, 1, 1)) for times in (90, 1, 30)))
    table = duplicates_across(splits)
    assert len(table) == 12 * (89 + 1 + 30 + 30 + 29)
    assert table["identical"].all() and (table["distance"] == 0).all()
    none = replace(splits, validation=splits.train.take(torch.arange(0)))
    assert len(duplicates_across(none)) == 12 * (89 + 30 + 29)
