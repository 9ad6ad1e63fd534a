"""What every attack must do, and what each of them must do besides."""

from dataclasses import replace

import pytest
import torch
from small import findings_network, findings_split, small_network, small_split
from torch import nn
from witnesses import same, size_of

from utils.attacks.apgd import APGD
from utils.attacks.black_box import Square
from utils.attacks.hop_skip_jump import HopSkipJump
from utils.attacks.losses import AllFindings, OneFinding, is_right
from utils.attacks.minimal_norm import MinimalNorm
from utils.attacks.pgd import PGD, fgsm, iterated_fgsm, momentum_fgsm
from utils.attacks.random_noise import RandomSigns
from utils.data.split import to_float

ATTACKS = [
    fgsm(0.1),
    iterated_fgsm(0.1),
    PGD(0.1),
    PGD(0.1, loss="margin"),
    momentum_fgsm(0.1),
    PGD(0.1, stop_when_fooled=True),
    PGD(0.1, precision="bfloat16"),
    PGD(1.0, norm="l2"),
    PGD(1.0, norm="l2", random_start=False, stop_when_fooled=True),
]
TARGETED = [replace(attack, target=2) for attack in ATTACKS]
EVERY = [*ATTACKS, *TARGETED]


@pytest.mark.parametrize("attack", EVERY, ids=repr)
def test_stays_in_the_ball_and_in_the_pixel_range(attack, model, batch):
    images, labels = batch
    attacked = attack(model, images, labels)
    assert (size_of(attacked - images, attack.norm) <= attack.epsilon + 1e-5).all()
    assert attacked.min() >= 0 and attacked.max() <= 1
    assert attacked.dtype == torch.float32 and not attacked.requires_grad


@pytest.mark.parametrize("attack", [PGD(0.1), APGD(0.1), MinimalNorm()], ids=repr)
def test_a_model_without_gradients_is_refused_with_what_to_use(attack, model, batch):
    class Opaque(nn.Module):
        def forward(self, images):
            return model(images).detach()

    with pytest.raises(ValueError, match="no gradient .* Square"):
        attack(Opaque(), *batch)


@pytest.mark.parametrize("attack", EVERY, ids=repr)
def test_moves_the_loss_where_it_should(attack, model, batch):
    images, labels = batch
    goal = labels if attack.target is None else torch.full_like(labels, attack.target)
    before, after = (
        nn.functional.cross_entropy(model(shown), goal)
        for shown in (images, attack(model, images, labels))
    )
    assert after > before if attack.target is None else after < before


@pytest.mark.parametrize("attack", EVERY, ids=repr)
@pytest.mark.parametrize("training", [True, False])
def test_leaves_the_model_as_it_was(attack, model, batch, training):
    model.train(training)
    model[3].eval()  # a part in another mode keeps it
    before = {name: value.clone() for name, value in model.state_dict().items()}
    attack(model, *batch)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(weight.grad is None for weight in model.parameters())
    assert model.training is training and not model[3].training


@pytest.mark.parametrize("attack", ATTACKS, ids=repr)
def test_leaves_its_input_and_takes_an_empty_batch(attack, model, batch):
    images, labels = batch
    before = images.clone()
    attack(model, images, labels)
    assert torch.equal(images, before)
    assert len(attack(model, images[:0], labels[:0])) == 0


def test_the_callers_autocast_does_not_reach_the_attack(model, batch):
    attack = PGD(0.1, random_start=False)
    expected = attack(model, *batch)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(attack(model, *batch), expected)


def test_works_inside_no_grad(model, batch):
    attack = PGD(0.1, random_start=False)
    expected = attack(model, *batch)
    with torch.no_grad():
        assert torch.equal(attack(model, *batch), expected)


def test_fgsm_is_the_closed_form_on_a_linear_model():
    model = nn.Sequential(nn.Flatten(), nn.Linear(2, 2, bias=False))
    model[1].weight.data = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
    images = torch.full((1, 1, 1, 2), 0.5)
    attacked = fgsm(0.1)(model, images, torch.tensor([0]))
    assert torch.allclose(attacked.flatten(), torch.tensor([0.4, 0.6]))


