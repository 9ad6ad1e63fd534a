"""What an attack is called, how it changes its size, and that the model gets its modes back."""

import pytest
import torch
from small import trained_network

from utils.attacks.adaptive import Adaptive
from utils.attacks.apgd import APGD, WorstCase, worst_case_chain
from utils.attacks.base import (
    eval_mode,
    in_float32,
    name_of,
    norm_of,
    other_classes,
    survivors,
    target_of,
    unless_reached,
    with_epsilon,
)
from utils.attacks.black_box.few_pixels import FewPixels
from utils.attacks.black_box.hop_skip_jump import HopSkipJump
from utils.attacks.black_box.square import Square
from utils.attacks.minimal_norm import MinimalNorm
from utils.attacks.patch import AdversarialPatch
from utils.attacks.pgd import PGD
from utils.attacks.random_noise import RandomSigns

NAMES = {
    "pgd": PGD(),
    "pgd l2": PGD(norm="l2"),
    "apgd": APGD(),
    "worst case": worst_case_chain(),
    "worst case l2": worst_case_chain(norm="l2"),
    "square": Square(),
    "few pixels": FewPixels(),
    "hop skip jump": HopSkipJump(),
    "minimal norm": MinimalNorm("linf"),
    "minimal norm l2": MinimalNorm("l2"),
    "adversarial patch": AdversarialPatch(),
}
SIZED = [
    PGD(0.1, step=0.1),
    APGD(0.1),
    Square(0.1),
    HopSkipJump(0.1),
    MinimalNorm("linf", epsilon=0.1),
    RandomSigns(0.1),
]


@pytest.fixture
def model():
    return trained_network()


@pytest.mark.parametrize("name", NAMES)
def test_an_attack_is_named_after_its_class_and_norm(name):
    assert name_of(NAMES[name]) == name
    assert norm_of(NAMES[name]) == ("l2" if name.endswith("l2") else "linf")


@pytest.mark.parametrize("attack", [*SIZED, worst_case_chain(0.1)], ids=repr)
def test_another_size_of_an_attack_is_the_same_attack(attack):
    larger = with_epsilon(attack, 0.2)
    assert type(larger) is type(attack) and larger.epsilon == 0.2 and attack.epsilon == 0.1


def test_a_chain_has_a_size_only_if_all_its_attacks_have_one():
    assert WorstCase((PGD(0.1), PGD(0.2))).epsilon == 0.2
    assert WorstCase((PGD(0.1), FewPixels())).epsilon is None


@pytest.mark.parametrize(
    "attack",
    [PGD(0.1, steps=5), APGD(0.1, steps=5), MinimalNorm("linf", steps=5, epsilon=0.1)],
    ids=repr,
)
def test_an_attack_in_steps_can_have_more_of_them(attack):
    assert attack.more_steps().steps == 10 and attack.reach >= attack.epsilon
    assert not hasattr(Square(), "more_steps") and not hasattr(Square(), "reach")


def test_modes_come_back_even_after_an_error(model):
    model.train()
    with pytest.raises(RuntimeError), eval_mode(model):
        assert not model.training
        raise RuntimeError
    assert model.training and model[1].training


def test_float32_changes_nothing_but_the_precision():
    quick = PGD(0.1, stop_when_fooled=True, precision="auto")
    assert in_float32(quick) == PGD(0.1, stop_when_fooled=True)
    assert all(in_float32(attack) is attack for attack in SIZED)


def test_float32_reaches_the_attacks_inside_an_attack(model):
    quick, exact = PGD(0.1, precision="auto"), PGD(0.1)
    chain = WorstCase((Square(0.1), WorstCase((quick,))))
    assert in_float32(chain) == WorstCase((Square(0.1), WorstCase((exact,))))
    known = Adaptive((quick, exact), (model,), repeats=3)
    assert in_float32(known).attacks == (exact, exact) and in_float32(known).repeats == 3
    for attack in (worst_case_chain(0.1), Adaptive((exact,), (model,))):
        assert in_float32(attack) is attack


def test_survivors_are_the_images_on_which_no_attack_succeeded(model, batch):
    images, labels = batch
    predicted = model(images).argmax(1)
    assert torch.equal(survivors(model, images, labels), (predicted == labels).nonzero()[:, 0])
    assert torch.equal(survivors(model, images, labels, 2), (predicted != 2).nonzero()[:, 0])
    assert not len(survivors(model, images[:0], labels[:0]))


def test_the_other_classes_are_all_but_the_label_in_the_order_of_their_logits(model, batch):
    images, labels = batch
    others, logits = other_classes(model, images, labels), model(images)
    assert torch.equal(torch.cat([labels[None], others]).sort(0).values[:, 0], torch.arange(3))
    assert (logits.gather(1, others.T).diff(dim=1) <= 0).all() and not (others == labels).any()


def test_an_image_that_is_predicted_as_the_target_stays_as_it_is(model, batch):
    images, attacked = batch[0], torch.zeros_like(batch[0])
    kept = unless_reached(model.train(), images, attacked, 1)
    reached = model.eval()(images).argmax(1) == 1
    assert torch.equal(kept[reached], images[reached]) and reached.any()
    assert not kept[~reached].any() and unless_reached(model, images, attacked, None) is attacked


def test_the_target_of_an_attack_is_none_where_it_has_none():
    assert target_of(PGD(target=0)) == 0
    assert target_of(PGD()) is target_of(RandomSigns()) is target_of(lambda *_: None) is None
