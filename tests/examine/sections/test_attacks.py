"""Attacks leave less than noise; a hidden gradient raises flags; a black box gets questions."""

import pandas as pd
import pytest

from utils.evaluation.flags.judging import HARMLESS
from utils.examine.adapter import Expects, adapt
from utils.examine.sections import attacks
from utils.examine.sections.attacks import ask_attack, ask_patch, ask_smallest_change
from utils.examine.subject import Subject

EPSILON = 32 / 255


def subject_of(model, images):
    return Subject(adapt(model, images, Expects()), images, epsilon=EPSILON, attacked=30)


def test_a_sound_network_is_a_note_and_loses_more_than_to_noise(images, network):
    found = ask_attack(subject_of(network, images))
    assert found.severity == "note", found.meaning
    worst, pgd, noise = (found.numbers[n].value for n in ("worst case", "PGD", "noise"))
    assert worst <= pgd < noise
    assert len(found.answers) == 30 and set(found.figures)


def test_rounding_before_the_network_raises_flags(images, network):
    def masked(batch):
        return network((batch * 12).round() / 12)

    found = ask_attack(subject_of(masked, images))
    assert found.severity == "alarm" and "red flags" in found.measured


def test_what_is_harmless_is_told_and_no_alarm(images, network, monkeypatch):
    """Gradients that bend within a small step, where the attack succeeds all the same."""
    told = f"{HARMLESS}: cosine 0.98 of short steps, but the attack leaves 0.0%"
    table = pd.DataFrame([("masked gradients", False, told)], columns=["flag", "red", "reason"])
    monkeypatch.setattr(attacks, "check_attack", lambda *_, **__: table)
    found = ask_attack(subject_of(network, images))
    assert found.severity == "note" and f"*masked gradients*: {told}." in found.meaning


def test_a_black_box_is_attacked_by_questions_and_this_is_said(images, network):
    found = ask_attack(subject_of(lambda batch: network(batch).detach(), images))
    assert "no gradients" in found.measured and "says nothing" in found.meaning
    assert found.numbers["questions"].value <= found.numbers["noise"].value


@pytest.mark.parametrize("question", [ask_smallest_change, ask_patch])
def test_what_needs_gradients_does_not_apply_to_a_black_box(question, images, network):
    found = question(subject_of(lambda batch: network(batch).detach(), images))
    assert found.severity == "not applicable"


def test_a_hostile_patch_costs_more_than_a_grey_one(images, network):
    found = ask_patch(subject_of(network, images)).numbers
    assert found["a hostile square"].value <= found["a grey square"].value


def test_half_of_the_images_fall_at_the_median_change(images, network):
    found = ask_smallest_change(subject_of(network, images))
    assert 0 < found.numbers["median smallest change (of 255)"] < 255