def fooled(attack, model, images, labels) -> torch.Tensor:
    return model(attack(model, images, labels)).argmax(1) != labels


@pytest.mark.parametrize("attack", [PGD(0.04), PGD(0.6, norm="l2")], ids=repr)
def test_stopping_when_fooled_gives_the_same_verdict(attack, model, batch):
    whole, early = (
        fooled(replace(attack, random_start=False, stop_when_fooled=stop), model, *batch)
        for stop in (False, True)
    )
    assert 0 < whole.sum() < len(whole)
    assert (early >= whole).all()  # it may only catch more: an image fooled on the way stays fooled


def test_bfloat16_finds_about_as_many_victims_as_float32(model, batch):
    shares = [
        fooled(PGD(0.04, precision=precision), model, *batch).float().mean()
        for precision in ("float32", "bfloat16")
    ]
    assert abs(shares[0] - shares[1]) < 0.07


def test_stopping_in_bfloat16_leaves_no_image_that_float32_fools():
    """Two classes have logits of opposite sign: at the boundary both are mere rounding errors."""
    model, split = two_class_network(), small_split(300, seed=3)
    images, labels = split.images / 255, split.labels.clamp_max(1)
    attack = PGD(0.1, 40, random_start=False, stop_when_fooled=True)
    exact, quick = (
        fooled(replace(attack, precision=precision), model, images, labels)
        for precision in ("float32", "bfloat16")
    )
    assert 30 < exact.sum() < 270
    assert (exact & ~quick).sum() <= 1


def two_class_network() -> nn.Module:
    network, split = small_network(classes=2), small_split(60, seed=90)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for _ in range(40):
            optimizer.zero_grad()
            logits = network(split.images / 255)
            nn.functional.cross_entropy(logits, split.labels.clamp_max(1)).backward()
            optimizer.step()
    return network.eval()


@pytest.mark.parametrize("random_start", [False, True])
@pytest.mark.parametrize("target", [None, 2])
def test_pgd_agrees_with_torchattacks(model, batch, random_start, target):
    theirs = pytest.importorskip("torchattacks").PGD(model, 0.1, 0.02, 5, random_start)
    ours = PGD(0.1, 5, 0.02, random_start=random_start, target=target)
    assert same(ours, theirs, model, batch)


@pytest.mark.parametrize("target", [None, 2])
def test_fgsm_agrees_with_torchattacks(model, batch, target):
    theirs = pytest.importorskip("torchattacks").FGSM(model, 0.1)
    assert same(fgsm(0.1, target=target), theirs, model, batch)


@pytest.mark.parametrize("target", [None, 2])
def test_iterated_fgsm_agrees_with_torchattacks(model, batch, target):
    theirs = pytest.importorskip("torchattacks").BIM(model, 0.1, 0.01, 10)
    assert same(iterated_fgsm(0.1, target=target), theirs, model, batch)


@pytest.mark.parametrize("target", [None, 2])
def test_momentum_fgsm_agrees_with_torchattacks(model, batch, target):
    theirs = pytest.importorskip("torchattacks").MIFGSM(model, 0.1, 0.01, 10, 1.0)
    ours = replace(momentum_fgsm(0.1), target=target)
    assert same(ours, theirs, model, batch)


