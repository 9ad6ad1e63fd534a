"""One sigmoid for each class is told apart from a softmax and from several findings, and said."""

import numpy as np
import pytest
import torch
from small import findings_split, small_network, small_split
from torch import nn

from utils.data.split import Split, to_float
from utils.evaluation.uncertainty.calibration import calibration_error
from utils.examine.adapter import Expects, adapt
from utils.examine.outputs import EACH_CLASS, EACH_LOGIT, LOGITS
from utils.examine.sections.attacks import ask_attack
from utils.examine.sections.clean import ask_clean
from utils.examine.sections.confidence import ask_calibration
from utils.examine.sections.interface import ask_interface
from utils.examine.sections.reading import AnswerReading, reading_of
from utils.examine.subject import Subject

ODDS = torch.tensor([0.6, 0.3, 0.1])  # of the class that an image shows, of the next, of the third


def shown(split: Split, probabilities):
    """A model that gives these to the class that it sees in an image, to the next, to the third."""
    levels = to_float(split.images).mean((1, 2, 3))

    def answer(images):
        place = (images.mean((1, 2, 3))[:, None] - levels).abs().argmin(1)
        return probabilities[(torch.arange(3) - (place % 3)[:, None]) % 3]

    return answer


@pytest.fixture(scope="module")
def doubtful() -> Split:
    """Images of which no more can be known than the odds of each class."""
    split = small_split(900, size=8, seed=3)
    place = np.random.default_rng(0).choice(3, 900, p=ODDS.double() / ODDS.double().sum())
    labels = (torch.arange(900) + torch.from_numpy(place)) % 3
    return Split(split.images, labels, split.class_names)


def subject_of(model, images, activation="", **options):
    return Subject(adapt(model, images, Expects(), activation), images, **options)


@pytest.fixture(scope="module")
def one_against_rest():
    """A small network that was trained with one sigmoid for each class, and its data."""
    known, network = small_split(180, seed=90), small_network()
    optimizer, loss = torch.optim.Adam(network.parameters(), lr=0.01), nn.BCEWithLogitsLoss()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for _ in range(80):
            optimizer.zero_grad()
            loss(network(to_float(known.images)), torch.eye(3)[known.labels]).backward()
            optimizer.step()
    return network.eval()


def test_what_sigmoids_say_is_calibrated_where_it_is_true(doubtful):
    """A softmax of numbers between 0 and 1 would hardly be sure of anything."""
    subject = subject_of(shown(doubtful, ODDS * 1.001), doubtful)  # add up to 1.001
    assert subject.model.output == EACH_CLASS
    found = ask_calibration(subject)
    assert found.severity == "ok" and found.numbers["calibration error"].value < 0.03
    assert "if exactly one class is true" in list(found.table["images"])
    odds = ODDS / (1 - ODDS)
    assert subject.clean.probabilities.max() == pytest.approx(
        float((odds / odds.sum()).max()), abs=0.01
    )
    assert calibration_error(subject.clean).low > 0.05


def test_the_table_of_images_has_what_the_model_states(doubtful):
    found = ask_clean(subject_of(shown(doubtful, ODDS * 1.001), doubtful)).answers
    columns = [f"p({name})" for name in doubtful.class_names]
    assert np.allclose(found[columns].max(axis=1), 0.6, atol=1e-3)
    assert (
        found["clean"] == np.array(doubtful.class_names)[found[columns].to_numpy().argmax(1)]
    ).all()


def test_the_interface_says_how_sigmoids_are_read(one_against_rest, images):
    found = ask_interface(subject_of(lambda batch: one_against_rest(batch).sigmoid(), images))
    assert found.severity == "ok" and f"returns {EACH_CLASS}" in found.measured
    assert "the class with the highest is the answer" in found.measured
    assert abs(found.numbers["sum of probabilities"].value - 1) < 0.2
    assert "if exactly one is true" in found.meaning and "Effusion|Mass" not in found.meaning


def test_findings_that_occur_together_are_not_taken_for_one_class(one_against_rest, images):
    """Two sigmoids above one half, as a model of several findings may have."""
    found = ask_interface(subject_of(lambda b: (one_against_rest(b) + 6).sigmoid(), images))
    assert found.numbers["several classes above one half"].low > 0.5
    assert "Effusion|Mass" in found.meaning


def test_logits_that_fit_sigmoids_better_are_pointed_out(doubtful):
    model = shown(doubtful, ODDS.logit())
    found = reading_of(subject_of(model, doubtful))
    assert "--activation sigmoid" in found.advice and "1.00" in found.measured
    mended = subject_of(model, doubtful, "sigmoid")
    assert mended.model.output == EACH_LOGIT
    assert calibration_error(mended.stated).value < 0.03
    assert not reading_of(mended).advice


def test_logits_of_a_calibrated_softmax_raise_no_doubt(doubtful):
    for shift in (0.0, ODDS.log().mean(), ODDS.logit().mean()):
        subject = subject_of(shown(doubtful, ODDS.log() - shift), doubtful)
        assert subject.model.output == LOGITS
        assert reading_of(subject) == AnswerReading()


def test_findings_and_few_images_raise_no_doubt(doubtful):
    findings = findings_split(96)
    for images in (doubtful.take(range(50)), findings):
        assert not reading_of(subject_of(lambda b: b.new_full((len(b), 3), 2.0), images)).measured


@pytest.mark.parametrize("factor", [1, 4])
def test_an_attacker_gets_as_far_as_with_the_logits(factor, one_against_rest, images):
    """Sigmoids near 0 and 1 must not hide the gradient."""
    left = {}
    for name, end in {"logits": lambda z: z, "sigmoids": torch.sigmoid}.items():
        subject = subject_of(
            lambda batch, end=end: end(factor * one_against_rest(batch)), images,
            attacked=30, epsilon=40 / 255,
        )  # fmt: skip
        found = ask_attack(subject)
        assert found.severity == "note", found.measured
        left[name] = found.numbers["worst case"].value
    assert left["sigmoids"] == pytest.approx(left["logits"], abs=0.1)
    assert left["sigmoids"] < 0.9
