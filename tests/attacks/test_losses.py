"""The losses that an attack climbs, against closed forms."""

import pytest
import torch
import torch.nn.functional as F

from utils.attacks.losses import (
    CLASS_LOSSES,
    LOSSES,
    AllFindings,
    OneFinding,
    confidence,
    energy,
    is_right,
    lead_of,
    loss_named,
    margin,
    margin_named,
    success_margin,
)
from utils.attacks.pgd import PGD

LOGITS = torch.tensor([[2.0, 0.5, -1.0], [0.0, 3.0, 3.5]])
LABELS = torch.tensor([0, 1])
FINDINGS = torch.tensor([[1, 1, 0], [0, 1, 1]])


def test_the_margin_is_the_lead_of_the_best_other_class():
    assert margin(LOGITS, LABELS).tolist() == [-1.5, 0.5]


def test_an_attack_succeeds_where_another_class_leads_or_the_target_does():
    assert success_margin(LOGITS, LABELS).tolist() == [-1.5, 0.5]
    assert success_margin(LOGITS, LABELS, target=2).tolist() == [-3.0, 0.5]
    assert success_margin(LOGITS, LABELS, target=1).tolist() == [-1.5, -0.5]
    assert lead_of(LOGITS, torch.tensor([2, 0]), LABELS).tolist() == [-3.0, -3.0]


@pytest.mark.parametrize("name", CLASS_LOSSES)
def test_losses_over_the_boundary_are_higher_for_the_misclassified(name):
    found = LOSSES[name](LOGITS, LABELS)
    assert found[1] > found[0]


def test_energy_and_confidence_need_no_labels():
    assert torch.allclose(energy(LOGITS), LOGITS.exp().sum(1).log())
    assert torch.allclose(confidence(LOGITS), F.softmax(LOGITS, 1).amax(1))
    for name in ("energy", "confidence"):
        more, less = LOSSES[name](LOGITS, LABELS), LOSSES[f"less {name}"](LOGITS, LABELS)
        assert torch.equal(more, -less)


def test_an_unknown_loss_is_refused():
    with pytest.raises(ValueError, match="unknown loss 'charm'; choose from cross_entropy"):
        loss_named("charm")


@pytest.mark.parametrize("measure", ["energy", "confidence"])
def test_moves_what_a_rejector_looks_at_either_way(measure, model, batch):
    less, plain, more = (
        LOSSES[measure](model(attack(model, *batch)), batch[1]).mean()
        for attack in (PGD(0.1, loss=f"less {measure}"), PGD(0.0), PGD(0.1, loss=measure))
    )
    assert less < plain < more


@pytest.mark.parametrize("wrong", [{"target": 1}, {"stop_when_fooled": True}], ids=str)
def test_confidence_has_no_boundary_to_cross(wrong):
    with pytest.raises(ValueError, match="no boundary"):
        PGD(loss="energy", **wrong)


AIMS = {  # of LOGITS with FINDINGS: how far each aim is reached
    "any finding wrong": (margin, None, [-0.5, 0.0]),
    "the first wrong": (OneFinding(0), None, [-2.0, 0.0]),
    "the last wrong": (OneFinding(2), None, [-1.0, -3.5]),
    "all wrong": (AllFindings().margin, None, [-2.0, -3.5]),
    "healthy": (margin, 0, [-2.0, -3.5]),
    "every finding there": (margin, 1, [-1.0, 0.0]),
    "the first absent": (OneFinding(0), 0, [-2.0, 0.0]),
}


@pytest.mark.parametrize("aim", AIMS)
def test_an_aim_at_findings_is_reached_above_zero(aim):
    loss, target, expected = AIMS[aim]
    found = success_margin(LOGITS, FINDINGS, target, loss)
    assert found.tolist() == pytest.approx(expected)


def test_the_loss_of_findings_is_the_mean_of_their_cross_entropies():
    each = F.binary_cross_entropy_with_logits(LOGITS, FINDINGS.float(), reduction="none")
    assert torch.allclose(LOSSES["cross_entropy"](LOGITS, FINDINGS), each.mean(1))


def test_a_finding_that_is_wrong_enough_pulls_no_more():
    logits = (0.9 * LOGITS).requires_grad_()
    AllFindings()(logits, 1 - FINDINGS).sum().backward()  # most logits are on the wrong side
    assert (logits.grad == 0).tolist() == [[True, False, False], [False, True, True]]


def test_right_are_images_with_the_label_or_with_all_findings():
    assert is_right(LOGITS, LABELS).tolist() == [True, False]
    assert is_right(LOGITS, FINDINGS).tolist() == [True, True]
    assert is_right(LOGITS, 1 - FINDINGS).tolist() == [False, False]


def test_only_losses_with_a_boundary_have_a_margin():
    assert margin_named("cross_entropy") is margin_named("margin") is margin
    assert margin_named("energy") is None and margin_named(lambda *_: 0) is None
    assert margin_named(OneFinding(1))(LOGITS, FINDINGS).tolist() == [-0.5, -3.0]
