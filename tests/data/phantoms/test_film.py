"""Films are what photons leave behind a body, in the style of one hospital."""

from dataclasses import replace
from random import Random

import pytest
import torch

from utils.data.phantoms.drawing import place
from utils.data.phantoms.film import (
    BLACK,
    HOSPITALS,
    devices,
    exposed,
    hospital,
    labelled,
    random_hospital,
)

STILL = torch.zeros(1, 1, 1)
EVEN = torch.full((60, 32, 32), 0.7)


def films(path: torch.Tensor, seed: int = 0, **style) -> torch.Tensor:
    return exposed(path, replace(hospital(0), **style), Random(seed))


def printed(style, seed: int = 0) -> torch.Tensor:
    """Where letters stand on 40 films that show nothing else."""
    quiet = replace(style, collimated=0.0)
    return labelled(torch.zeros(40, 64, 64), quiet, Random(seed)).amax(0) > 0.3


def test_what_absorbs_more_is_whiter():
    path = torch.linspace(0, 2, 64).expand(5, 64, 64)
    shown = films(path, dose=1e9)
    assert (shown.diff(dim=2) > 0).all() and shown.min() >= 0 and shown.max() <= 1


def test_behind_a_denser_body_fewer_photons_leave_more_noise():
    thin, dense = (films(EVEN + more, gamma=1.0) for more in (0.0, 0.6))
    logits = [torch.logit(film).std((1, 2)) for film in (thin, dense)]
    assert (logits[1] > 1.2 * logits[0]).all()


@pytest.mark.parametrize("factor", [4, 16])
def test_the_noise_is_that_of_counted_photons(factor):
    """A quarter of the dose doubles it."""
    much, little = (films(EVEN, dose=dose) for dose in (1e5, 1e5 / factor))
    ratio = little.std((1, 2)).mean() / much.std((1, 2)).mean()
    assert ratio.item() == pytest.approx(factor**0.5, rel=0.05)


def test_the_same_beam_is_divided_among_the_pixels_of_any_size():
    small, large = (films(torch.full((40, size, size), 0.7)) for size in (32, 128))
    pooled = torch.nn.functional.avg_pool2d(large, 4)
    assert (pooled.std((1, 2)) / small.std((1, 2))).mean().item() == pytest.approx(1, rel=0.05)


def test_hospitals_differ_and_each_has_one_style():
    styles = {hospital(number) for number in range(HOSPITALS)}
    assert len(styles) == HOSPITALS and {style.letter for style in styles} == {"L", "R"}
    rng = Random(0)
    assert {random_hospital(rng) for _ in range(300)} == styles
    means = [films(EVEN, **vars(style)).mean() for style in styles]
    repeats = [films(EVEN, seed=1, **vars(style)).mean() for style in styles]
    within = (torch.stack(means) - torch.stack(repeats)).abs().mean()
    assert torch.stack(means).std() > 2 * within


@pytest.mark.parametrize("letter", ["L", "R"])
def test_the_letter_stands_on_its_side_of_the_patient_and_the_text_opposite(letter):
    style = replace(hospital(0), letter=letter, text="")
    viewers_left, viewers_right = printed(style).chunk(2, dim=1)
    assert bool(viewers_left.any()) == (letter == "R")
    assert bool(viewers_right.any()) == (letter == "L")
    both = printed(replace(style, text="AP"))
    assert all(half.any() for half in both.chunk(2, dim=1)) and not both[32:].any()


def test_closed_borders_are_black_on_their_share_of_the_films_and_narrow():
    style = replace(hospital(0), text="", collimated=0.5)
    films = labelled(torch.ones(400, 128, 128), style, Random(0))
    dark = films < 0.5
    closed = dark.any(2).any(1)
    assert 0.35 < closed.float().mean() < 0.6
    assert 0 < dark[closed].float().mean((1, 2)).max() < 0.08
    assert films[closed].amin((1, 2)).max() < 0.4 and films.min() >= BLACK


def test_devices_absorb_and_occur_at_a_third_of_the_visits():
    x, y = place(64, (STILL, STILL), STILL, STILL + 1.1)
    shadow = devices(x.expand(400, -1, -1), y.expand(400, -1, -1), 0.0125, Random(0))
    present = (shadow > 0.1).flatten(1).any(1)
    assert shadow.min() >= 0 and 0.22 < present.float().mean() < 0.42
