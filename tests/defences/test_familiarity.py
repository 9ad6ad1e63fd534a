"""The judge of what is familiar: what it accepts, its distance, and attacks on it."""

import numpy as np
import torch
from small import small_classifier, small_split, unrelated

from utils.attacks.pgd import PGD
from utils.data.split import Split, to_float
from utils.defences.familiarity import (
    ACCEPTED,
    FAMILIAR,
    FOREIGN,
    FamiliarityJudge,
    as_familiar,
    as_foreign,
)
from utils.evaluation.inference import features, predict

MODEL = small_classifier()
TRAIN, HELD_OUT, NEW = (small_split(240, seed=seed) for seed in (1, 2, 3))
NOISE = Split(unrelated(60, 16), torch.zeros(60, dtype=torch.long), ("a", "b", "c"))
JUDGE = FamiliarityJudge(MODEL, TRAIN, HELD_OUT).eval()


def share_familiar(split, attack=None):
    return (predict(JUDGE, split, attack).probabilities.argmax(1) == FAMILIAR).mean()


def test_it_accepts_the_promised_share_and_refuses_what_is_unlike():
    assert share_familiar(as_familiar(HELD_OUT)) == np.round(ACCEPTED * 240) / 240
    assert abs(share_familiar(as_familiar(NEW)) - ACCEPTED) < 0.06
    assert share_familiar(as_foreign(NOISE)) < 0.05


def test_the_distance_is_that_of_mahalanobis_to_the_nearest_class():
    few = HELD_OUT.take(range(5))
    seen = torch.from_numpy(features(MODEL, few))
    precision = (JUDGE.root @ JUDGE.root.T).double()
    centres = [features(MODEL, TRAIN.take((TRAIN.labels == k).nonzero()[:, 0])) for k in range(3)]
    gaps = seen[:, None].double() - torch.tensor(np.stack([c.mean(0) for c in centres]))
    expected = torch.einsum("nci,ij,ncj->nc", gaps, precision, gaps).sqrt().amin(1)
    beyond = JUDGE(to_float(few.images))[:, FOREIGN].detach()
    found = (beyond + 1) * JUDGE.threshold
    torch.testing.assert_close(found.double(), expected, rtol=1e-3, atol=1e-3)


def test_an_attack_goes_out_and_in():
    attack = PGD(0.2, 20, loss="margin")
    assert share_familiar(as_familiar(NEW), attack) < share_familiar(as_familiar(NEW)) - 0.3
    assert share_familiar(as_foreign(NOISE), attack) > share_familiar(as_foreign(NOISE)) + 0.3


def test_a_class_without_training_images_is_left_out():
    two = TRAIN.take((TRAIN.labels < 2).nonzero()[:, 0])
    judge = FamiliarityJudge(MODEL, two, HELD_OUT.take((HELD_OUT.labels < 2).nonzero()[:, 0]))
    assert len(judge.centres) == 2


def test_the_verdicts_are_the_labels():
    assert (as_foreign(NEW).labels == FOREIGN).all() and (as_familiar(NEW).labels == FAMILIAR).all()
    assert torch.equal(as_foreign(NEW).images, NEW.images)
