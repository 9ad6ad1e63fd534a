"""A rejector accepts what is familiar, and an attack pushes images over its threshold."""

import numpy as np
import pytest
import torch
from small import small_split, trained_network

from utils.attacks.pgd import PGD
from utils.defences.rejection import ACCEPTED, MEASURES, Rejector
from utils.evaluation.inference import logits

MODEL, KNOWN, UNSEEN = trained_network(), small_split(96, seed=5), small_split(96, seed=6)
EVERY = pytest.mark.parametrize("measure", MEASURES)


@EVERY
def test_it_accepts_the_promised_share_of_known_images(measure):
    known = logits(MODEL, KNOWN)
    accepted = Rejector(measure).fit(known).accepts(known)
    assert abs(accepted.float().mean() - ACCEPTED) < 0.02


@EVERY
def test_a_rejected_image_is_more_suspicious_than_any_accepted_one(measure):
    unseen = logits(MODEL, UNSEEN)
    rejector = Rejector(measure).fit(logits(MODEL, KNOWN))
    rejector.threshold = float(MEASURES[measure](unseen).median())
    score, accepted = rejector.score(unseen), rejector.accepts(unseen).numpy()
    assert isinstance(score, np.ndarray) and len(score) == len(unseen)
    assert score[~accepted].min() > score[accepted].max() - 1e-6


@EVERY
def test_an_attacker_moves_images_over_the_threshold_either_way(measure):
    rejector = Rejector(measure)
    rejector.threshold = float(MEASURES[measure](logits(MODEL, KNOWN)).median())
    out, before, into = (
        rejector.accepts(logits(MODEL, UNSEEN, attack)).float().mean()
        for attack in (PGD(0.2, loss=f"less {measure}"), None, PGD(0.2, loss=measure))
    )
    assert out < 0.1 and 0.3 < before < 0.7 and into > 0.9, (out, before, into)


def test_it_says_what_it_cannot_do():
    with pytest.raises(ValueError, match="unknown measure 'charm'; choose from energy"):
        Rejector("charm")
    with pytest.raises(ValueError, match="no known image"):
        Rejector("energy").fit(torch.ones(0, 3))
    assert not Rejector("energy").accepts(torch.ones(2, 3)).any()  # nothing before it is fitted
