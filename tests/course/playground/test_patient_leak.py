"""The share that leaks changes which patients are in training, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from figure_samples import check_drawn, words
from small import split_of, unrelated

from utils.course.playground.patient_leak import PatientLeak
from utils.data.split import Splits

IMAGES = 3  # of each patient


def patients_of(count, first, seed):
    """Patients whose images are nearly one image, and whose labels are a coin's."""
    images = unrelated(count, seed=seed).repeat_interleave(IMAGES, 0)
    images = images + torch.randint(0, 5, images.shape, dtype=torch.uint8)
    groups = first + torch.arange(count).repeat_interleave(IMAGES)
    return replace(split_of(images, groups % 2), groups=groups)


@pytest.fixture(scope="module")
def leak():
    parts = patients_of(60, 0, 1), patients_of(8, 100, 2), patients_of(20, 200, 3)
    return PatientLeak.of(Splits(*parts))


@pytest.mark.parametrize("share", [0, 5, 50, 100])
def test_the_training_set_keeps_its_size_and_its_labels(leak, share):
    honest, mixed = (leak.training.take(leak.in_training(each)) for each in (0, share))
    assert mixed.counts.tolist() == honest.counts.tolist()
    known = np.intersect1d(mixed.patients, leak.test.patients)
    assert len(known) == round(share / 100 * 20)


@pytest.mark.parametrize("share", [0, 25, 50, 100])
def test_a_patient_who_leaks_is_found(leak, share):
    found = leak.training.take(leak.neighbours(share))
    assert (found.patients == leak.test.patients).mean() == share / 100


def test_no_image_that_is_asked_is_in_training(leak):
    asked = {image.numpy().tobytes() for image in leak.test.images}
    assert not asked & {image.numpy().tobytes() for image in leak.training.images}


def test_the_score_rises_with_the_share_although_there_is_nothing_to_learn(leak):
    scores = [leak.accuracy(share).value for share in (0, 50, 100)]
    assert scores[0] < 0.8 and scores == sorted(scores) and scores[-1] == 1


@pytest.mark.parametrize("share, known", [(0, 0), (100, 3)])
def test_the_picture_names_the_patients_that_are_found(leak, share, known):
    figure = leak.figure(share)
    check_drawn(figure)
    texts = [axis.get_xlabel() for part in figure.subfigs for axis in part.axes]
    assert texts.count("same patient") == known and texts.count("other patient") == 3 - known
    assert f"{leak.accuracy(share).text(digits=0)} % right" in words(figure)
