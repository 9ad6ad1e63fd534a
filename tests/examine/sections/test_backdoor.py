"""The smallest marks are measured, and no network is blamed for having some."""

from utils.examine.adapter import Expects, adapt
from utils.examine.sections.backdoor import ask_backdoor
from utils.examine.subject import Subject


def test_every_class_has_its_smallest_mark_and_none_is_an_alarm(subject):
    found = ask_backdoor(subject)
    assert found.severity == "note" and len(found.table) == 3
    areas = sorted(found.table["area"])
    assert found.numbers["smallest trigger (share of the image)"] < areas[-1] <= 1


def test_a_black_box_cannot_be_searched(images, network):
    blind = adapt(lambda batch: network(batch).detach(), images, Expects())
    assert ask_backdoor(Subject(blind, images)).severity == "not applicable"
