"""Dates and names in the names of files are seen, and numbers and descriptions are not."""

import numpy as np
import pytest

from utils.audit.checks.file_names import hold_dates_or_addresses, may_hold_names

ALONE = [
    ("a/scan_1940-05-01.png", True), ("a/19400501.png", True), ("DOE^JANE.png", True),
    ("jane.doe@example.org.png", True), ("12.03.2019.png", True), ("12031961_x.png", True),
    ("03-25-2019.png", True), ("1.3.2019.png", True), ("03251961.png", True),
    ("person12_bacteria_3.jpeg", False), ("NORMAL2-IM-0429-0001.jpeg", False),
    ("00000013_005.png", False), ("20481399.png", False), ("12345678.png", False),
    ("31.02.2019.png", False), ("scan_1_2_2001.png", False), ("smear001_x012_y345.jpg", False),
    ("12.03.3019.png", False), ("112032019.png", False), ("IM-12-03-01.png", False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "named"), ALONE)
def test_dates_and_addresses_are_seen_and_numbers_are_not(name, named):
    assert hold_dates_or_addresses([name]).tolist() == [named]


def test_of_many_patient_numbers_those_that_look_like_dates_are_none():
    numbers = np.random.default_rng(0).integers(10**7, 10**8, 20_000)
    paths = [f"a/{number}.png" for number in numbers]
    assert hold_dates_or_addresses(["a/12031961.png"]).all()
    assert not hold_dates_or_addresses([*paths, "a/12031961.png"]).any()


NAMES = {
    "Mueller_Anna_{}": True, "scan-Anna-Mueller-{}": True, "Mild_Demented_{}": False,
    "person{}_bacteria": False, "IM-{}-0001": False, "MUELLER_ANNA_{}": False,
    "Mueller{}_Anna": False,
}  # fmt: skip


@pytest.mark.parametrize("form", NAMES)
def test_two_capitalised_words_may_be_a_name_unless_they_are_the_class(form):
    paths = [f"train/c/{form.format(number)}.png" for number in range(12)]
    assert set(may_hold_names(paths, ["Mild_Demented", "c"])) == {NAMES[form]}


def test_words_that_many_files_share_describe_them():
    described = [f"Left_Eye_{number}.png" for number in range(200)]
    found = may_hold_names([*described, "Mueller_Anna.png"], ["a"])
    assert np.flatnonzero(found).tolist() == [200]
