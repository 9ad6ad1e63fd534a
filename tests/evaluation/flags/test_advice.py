"""Every flag has one sentence of advice, and there is advice for no other."""

import re

import pytest

from utils.evaluation.flags.advice import ADVICE
from utils.evaluation.flags.attack_flags import ATTACK_FLAGS
from utils.evaluation.flags.clean_flags import CLEAN_FLAGS
from utils.evaluation.flags.control_flags import CONTROL_FLAGS
from utils.evaluation.flags.reporting_flags import REPORT_FLAGS


def test_every_flag_has_its_advice():
    assert set(ADVICE) == {*ATTACK_FLAGS, *CLEAN_FLAGS, *CONTROL_FLAGS, *REPORT_FLAGS}


@pytest.mark.parametrize("flag", ADVICE)
def test_advice_is_one_sentence(flag):
    assert re.fullmatch(r"[A-Z][^.]+(\.\w[^.]*)*\.", ADVICE[flag]) and len(ADVICE[flag]) < 100


def test_a_random_defence_is_to_be_attacked_in_expectation():
    assert "EOT" in ADVICE["the same image gets different predictions"]
    assert "BPDA" in ADVICE["masked gradients"]
