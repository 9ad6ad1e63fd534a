"""A measure of fakes that calls real patients fakes is red; one that does not is silent."""

import numpy as np
import pytest

from utils.contamination.generators.generated_images import kid
from utils.evaluation.flags.control_flags import check_control

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(("shift", "red"), [(0.0, False), (1.0, True)])
def test_real_images_of_another_mixture_are_red(shift, red):
    control = kid(RNG.normal(size=(80, 8)), RNG.normal(shift, size=(80, 8)))
    (row,) = check_control(control).to_dict("records")
    assert row["red"] == red and ("chance" in row["reason"]) == red


def test_two_draws_of_the_same_patients_are_hardly_ever_red():
    controls = (kid(RNG.normal(size=(40, 8)), RNG.normal(size=(40, 8))) for _ in range(60))
    assert sum(check_control(control)["red"].sum() for control in controls) <= 1
