"""The strongest attacks: exact where the optimum is known, and no weaker than the libraries'."""

from dataclasses import replace

import pytest
import torch
from small import NAMES, small_network, small_split
from torch import nn
from witnesses import Sure

from utils.attacks.apgd import APGD, EVERY_CLASS, WorstCase, worst_case_chain
from utils.attacks.black_box.square import Square
from utils.attacks.minimal_norm import MinimalNorm
from utils.attacks.pgd import PGD
from utils.data.split import Split, to_float

LOSSES = ["cross_entropy", "margin", EVERY_CLASS]
ATTACKS = [
    *(APGD(0.1, 20, loss, norm) for loss in LOSSES for norm in ("linf", "l2")),
    WorstCase((PGD(0.1, 5), PGD(0.1, 5))),
    worst_case_chain(0.1, 10, 20),
    worst_case_chain(0.1, 10, 20, minimal_norm=True),
    worst_case_chain(0.1, 10, 20, target=1),
    *(APGD(0.1, 20, loss, norm, target=1) for loss in LOSSES[:2] for norm in ("linf", "l2")),
]


def four_classes(count: int, seed: int = 0) -> Split:
    """The small data with a fourth class."""
    split = small_split(count, seed=seed)
    images, labels = split.images.clone(), torch.arange(count) % 4
    images[labels == 3] = 255 - images[labels == 3]
    return Split(images, labels, (*NAMES, "inverted"))


def trained_on(split: Split, seed: int = 0) -> nn.Module:
    network = small_network(seed, split.classes)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(to_float(split.images)), split.labels).backward()
        optimizer.step()
    network.zero_grad()
    return network.eval()


@pytest.fixture(scope="module")
def shared():
    """A network of four classes, with images of which an attack of 0.05 takes about half."""
    torch.manual_seed(0)
    model, split = trained_on(four_classes(96)), four_classes(200, seed=7)
    return model, to_float(split.images), split.labels


def robust(model, attack, images, labels) -> float:
    torch.manual_seed(0)
    return (model(attack(model, images, labels)).argmax(1) == labels).float().mean().item()


@pytest.mark.parametrize("attack", ATTACKS, ids=repr)
def test_does_what_every_attack_must(attack, shared):
    model, images, labels = shared
    images, labels, before = images[:20], labels[:20], images[:20].clone()
    model.train()
    attacked = attack(model, images, labels)
    assert model.training and all(weight.grad is None for weight in model.parameters())
    model.eval()
    size = 2 if getattr(attack, "norm", "linf") == "l2" else torch.inf
    assert ((attacked - images).flatten(1).norm(p=size, dim=1) <= 0.1 + 1e-5).all()
    assert attacked.min() >= 0 and attacked.max() <= 1 and not attacked.requires_grad
    assert torch.equal(images, before)
    assert len(attack(model, images[:0], labels[:0])) == 0


def linear(classes: int) -> nn.Module:
    """A linear model that prefers no class: all its answers to plain grey are 0."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(36, classes)).requires_grad_(False)
    model[1].bias -= model(torch.full((1, 1, 6, 6), 0.5))[0]
    return model.eval()


def optimum(model, images, labels, epsilon) -> torch.Tensor:
    """The largest lead that any other class can get, exactly: each pixel is free of the others."""
    weight, bias = model[1].weight, model[1].bias
    flat = images.flatten(1)
    low, high = (flat - epsilon).clamp_min(0), (flat + epsilon).clamp_max(1)
    leads = []
    for other in range(len(weight)):
        slope = weight[other] - weight[labels]
        best = torch.where(slope > 0, slope * high, slope * low).sum(1)
        leads.append((best + bias[other] - bias[labels]).where(labels != other, -torch.inf))
    return torch.stack(leads, 1).max(1).values


@pytest.mark.parametrize("classes", [2, 3, 4])
@pytest.mark.parametrize("loss", [*LOSSES, "worst case"])
def test_finds_the_exact_optimum_of_a_linear_model(classes, loss):
    torch.manual_seed(classes)
    model, images = linear(classes), torch.rand(200, 1, 6, 6)
    labels = model(images).argmax(1)
    attack = worst_case_chain(0.04) if loss == "worst case" else APGD(0.04, loss=loss)
    lead = optimum(model, images, labels, 0.04)
    sure = lead.abs() > 1e-5  # of the rest, rounding decides
    fooled = model(attack(model, images, labels)).argmax(1) != labels
    assert 0.2 < (lead > 0).float().mean() < 0.8
    if loss in ("worst case", EVERY_CLASS) or classes == 2:
        assert torch.equal(fooled[sure], lead[sure] > 0)
    else:  # one path can end at the wrong class; it never claims too much
        assert not (fooled & (lead < 0) & sure).any()
        assert (fooled == (lead > 0))[sure].float().mean() > 0.9


@pytest.mark.parametrize("scale", [1e-3, 1e4])
@pytest.mark.parametrize("loss", ["margin", EVERY_CLASS])
def test_sharper_or_flatter_answers_do_not_hide_the_way(scale, loss, shared):
    """Where the cross-entropy is exactly 0, its gradient is too; the margin's is not."""
    model, images, labels = shared
    scaled = nn.Sequential(*model[:-1], Sure(model[-1], scale)).eval()
    attack = APGD(0.05, 20, loss)
    assert (
        abs(robust(scaled, attack, images, labels) - robust(model, attack, images, labels)) < 0.02
    )


