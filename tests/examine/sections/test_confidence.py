"""A model that is surer than right is warned of; one temperature mends it."""

import pytest

from utils.contamination.corruptions.registry import CORRUPTIONS
from utils.examine.adapter import Expects, adapt
from utils.examine.sections.confidence import ask_abstention, ask_calibration
from utils.examine.subject import Subject

FAMILIES = {family.__name__ for family in CORRUPTIONS["xray"]}


@pytest.fixture
def oversure(images, network):
    """The same answers, wrong for half of the images, and always sure."""

    def answer(batch):
        found = 50 * network(batch).softmax(1)
        wrong = (batch.sum((1, 2, 3)) * 1e4).long() % 2 == 0
        return found.roll(1, 1).where(wrong[:, None], found)

    return Subject(adapt(answer, images, Expects()), images)


def test_a_model_that_is_surer_than_right_is_warned_of(oversure):
    found = ask_calibration(oversure)
    assert found.severity == "warning" and "surer than it is right" in found.measured
    error, mended = found.numbers["calibration error"], found.numbers["recalibrated"]
    assert error.value > 0.2 and mended.value < error.value - 0.1


def test_sets_keep_their_promise_on_images_of_the_same_source(oversure):
    found = ask_abstention(oversure)
    assert found.severity == "ok"
    assert found.numbers["coverage"].high >= 0.9


def test_a_model_that_knows_nothing_is_not_praised_for_its_doubts(images, network):
    wrong = Subject(adapt(lambda batch: network(batch).roll(1, 1), images, Expects()), images)
    assert ask_abstention(wrong).severity == "not applicable"


@pytest.mark.parametrize("question", [ask_calibration, ask_abstention])
def test_few_images_decide_nothing(question, images, network):
    few = images.take(range(60))
    assert question(Subject(adapt(network, few, Expects()), few)).severity == "skipped"


def test_answers_that_are_no_numbers_are_not_judged(images, network):
    broken = adapt(lambda batch: network(batch) * float("nan"), images, Expects())
    found = ask_calibration(Subject(broken, images))
    assert found.severity == "not applicable" and "no numbers" in found.measured


def test_contamination_is_that_of_the_modality_and_is_named(oversure):
    for question in (ask_calibration, ask_abstention):
        rows = list(question(oversure).table["images"])
        strong, mild = rows[-2:]
        assert rows[0] == "clean" and "severity 3 (hurts most)" in strong and "(mild)" in mild
        assert {each.partition(",")[0] for each in (strong, mild)} <= FAMILIES
