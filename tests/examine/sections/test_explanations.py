"""Heat maps of a trained network, and none where there are no gradients."""

from utils.examine.adapter import Expects, adapt
from utils.examine.sections.explanations import ask_explanations
from utils.examine.subject import Subject


def test_maps_are_judged_by_deletion_and_by_shuffled_weights(subject):
    found = ask_explanations(subject)
    assert found.severity == "note" and "SSIM" in found.meaning
    assert set(found.numbers) == {"heat maps, deletion", "heat maps, insertion"}
    assert len(found.figures) == 1


def test_a_black_box_has_none(images, network):
    blind = adapt(lambda batch: network(batch).detach(), images, Expects())
    assert ask_explanations(Subject(blind, images)).severity == "not applicable"