def test_the_cross_entropy_of_a_very_sure_model_says_nothing(shared):
    model, images, labels = shared
    sure = nn.Sequential(*model[:-1], Sure(model[-1], 1e4)).eval()
    by_loss, by_margin = (
        robust(sure, APGD(0.05, 20, loss), images, labels) for loss in ("cross_entropy", "margin")
    )
    assert by_margin < by_loss - 0.1


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (APGD(0.05, 20), {"loss": "ce"}),
        (APGD(0.05, 20, "margin"), {"loss": "dlr"}),
        (APGD(0.5, 20, norm="l2"), {"loss": "ce", "norm": "L2"}),
        (APGD(0.5, 20, "margin", "l2"), {"loss": "dlr", "norm": "L2"}),
    ],
    ids=str,
)
def test_no_weaker_than_the_apgd_of_torchattacks(ours, theirs, shared):
    model, images, labels = shared
    library = pytest.importorskip("torchattacks").APGD(model, eps=ours.epsilon, steps=20, **theirs)
    found = robust(model, lambda _, *batch: library(*batch), images, labels)
    assert 0.1 < found < 0.95
    assert robust(model, ours, images, labels) <= found + 0.01


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_no_weaker_than_the_targeted_apgd_of_torchattacks(norm, shared):
    model, images, labels = shared
    ours = APGD(0.05 if norm == "linf" else 0.5, 20, EVERY_CLASS, norm)
    library = pytest.importorskip("torchattacks").APGDT(
        model, eps=ours.epsilon, steps=20, norm="Linf" if norm == "linf" else "L2", n_classes=4
    )
    found = robust(model, lambda _, *batch: library(*batch), images, labels)
    assert robust(model, ours, images, labels) <= found + 0.01


@pytest.mark.slow
def test_as_low_as_the_autoattack_of_torchattacks(shared):
    model, images, labels = shared
    library = pytest.importorskip("torchattacks").AutoAttack(model, eps=0.05, n_classes=4)
    found = robust(model, lambda _, *batch: library(*batch), images, labels)
    ours = robust(model, worst_case_chain(0.05), images, labels)
    assert 0.1 < ours < 0.9 and ours <= found + 0.005


def test_each_attack_of_a_chain_gets_the_survivors_of_the_one_before(shared):
    model, images, labels = shared
    seen = []

    def watching(_, images, labels):
        seen.append(len(images))
        return PGD(0.03, 2)(model, images, labels)

    chained = robust(model, WorstCase((watching,) * 4), images, labels)
    assert seen == sorted(seen, reverse=True) and seen[0] > seen[-1]
    assert chained <= robust(model, PGD(0.03, 2), images, labels)


def test_a_chain_attacks_the_image_itself_not_what_was_made_of_it(shared):
    model, images, labels = shared
    attacked = WorstCase((PGD(0.03), PGD(0.03), PGD(0.03)))(model, images, labels)
    assert (attacked - images).abs().max() <= 0.03 + 1e-6


def test_the_callers_autocast_does_not_reach_a_chain(shared):
    """Not even the judgement which images survived: its own precision decides who is attacked."""
    model, images, labels = shared
    seen = set()
    hook = model.register_forward_hook(lambda module, inputs, found: seen.add(found.dtype))
    with hook, torch.autocast("cpu", torch.bfloat16):
        WorstCase((PGD(0.03, 2), APGD(0.03, 2)))(model, images, labels)
    assert seen == {torch.float32}


def test_gradients_that_mislead_do_not_mislead_the_chain(shared):
    """A model that rounds its input has no gradient; questions still find the way."""
    model, images, labels = shared[0], *(part[:60] for part in shared[1:])
    rounding, chain = nn.Sequential(Rounded(), *model).eval(), worst_case_chain(0.1, 20, 300)
    by_gradient = robust(rounding, WorstCase(chain.attacks[:-1]), images, labels)
    whole = robust(rounding, chain, images, labels)
    assert whole < by_gradient - 0.1


class Rounded(nn.Module):
    def forward(self, images):
        return (images * 32).round() / 32


@pytest.mark.parametrize(
    "wrong",
    [{"loss": "energy"}, {"norm": "l1"}, {"epsilon": -1}, {"steps": 0}, {"loss": EVERY_CLASS}],
    ids=str,
)
def test_a_wrong_setting_is_refused_when_made(wrong):
    target = 1 if wrong.get("loss") == EVERY_CLASS else None
    with pytest.raises(ValueError, match=next(iter(wrong))):
        replace(APGD(), **wrong, target=target)


def test_the_l2_chain_asks_no_squares():
    assert not any(isinstance(attack, Square) for attack in worst_case_chain(norm="l2").attacks)


def test_a_chain_has_100_steps_and_the_smallest_change_only_if_wanted():
    assert {attack.steps for attack in worst_case_chain().attacks[:-1]} == {100}
    kinds = [type(attack) for attack in worst_case_chain(minimal_norm=True).attacks]
    assert kinds == [APGD] * 3 + [MinimalNorm, Square]
    assert {attack.epsilon for attack in worst_case_chain(0.1, minimal_norm=True).attacks} == {0.1}


def test_a_chain_to_a_target_has_it_in_every_link():
    chain = worst_case_chain(target=2, minimal_norm=True)
    assert chain.target == 2 and {attack.target for attack in chain.attacks} == {2}
    assert WorstCase(()).target is worst_case_chain().target is None
