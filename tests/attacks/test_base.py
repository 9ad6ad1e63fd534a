"""What an attack is called, how it changes its size, and that the model gets its modes back."""

import pytest
from small import trained_network

from utils.attacks.apgd import APGD, WorstCase, worst_case
from utils.attacks.base import eval_mode, in_float32, name_of, norm_of, with_epsilon
from utils.attacks.black_box import Square
from utils.attacks.few_pixels import FewPixels
from utils.attacks.hop_skip_jump import HopSkipJump
from utils.attacks.pgd import PGD
from utils.attacks.random_noise import RandomSigns

NAMES = {
    "pgd": PGD(),
    "pgd l2": PGD(norm="l2"),
    "apgd": APGD(),
    "worst case": worst_case(),
    "worst case l2": worst_case(norm="l2"),
    "square": Square(),
    "few pixels": FewPixels(),
    "hop skip jump": HopSkipJump(),
}
SIZED = [PGD(0.1, step=0.1), APGD(0.1), Square(0.1), HopSkipJump(0.1), RandomSigns(0.1)]


@pytest.fixture
def model():
    return trained_network()


@pytest.mark.parametrize("name", NAMES)
def test_an_attack_is_named_after_its_class_and_norm(name):
    assert name_of(NAMES[name]) == name
    assert norm_of(NAMES[name]) == ("l2" if name.endswith("l2") else "linf")


@pytest.mark.parametrize("attack", [*SIZED, worst_case(0.1)], ids=repr)
def test_another_size_of_an_attack_is_the_same_attack(attack):
    larger = with_epsilon(attack, 0.2)
    assert type(larger) is type(attack) and larger.epsilon == 0.2 and attack.epsilon == 0.1


def test_a_chain_has_a_size_only_if_all_its_attacks_have_one():
    assert WorstCase((PGD(0.1), PGD(0.2))).epsilon == 0.2
    assert WorstCase((PGD(0.1), FewPixels())).epsilon is None


@pytest.mark.parametrize("attack", [PGD(0.1, steps=5), APGD(0.1, steps=5)], ids=repr)
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
