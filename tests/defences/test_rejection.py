"""A rejector accepts what is familiar, and an attack pushes images over its threshold."""

import numpy as np
import pytest
import torch
from small import small_split, trained_network

from utils.attacks.apgd import APGD
from utils.attacks.black_box.square import Square
from utils.attacks.losses import LOSSES, margin
from utils.attacks.pgd import PGD
from utils.data.split import to_float
from utils.defences.rejection import ACCEPTED, MEASURES, JointLoss, Rejector, SelectiveClassifier
from utils.evaluation.inference import logits, predict

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


def selective(measure: str, share: float = 0.5) -> SelectiveClassifier:
    """A strict one: it accepts this share of known images."""
    rejector = Rejector(measure)
    rejector.threshold = float(torch.quantile(MEASURES[measure](logits(MODEL, KNOWN)), 1 - share))
    return SelectiveClassifier(MODEL, rejector)


@EVERY
def test_it_predicts_as_the_model_does_and_says_what_it_accepts(measure):
    found, images = selective(measure), to_float(UNSEEN.images)
    assert torch.equal(found(images), MODEL(images))
    accepted = found.rejector.accepts(MODEL(images))
    assert torch.equal(found.accepts(images), accepted) and 0.3 < accepted.float().mean() < 0.7


@EVERY
def test_the_outcome_counts_accepted_images_right_and_wrong(measure):
    found, attack = selective(measure), PGD(0.05, 5)
    for one in (None, attack):
        outcome, said = found.outcome(UNSEEN, one), logits(MODEL, UNSEEN, one)
        accepted = found.rejector.accepts(said).numpy()
        right = predict(MODEL, UNSEEN, one).right
        assert outcome["accepted"] == pytest.approx(accepted.mean())
        assert outcome["accepted and right"] == pytest.approx((accepted & right).mean())
        assert outcome["accepted and wrong"] == pytest.approx((accepted & ~right).mean())


@EVERY
def test_an_attack_has_succeeded_where_the_model_is_wrong_and_accepts(measure):
    found, said = selective(measure), logits(MODEL, UNSEEN, PGD(0.1, 3))
    lead = margin(said, UNSEEN.labels)
    both = (lead > 0) & found.rejector.accepts(said)
    assert torch.equal(found.success(said, lead) > 0, both) and 0 < both.sum() < len(both)


@EVERY
@pytest.mark.parametrize("attack", [PGD(0.1, 10), PGD(2.5, 10, norm="l2")], ids=repr)
def test_an_attack_on_class_and_rejector_together_gets_more_accepted(measure, attack):
    """The attack on the class alone stops just across the boundary, where little is accepted.

    How little depends on the trained network, and this on the computer.
    """
    found = selective(measure)
    near = PGD(attack.epsilon, 10, norm=attack.norm, stop_when_fooled=True)
    harm = [
        found.outcome(UNSEEN, one)["accepted and wrong"] for one in (near, found.adaptive(near))
    ]
    assert harm[1] > harm[0] + 0.1, harm
    assert harm[1] >= found.outcome(UNSEEN, attack)["accepted and wrong"]


def test_the_joint_loss_climbs_the_measure_only_where_the_class_is_wrong():
    said = torch.tensor([[3.0, 1.0, 0.0], [1.0, 3.0, 0.0]])
    lead, energy = margin(said, torch.zeros(2).long()), said.logsumexp(1)
    found = JointLoss("energy")(said, torch.zeros(2).long())
    assert torch.allclose(found, lead + torch.stack([torch.tensor(0.0), energy[1]]))
    assert "confidence" in LOSSES and "energy" in LOSSES  # one of each measure


@pytest.mark.parametrize("attack", [APGD(0.1, 10), Square(0.14, 60)], ids=repr)
def test_any_attack_with_a_size_gets_the_joint_one_beside_it(attack):
    found = selective("energy")
    plain, known = (
        found.outcome(UNSEEN, one)["accepted and wrong"] for one in (attack, found.adaptive(attack))
    )
    assert known > plain


def test_an_unfitted_rejector_is_refused():
    with pytest.raises(ValueError, match="no threshold yet"):
        SelectiveClassifier(MODEL, Rejector("energy"))
