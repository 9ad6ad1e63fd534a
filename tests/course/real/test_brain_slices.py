"""One answer per patient from slices, by heads that have not met the patient."""

import numpy as np
import pytest
import torch
from small import soft_pictures
from toy_study import toy_heads

from utils.attacks.pgd import PGD
from utils.course.real.brain_slices import Heads, border_measures, demented_or_not
from utils.data.split import Split
from utils.training.features import patient_means


@pytest.fixture(scope="module")
def heads(tmp_path_factory) -> Heads:
    return toy_heads(tmp_path_factory.mktemp("heads"))


def test_grades_become_dementia_or_none():
    split = Split(soft_pictures(4, 8), torch.tensor([0, 3, 1, 0]), tuple("abcd"))
    assert demented_or_not(split).labels.tolist() == [0, 1, 1, 0]


def test_the_border_is_all_that_its_measures_see():
    images = torch.full((1, 1, 16, 16), 7, dtype=torch.uint8)
    images[..., 4:12, 4:12] = 200
    assert border_measures(images).tolist() == [[7, 0, 0]]


def test_a_few_slices_of_as_many_patients_of_each_class(heads):
    places = heads.of_some(6, 2)
    some = heads.slices.take(places)
    assert len(places) == 12 and len(np.unique(some.patients)) == 6
    assert some.counts.tolist() == [6, 6]


def test_the_answer_is_that_of_the_head_to_the_mean_of_the_features(heads):
    every = np.arange(len(heads.slices))
    found = heads.answers(every, None)
    _, patients = patient_means(heads.cells, heads.slices)
    (again,) = heads.repeated(*patient_means(heads.cells, heads.slices), partitions=1)
    assert (found.groups == patients.patients).all()
    assert np.allclose(found.probabilities, again.probabilities, atol=1e-5)


def test_an_attack_moves_every_patient_away_from_the_label(heads):
    places = heads.of_some(6, 2)
    clean, attacked = (
        heads.answers(places, attack) for attack in (None, PGD(4 / 255, 5, loss="margin"))
    )
    assert (attacked.of_truth < clean.of_truth).all()
