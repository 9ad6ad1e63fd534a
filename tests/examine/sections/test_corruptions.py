"""What contamination costs, in the order of the severities."""

import pytest

from utils.contamination.corruptions.registry import CORRUPTIONS
from utils.examine.adapter import Expects, adapt
from utils.examine.sections.corruptions import GREAT, ask_corruptions
from utils.examine.subject import Subject


def test_every_family_has_its_loss_with_an_interval_and_no_reference_is_said(subject):
    found = ask_corruptions(subject)
    families = CORRUPTIONS["xray"]
    assert len(found.table) == len(families)
    lost = [found.numbers[f"lost to {family.__name__}"] for family in families]
    assert all(each.low <= each.value <= each.high for each in lost)
    assert "no reference network" in found.measured and "--train" in found.measured


def test_the_error_is_relative_to_that_of_the_reference(images, network):
    few = images.limit(60)
    subject = Subject(adapt(network, few, Expects()), few)
    subject.reference = network  # of itself
    found = ask_corruptions(subject)
    assert found.numbers["mean corruption error"] == pytest.approx(1)
    assert "100 % of that of a small reference network" in found.measured


def test_a_model_that_blur_destroys_gets_a_note(images, network):
    def answer(batch):
        """Trusts the grain: without it, one class."""
        grain = batch[..., 1:].sub(batch[..., :-1]).std((1, 2, 3), unbiased=False)
        return network(batch) * (grain > 0.05)[:, None]

    found = ask_corruptions(Subject(adapt(answer, images, Expects()), images))
    assert found.severity == "note" and found.advice


def test_a_weak_model_that_loses_all_it_knows_gets_a_note(images, network):
    """Few points, because it has few: it knows one image in four, and none without grain."""

    def answer(batch):
        grain = batch[..., 1:].sub(batch[..., :-1]).std((1, 2, 3), unbiased=False)
        known = (grain > 0.05) & ((255 * batch[:, 0, 3, 3]).round() % 4 == 0)
        return network(batch) * known[:, None]

    found = ask_corruptions(Subject(adapt(answer, images, Expects()), images))
    assert max(each.low for name, each in found.numbers.items() if "lost" in name) < GREAT
    assert found.severity == "note" and "beat a constant answer, 33 %, under" in found.measured


def test_a_model_that_knows_nothing_has_nothing_to_lose(images):
    constant = adapt(lambda batch: 0 * batch.mean((2, 3)).expand(-1, 3), images, Expects())
    assert ask_corruptions(Subject(constant, images)).severity == "not applicable"