@pytest.mark.parametrize(
    "wrong",
    [{"norm": "l1"}, {"epsilon": -1}, {"epsilon": 4.0}, {"steps": 0}, {"loss": "charm"}],
    ids=str,
)
def test_a_wrong_setting_is_refused_when_made(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        PGD(**wrong)


def linear_findings(findings: int = 3, size: int = 4) -> tuple[nn.Module, torch.Tensor]:
    """A linear model of several findings, and its weight for each pixel."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(size * size, findings)).eval()
    generator = torch.Generator().manual_seed(1)
    weight = torch.randn(findings, size * size, generator=generator)
    model[1].weight.data, model[1].bias.data = weight, -0.5 * weight.sum(1)
    return model, weight


@pytest.mark.parametrize("finding", range(3))
@pytest.mark.parametrize("present", [0, 1])
@pytest.mark.parametrize("target", [None, 0, 1])
def test_on_a_linear_model_one_finding_moves_as_far_as_it_can(finding, present, target):
    """The exact optimum in the box: epsilon times the sum of all weights, in one direction."""
    model, weight = linear_findings()
    images = torch.full((2, 1, 4, 4), 0.5)
    labels = torch.full((2, 3), present)
    if target == 0:  # else the images are healthy already, and stay as they are
        model[1].bias.data += 1
    attack = PGD(0.1, 4, loss=OneFinding(finding), target=target, random_start=False)
    moved = (model(attack(model, images, labels)) - model(images)).detach()[:, finding]
    up = not present if target is None else bool(target)
    expected = 0.1 * weight[finding].abs().sum() * (1 if up else -1)
    assert torch.allclose(moved, expected.expand(2), atol=1e-5)


def test_on_a_linear_model_all_findings_move_by_the_sum_of_their_weights():
    model, weight = linear_findings()
    images, labels = torch.full((1, 1, 4, 4), 0.5), torch.tensor([[1, 0, 1]])
    signs = 1 - 2 * labels.float()
    attack = PGD(0.01, 3, loss=AllFindings(), random_start=False)
    moved = (signs * (model(attack(model, images, labels)) - model(images))).sum().detach()
    assert moved.item() == pytest.approx(0.01 * (signs @ weight).abs().sum().item(), abs=1e-5)


AIMS = {
    "any": (PGD(0.2), lambda wrong, there: wrong.any(1)),
    "one": (PGD(0.2, loss=OneFinding(0)), lambda wrong, there: wrong[:, 0]),
    "all": (PGD(0.2, 40, loss=AllFindings()), lambda wrong, there: wrong.all(1)),
    "healthy": (PGD(0.2, target=0), lambda wrong, there: ~there.any(1)),
    "margin": (PGD(0.2, loss="margin"), lambda wrong, there: wrong.any(1)),
    "stops": (
        PGD(0.2, loss=OneFinding(2), stop_when_fooled=True),
        lambda wrong, there: wrong[:, 2],
    ),
}


@pytest.mark.parametrize("aim", AIMS)
def test_every_aim_at_findings_is_reached_more_often_than_by_noise(aim):
    model, split = findings_network(), findings_split(48, seed=2)
    images, labels = to_float(split.images), split.labels
    attack, reached = AIMS[aim]
    shares = []
    for change in (attack, RandomSigns(0.2)):
        there = model(change(model, images, labels)) > 0
        shares.append(reached(there != labels.bool(), there).float().mean())
    assert shares[0] > shares[1] + 0.3, shares


def test_one_finding_is_moved_and_the_others_are_mostly_left():
    model, split = findings_network(), findings_split(48, seed=2)
    images, labels = to_float(split.images), split.labels
    attack = PGD(0.1, loss=OneFinding(1), stop_when_fooled=True)
    wrong = (model(attack(model, images, labels)) > 0) != labels.bool()
    assert wrong[:, 1].float().mean() > 2 * wrong[:, [0, 2]].float().mean()


@pytest.mark.parametrize(
    "attack",
    [MinimalNorm(), APGD(0.1, 5, "every class"), HopSkipJump(0.1, 200)],
    ids=lambda attack: type(attack).__name__,
)
def test_an_attack_that_needs_one_label_says_so(attack):
    split = findings_split(8, seed=2)
    with pytest.raises(ValueError, match="needs one label per image, got 3 findings; choose PGD"):
        attack(findings_network(), to_float(split.images), split.labels)


@pytest.mark.parametrize(
    "attack",
    [APGD(0.2, 10), APGD(0.2, 10, "margin"), APGD(0.2, 10, target=0), Square(0.2, 100)],
    ids=repr,
)
def test_other_attacks_take_findings_as_well(attack):
    model, split = findings_network(), findings_split(32, seed=2)
    images, labels = to_float(split.images), split.labels
    left, attacked = (is_right(model(x), labels) for x in (images, attack(model, images, labels)))
    assert attacked.float().mean() < left.float().mean() - 0.2
