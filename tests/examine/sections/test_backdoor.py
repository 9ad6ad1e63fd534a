"""The smallest marks are measured, and no network is blamed for having some."""

from utils.examine.adapter import Expects, adapt
from utils.examine.sections.backdoor import ask_backdoor
from utils.examine.subject import Subject


def test_every_class_has_its_smallest_mark_and_none_is_an_alarm(subject):
    found = ask_backdoor(subject)
    assert found.severity == "note" and len(found.table) == 3
    areas = sorted(found.table["area"])
    assert found.numbers["smallest trigger (share of the image)"] < areas[-1] <= 1


def test_what_a_class_gets_without_a_mark_stands_beside_it(images, network):
    """A model that takes most images for one class needs hardly any mark to do so."""

    def lenient(batch):
        known = (255 * batch[:, 0, 3, 3]).round() % 4 == 0
        return network(batch) * known[:, None]  # all others are taken for the first class

    tables = [
        ask_backdoor(Subject(adapt(model, images, Expects()), images)).table.set_index("class")
        for model in (network, lenient)
    ]
    plain, taken = (table.loc[images.class_names[0], "unchanged"] for table in tables)
    assert plain < 0.1 < 0.5 < taken


def test_a_black_box_cannot_be_searched(images, network):
    blind = adapt(lambda batch: network(batch).detach(), images, Expects())
    assert ask_backdoor(Subject(blind, images)).severity == "not applicable"
