"""Votes of similar images of other patients."""

import numpy as np
import pytest
import torch
from folders import NONE_REFUSED, plain_facts

from utils.audit.folder import ImageFolder
from utils.audit.neighbour_votes import NEIGHBOURS, SHUFFLES, neighbour_vote, vote_in_words


@pytest.fixture(scope="module")
def folder():
    """Two classes of different pictures, and one image of each under the other class."""
    rng = np.random.default_rng(0)
    shapes = rng.integers(60, 190, (2, 1, 32, 32))
    labels = np.arange(120) % 2
    levels = shapes[labels] + rng.normal(0, 25, (120, 1, 32, 32))
    facts = plain_facts(120).assign(patient=np.arange(120).astype(str))
    given = np.where(np.arange(120) < 2, 1 - labels, labels)
    facts["label"] = np.array(["a", "b"])[given]
    images = torch.from_numpy(levels.clip(0, 255).astype("u1"))
    return ImageFolder("x", facts, images, NONE_REFUSED, ("a", "b"))


def test_neighbours_predict_the_class_and_contradict_a_wrong_label(folder):
    vote = neighbour_vote(folder)
    assert vote.is_informative and vote.accuracy > 0.95 and len(vote.shuffled) == SHUFFLES
    assert vote.own[:2].max() < 0.2 < 0.8 < vote.own[2:].min()
    assert vote.predicted[:2].tolist() == [0, 1]


def test_the_words_name_what_voted(folder):
    words = vote_in_words(neighbour_vote(folder), folder)
    assert f"The {NEIGHBOURS} most similar images of other groups" in words and "patients" in words
