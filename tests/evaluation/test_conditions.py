"""Conditions are equal, ordered and named by their parts."""

import pytest

from utils.evaluation.conditions import (
    CLEAN,
    Condition,
    as_condition,
    by_condition,
    strongest_of,
)

PGD_4, PGD_8 = Condition("pgd", 4 / 255), Condition("pgd", 8 / 255)
RESTARTS = Condition("pgd", 4 / 255, 1)
FGSM_2, FGSM_12 = Condition("fgsm", 2 / 255), Condition("fgsm", 12.75 / 255)
NOISE, WORST = Condition("noise", 4 / 255), Condition("worst case", 4 / 255)
SHUFFLED = Condition("shuffled")
NAMES = {
    "clean": CLEAN,
    "pgd 4": PGD_4,
    "pgd 4, 1 restart": RESTARTS,
    "pgd 4, 5 restarts": Condition("pgd", 4 / 255, 5),
    "fgsm 12.75": FGSM_12,
    "label noise 20": Condition("label noise 20"),
}
STRONGEST = [
    ([CLEAN, NOISE, PGD_4, PGD_8, RESTARTS], RESTARTS),
    ([CLEAN, NOISE, FGSM_2, PGD_4], PGD_4),
    ([CLEAN, RESTARTS, WORST, PGD_8], WORST),
    ([CLEAN, Condition("blurred"), "tampered"], Condition("tampered")),
    ([CLEAN, NOISE, Condition("uniform noise", 0.1)], None),
    ([], None),
]


@pytest.mark.parametrize("name", NAMES)
def test_a_condition_has_a_name_to_read(name):
    assert str(NAMES[name]) == name


def test_conditions_stand_in_a_sensible_order():
    mixed = [PGD_8, SHUFFLED, RESTARTS, PGD_4, CLEAN, FGSM_12, FGSM_2, NOISE, PGD_8]
    assert sorted({*mixed}) == [
        CLEAN, NOISE, FGSM_2, FGSM_12, PGD_4, RESTARTS, PGD_8, SHUFFLED,
    ]  # fmt: skip


@pytest.mark.parametrize(("conditions", "strongest"), STRONGEST, ids=str)
def test_the_strongest_is_an_attack_or_nothing(conditions, strongest):
    assert strongest_of(conditions) == strongest


def test_rounding_makes_no_new_condition():
    assert Condition("pgd", 0.1 * 40 / 255) == PGD_4
    assert Condition("pgd", 4.1 / 255) != PGD_4


def test_plain_text_is_the_name_of_a_condition_without_size():
    assert as_condition("clean") is not CLEAN and as_condition("clean") == CLEAN
    assert by_condition({"shuffled": 1, PGD_4: 2}) == {SHUFFLED: 1, PGD_4: 2}


@pytest.mark.parametrize("wrong", [("",), ("pgd", -0.1), ("pgd", 0.1, -1)], ids=str)
def test_a_wrong_condition_is_refused(wrong):
    with pytest.raises(ValueError, match="needs a name, epsilon >= 0 and restarts >= 0"):
        Condition(*wrong)
