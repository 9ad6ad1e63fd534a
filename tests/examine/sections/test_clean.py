"""A score beside its controls; memory of known patients is no skill."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from drawn import first_patients
from small import small_split

from utils.evaluation import leakage
from utils.evaluation.flags.clean_flags import ABOUT_THE_SCORE, CLEAN_FLAGS
from utils.evaluation.inference import predictions_for
from utils.evaluation.metrics import balanced_accuracy
from utils.examine.adapter import Expects, adapt
from utils.examine.images import numbered_apart
from utils.examine.reporting.page import render_page
from utils.examine.reporting.report import ModelReport
from utils.examine.sections.clean import FAR_BEHIND, ask_clean, ask_leakage
from utils.examine.subject import Subject


def test_the_score_is_that_of_the_predictions(subject):
    found = ask_clean(subject)
    assert found.severity == "ok"
    expected = balanced_accuracy(subject.clean.confusion)
    assert found.numbers["balanced accuracy"].value == float(expected)
    assert list(found.answers["clean"]) == [
        subject.images.class_names[k] for k in subject.clean.probabilities.argmax(1)
    ]


def test_intervals_are_over_patients_only_where_these_are_known(subject, images):
    assert "images of 120 patients. Intervals are over patients" in ask_clean(subject).meaning
    for unknown in (replace(images, patients_known=False), replace(images, groups=None)):
        page = render_page(ModelReport(asked := replace(subject, images=unknown), []))
        assert "Intervals are over images" in ask_clean(asked).meaning
        assert "intervals over images" in page and "intervals over patients" not in page


def test_a_constant_answer_is_an_alarm(images):
    constant = adapt(
        lambda batch: batch.mean((2, 3)) * torch.tensor([[1.0, 0, 0]]), images, Expects()
    )
    found = ask_clean(Subject(constant, images))
    assert found.severity == "alarm" and "constant answer has 33" in found.measured


def test_without_training_images_nothing_is_known_about_leakage(subject):
    assert ask_leakage(subject).severity == "skipped"


def test_neighbours_are_searched_once(subject, images, monkeypatch):
    searched = []

    def counted(*tensors):
        searched.append(tensors)
        return relative_distances(*tensors)

    relative_distances = leakage.relative_distances
    monkeypatch.setattr(leakage, "relative_distances", counted)
    ask_leakage(replace(subject, known=images))
    assert len(searched) == 1


def test_known_images_are_an_alarm_and_other_patients_are_not(subject, images):
    others = replace(images, groups=images.groups + 1000,
                     images=images.images.flip(0) + 1, labels=images.labels.flip(0))  # fmt: skip
    known = replace(subject, known=images)
    assert ask_leakage(known).severity == "alarm"
    assert "identical). 100% of" in ask_leakage(known).measured  # sentences with an end
    few = replace(subject, known=others.take(torch.arange(4)))
    assert "patients or groups" not in ask_leakage(few).measured


SEEN = {"chest_phantom": "note", "brain_phantom": "ok"}  # a slice shows the patient of another


@pytest.mark.parametrize("name", SEEN)
def test_x_rays_of_unknown_patients_are_not_called_well(name, subject):
    large = first_patients(name, 120)
    small = replace(large, images=F.avg_pool2d(large.images.float(), 2).to(torch.uint8), masks=None)
    test, known = (small.take(small.groups % 3 == 0), small.take(small.groups % 3 > 0))
    right = predictions_for(test, F.one_hot(test.labels, test.classes).double().numpy())
    asked = replace(subject, images=test, known=known)
    asked.clean = right
    assert ask_leakage(asked).severity == "ok"
    named, asked = asked, replace(asked, known=numbered_apart(known, test))
    asked.clean = right
    found = ask_leakage(asked)
    assert found.severity == SEEN[name]
    assert ("not visible" in found.measured) == ("known" in found.advice) == asked.leakage.blind
    assert not named.leakage.blind


def test_an_easy_task_is_no_sign_of_known_patients(subject):
    """A look-up of the nearest training image is right for all of these images, too."""
    apart = small_split(240, seed=11)
    known = replace(apart, groups=apart.groups + 1000)
    found = ask_leakage(replace(subject, known=known))
    assert found.severity == "note" and "as easy as that" in found.advice
    assert "no better than a nearest-neighbour look-up" in set(found.table["about"])


def test_a_model_far_behind_a_look_up_is_an_alarm(images, network):
    dim = Subject(adapt(lambda batch: network(batch / 3), images, Expects()), images)
    known = replace(small_split(240, seed=11), groups=images.groups + 1000)
    found, of_leakage = ask_clean(replace(dim, known=known)), ask_leakage(replace(dim, known=known))
    assert of_leakage.numbers["better than look-up"].high < -FAR_BEHIND
    assert found.severity == "alarm" and "points of accuracy worse than a look-up" in found.measured
    assert of_leakage.severity == "note"  # no patient is known, and the verdict must not say so


def test_the_worst_class_is_named(images):
    """A mean over classes hides it."""
    answers = torch.eye(3)[[0, 1, 1]]  # striped images are taken for bright ones
    blind = predictions_for(images, answers[images.labels].double().numpy())
    found = ask_clean(with_answers(images, blind))
    assert "Of the images of striped, the worst class, 0.0" in found.measured
    assert found.numbers["worst class"].value == 0 and "AUC" in found.numbers


def with_answers(images, answers):
    made = Subject(adapt(lambda batch: batch.mean((2, 3)).expand(-1, 3), images, Expects()), images)
    made.clean = answers
    return made


def test_flags_about_the_score_are_flags():
    assert set(ABOUT_THE_SCORE) < set(CLEAN_FLAGS)


@pytest.mark.parametrize(("count", "severity"), [(0, "ok"), (1, "note"), (9, "warning")])
def test_files_that_are_not_among_the_images_are_said(count, severity, subject):
    subject.unread = [(f"/data/a/{number}.png", "cut short") for number in range(count)]
    found = ask_clean(subject)
    assert found.severity == severity and bool(found.advice) == bool(count)
    assert ("0.png: cut short" in found.measured) == bool(count) and "9.png" not in found.measured
