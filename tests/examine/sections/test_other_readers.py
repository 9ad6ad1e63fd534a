"""What other programs make of the same files; and that nothing is asked without them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from small import small_split

from utils.data.reader import read_images
from utils.data.split import Split, in_depth
from utils.examine.sections.other_readers import (
    COARSER,
    FINER,
    IGNORED,
    NOT_AT_HAND,
    WINDOWLESS,
    other_readings,
)

ORIENTATION = 274
COUNT, SIZE = 12, 16


def stored(folder, levels: np.ndarray, orientation: int = 1) -> Split:
    """The images in files, and as our reader reads them."""
    folder.mkdir(exist_ok=True)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    files = tuple(str(folder / f"{number}.png") for number in range(len(levels)))
    for file, image in zip(files, levels, strict=True):
        Image.fromarray(image).save(file, exif=exif)
    read = read_images(files, SIZE, 1)
    return replace(small_split(len(levels), SIZE), images=read.images, files=files)


def shallow() -> np.ndarray:
    return small_split(COUNT, SIZE).images[:, 0].numpy()


def deep() -> np.ndarray:
    """Twelve bits in numbers of sixteen, as scanners write them."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 4096, (COUNT, SIZE, SIZE)).astype(np.uint16)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_an_ignored_orientation_shows_the_file_as_it_is_stored(orientation, tmp_path):
    levels = shallow()
    split = stored(tmp_path / "f", levels, orientation)
    found, not_tried = other_readings(split)
    assert set(found) == {IGNORED} and len(found[IGNORED].rows) == COUNT
    assert not np.array_equal(split.images[:, 0].numpy(), levels)
    assert np.array_equal(found[IGNORED].images.images[:, 0].numpy(), levels)
    assert "turned" not in not_tried and "more than 8 bits" in not_tried


def test_only_files_that_ask_to_be_turned_are_shown_unturned(tmp_path):
    upright, turned = stored(tmp_path / "a", shallow()), stored(tmp_path / "b", shallow(), 6)
    files = (*upright.files, *turned.files)
    images = torch.cat([upright.images, turned.images])
    found, _ = other_readings(replace(small_split(2 * COUNT, SIZE), images=images, files=files))
    assert list(found[IGNORED].rows) == list(range(COUNT, 2 * COUNT))
    assert found[IGNORED].images.files == turned.files


def test_deep_files_are_read_with_all_bits_and_without_a_window(tmp_path):
    levels = deep()
    split = stored(tmp_path / "f", levels)
    found, not_tried = other_readings(split)
    assert set(found) == {FINER, WINDOWLESS} and "turned" in not_tried
    finer, full = (found[name].images.images for name in (FINER, WINDOWLESS))
    assert finer.dtype == full.dtype == torch.uint16
    assert (in_depth(finer, 8).int() - split.images.int()).abs().max() <= 1
    assert np.array_equal(full[:, 0].numpy(), levels)
    assert list(found[FINER].rows) == list(range(COUNT))


def test_images_of_16_bits_are_shown_in_8(tmp_path):
    split = small_split(COUNT, SIZE).with_depth(16)
    found, not_tried = other_readings(split)
    assert set(found) == {COARSER} and not_tried == NOT_AT_HAND
    assert found[COARSER].images.depth == 8


def test_images_that_are_no_longer_those_of_the_files_are_not_compared_with_them(tmp_path):
    split = stored(tmp_path / "f", deep())
    darker = replace(split, images=split.images // 2)
    found, not_tried = other_readings(darker)
    assert not found and "more than 8 bits" in not_tried


@pytest.mark.parametrize("gone", [True, False])
def test_without_files_nothing_is_asked_and_this_is_said(gone, tmp_path):
    split = stored(tmp_path / "f", shallow(), 6)
    for file in split.files if gone else ():
        (tmp_path / "f" / file).unlink()
    found, not_tried = other_readings(split if gone else replace(split, files=None))
    assert not found and not_tried.startswith("Of 12 files none" if gone else NOT_AT_HAND)
