"""The doors give one row per flag, in the order of their tables."""

from dataclasses import replace

import numpy as np
from small import findings_network, findings_split, small_split, trained_network

from utils.attacks.pgd import PGD
from utils.data.split import Splits
from utils.evaluation.attack_suite import AttackSuite
from utils.evaluation.conditions import CLEAN
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


def test_several_findings_pass_the_same_checks():
    model, parts = findings_network(), [findings_split(60, seed=seed) for seed in range(3)]
    suite = AttackSuite(PGD(0.1, 10))
    published = suite.predict(model, parts[2])
    table = check_attack(model, parts[2], suite, published, images=16)
    assert table["flag"].tolist() == list(ATTACK_FLAGS) and not table["red"].any()
    clean = check_clean(published[CLEAN], leakage_report(Splits(*parts)))
    assert not clean.set_index("flag")["red"]["no better than the majority class"]


def test_a_constant_answer_about_findings_is_flagged():
    parts = [findings_split(60, seed=seed) for seed in range(3)]
    clean = predict(findings_network(), parts[2])
    constant = replace(clean, probabilities=np.full_like(clean.probabilities, 0.1))
    table = check_clean(constant, leakage_report(Splits(*parts))).set_index("flag")
    assert table["reason"]["one prediction for every image"].endswith("without a finding")
    assert table["reason"]["no better than the majority class"].startswith("AUC 50.0")


def test_an_attack_on_findings_that_is_too_weak_is_flagged():
    model, split = findings_network(), findings_split(60, seed=2)
    suite = AttackSuite(PGD(0.1, 4, step=0.0005, random_start=False))
    table = check_attack(model, split, suite, suite.predict(model, split), images=16)
    red = set(table["flag"][table["red"]])
    assert {"steps too short to reach epsilon", "iterated attack weaker than a single step"} <= red
