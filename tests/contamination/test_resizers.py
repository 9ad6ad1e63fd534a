"""Resizers are the linear maps of real libraries."""

from dataclasses import replace

import pytest
import torch
from small import small_split, soft_pictures

from utils.contamination.resizers import (
    RESIZERS,
    CourseReader,
    Resizer,
    downscale,
    resizer_named,
)

EVERY = pytest.mark.parametrize("resizer", RESIZERS, ids=str)


@EVERY
@pytest.mark.parametrize("before, after", [((96, 80), (24, 20)), ((90, 70), (17, 33))])
def test_a_matrix_is_what_the_library_does(resizer, before, after):
    images = soft_pictures(2, before)
    down, across = (resizer.matrix(*pair).float() for pair in zip(before, after, strict=True))
    small = down @ images.float() @ across.T
    assert (small.clamp(0, 255) - resizer(images, after).float()).abs().max() <= 1.1


@EVERY
def test_a_line_of_a_small_image_is_a_mean_of_lines(resizer):
    assert torch.allclose(resizer.matrix(90, 17).sum(1), torch.ones(17).double(), atol=1e-3)


@pytest.mark.parametrize("wrong", [("opencv", "sinc"), ("imagemagick", "area")])
def test_what_is_not_known_is_refused_with_what_is(wrong):
    with pytest.raises(ValueError, match="choose from"):
        Resizer(*wrong)


def test_a_resizer_is_found_by_what_it_prints():
    assert [resizer_named(str(resizer)) for resizer in RESIZERS] == list(RESIZERS)
    with pytest.raises(ValueError, match="choose from opencv nearest"):
        resizer_named("bilinear")


def test_a_changed_matrix_does_not_change_the_cached_one():
    resizer = Resizer("opencv", "bilinear")
    resizer.matrix(64, 8).zero_()
    assert resizer.matrix(64, 8).sum() > 7


@EVERY
def test_a_split_keeps_all_but_its_masks(resizer):
    split = replace(small_split(6, 32), masks=torch.ones(6, 32, 32, dtype=torch.bool))
    small = downscale(split, resizer, 8)
    assert torch.equal(small.images, resizer(split.images, (8, 8))) and small.masks is None
    assert torch.equal(small.labels, split.labels) and torch.equal(small.groups, split.groups)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("before, after", [(96, 24), (96, 12)])
def test_the_reader_of_the_course_is_as_linear_as_it_says(kind, before, after):
    reader, images = CourseReader(kind), soft_pictures(2, before)
    down = reader.matrix(before, after).float()
    small = down @ images.float() @ down.T
    assert (small - reader(images, (after, after)).float()).abs().max() <= 3
    assert torch.allclose(down.sum(1), torch.ones(after), atol=1e-5)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_the_reader_of_the_course_leaves_no_line_unread(kind):
    """So no file shrinks to a picture that it does not show."""
    line = CourseReader(kind).matrix(96, 12)[6]
    own = line[48:56]  # the lines that it stands for
    assert own.min() > 0.4 / 8 and line.max() < 2 / 8
