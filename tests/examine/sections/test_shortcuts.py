"""A model that reads the border follows it to another class; one that does not stays."""

import torch
from small import split_of
from torch import nn

from utils.examine.adapter import Expects, adapt
from utils.examine.sections.shortcuts import ask_shortcuts, with_border
from utils.examine.subject import Subject


def test_the_inner_part_stays_and_the_border_is_the_other_images():
    images, others = torch.zeros(2, 1, 16, 16), torch.ones(2, 1, 16, 16)
    mixed = with_border(images, others)
    assert mixed[..., 2:-2, 2:-2].sum() == 0 and mixed[..., :2, :].min() == 1


def marked():
    """Two classes that differ in a corner alone, and in the middle alone."""
    labels = torch.arange(120) % 2
    images = torch.full((120, 1, 16, 16), 100, dtype=torch.uint8)
    images[:, 0, 0, 0] += (100 * labels).to(torch.uint8)
    images[:, 0, 8, 8] += (100 * labels).to(torch.uint8)
    return split_of(images, labels)


def reader(row, column):
    return lambda batch: nn.functional.pad(20 * (batch[:, :, row, column] - 0.6), (1, 0))


def test_a_reader_of_the_corner_is_an_alarm_and_a_reader_of_the_middle_is_not():
    split = marked()
    found = {
        place: ask_shortcuts(Subject(adapt(reader(place, place), split, Expects()), split))
        for place in (0, 8)
    }
    assert found[0].severity == "alarm" and found[0].numbers["follows the border"].value == 1
    assert found[8].severity == "ok" and found[8].numbers["follows the border"].value == 0


def test_the_grey_border_is_as_bright_in_16_bits():
    """This model takes every dark image for the second class; half of them are."""

    def wary_of_dark(batch):
        dark = batch.mean((1, 2, 3))[:, None] < 0.3
        return reader(8, 8)(batch) + 99 * dark * torch.tensor([0.0, 1.0])

    split, lost = marked(), {}
    for depth in (8, 16):
        images = split.with_depth(depth)
        table = ask_shortcuts(Subject(adapt(wary_of_dark, images, Expects()), images)).table
        lost[depth] = table.set_index("images").loc["grey border"].iloc[1]
    assert lost[8] == lost[16] and lost[8].startswith("0.0")
