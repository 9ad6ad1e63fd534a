"""What an attacker's search tries keeps to its budget of gradients."""

from dataclasses import replace
from functools import partial

import pytest
import torch
from small import small_split, trained_network

from utils.attacks.regions import StrongestPatch
from utils.course.studies.attack_settings import AttackSettings

SETTINGS = {"tries": 2, "step": 0.5, "momentum": 0.0}


@pytest.fixture
def objective():
    return AttackSettings(trained_network(), small_split(), 0.15, gradients=4, stages=2)


def reports_of(objective, settings=SETTINGS):
    rows = []
    value = objective(settings, rows.append)
    return value, rows


@pytest.mark.parametrize("tries", [1, 2, 4])
def test_the_tries_share_the_gradients(tries, objective):
    attacks = list(objective.attacks({**SETTINGS, "tries": tries}))
    assert len(attacks) == tries
    assert sum(attack.steps for attack in attacks) == objective.gradients
    assert {attack.step for attack in attacks} == {0.5 * objective.epsilon}


def test_reports_each_stage_and_ends_with_the_share_over_all_images(objective):
    value, rows = reports_of(objective)
    assert len(rows) == objective.stages and rows[-1]["score"] == value
    assert 0 <= value <= 1 and {row["reach"] for row in rows} == {1.0}
    assert reports_of(objective) == (value, rows)  # nothing depends on what ran before


def test_steps_too_short_to_reach_the_edge_fool_less(objective):
    assert reports_of(objective, {**SETTINGS, "step": 0.01})[0] < reports_of(objective)[0]


def test_only_images_that_are_right_count(objective):
    with torch.no_grad():
        answers = objective.model(objective.right.images / 255).argmax(1)
    assert len(objective.right) and (answers == objective.right.labels).all()


def test_the_regions_of_the_tries_differ(objective):
    inside = replace(objective, region=partial(StrongestPatch, 4, 1))
    assert [attack.region.skip for attack in inside.attacks(SETTINGS)] == [0, 1]
    assert inside.facts != objective.facts
