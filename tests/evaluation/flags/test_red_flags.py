"""The doors give one row per flag, in the order of their tables."""

import numpy as np
from small import small_split, trained_network

from utils.attacks.pgd import PGD
from utils.data.split import Splits
from utils.evaluation.attack_suite import AttackSuite
from utils.evaluation.flags.attack_flags import ATTACK_FLAGS
from utils.evaluation.flags.clean_flags import CLEAN_FLAGS
from utils.evaluation.flags.red_flags import check_attack, check_clean
from utils.evaluation.inference import predict
from utils.evaluation.leakage import leakage_report


def test_an_attack_has_one_row_per_flag():
    model, split = trained_network(), small_split(12)
    suite = AttackSuite(PGD(0.1, 2), restarts=0, factors=(1,))
    table = check_attack(model, split, suite, suite.predict(model, split), images=6)
    assert table["flag"].tolist() == list(ATTACK_FLAGS)
    assert list(table) == ["flag", "red", "reason"]


def test_a_clean_score_has_one_row_per_flag():
    parts = [small_split(60, seed=seed) for seed in range(3)]
    splits = Splits(*parts)
    table = check_clean(predict(trained_network(), splits.test), leakage_report(splits))
    assert table["flag"].tolist() == list(CLEAN_FLAGS)


def test_the_images_of_the_checks_are_those_of_a_limited_split():
    split = small_split(60, seed=5)
    assert np.array_equal(split.take(split.some_rows(20)).images, split.limit(20).images)
