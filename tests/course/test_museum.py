"""The museum shows what it says: each mistake does its damage, and raises its flag."""

from copy import deepcopy

import numpy as np
import pandas as pd
import pytest
import torch
from small import small_split, small_splits, trained_network

from utils.attacks.pgd import PGD
from utils.course.museum import (
    ClampAfterNormalising,
    Exhibit,
    LeakyGradients,
    TrainingModeAttack,
    accuracy_of_full_batches,
    detector_predictions,
    exhibit_table,
    largest_change,
    mean_images,
    psnr_without_square,
    resplit_by_image,
    train_while_measuring,
)
from utils.data.split import Splits, to_float
from utils.evaluation.attack_suite import AttackSuite
from utils.evaluation.flags.red_flags import check_attack
from utils.evaluation.image_similarity import psnr
from utils.evaluation.inference import attacked_images, predict
from utils.evaluation.intervals import Interval
from utils.evaluation.leakage import leakage_report
from utils.evaluation.metrics import scores

EPSILON = 0.1
SPLIT = small_split(60, seed=5)
PIXELS = to_float(SPLIT.images)


def victim() -> torch.nn.Module:
    """A model that normalises inside, as all of the course do."""
    model = trained_network()
    model.mean, model.std = torch.tensor([0.5]), torch.tensor([0.25])
    return model


@pytest.mark.parametrize(
    ("mistake", "flag"),
    [
        (ClampAfterNormalising(EPSILON, 1), "leaves the ball or the pixel range"),
        (TrainingModeAttack(EPSILON), "model in training mode"),
        (LeakyGradients(EPSILON), "gradients left in the weights"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, PGD) else "",
)
def test_a_wrong_attack_raises_its_flag_and_the_right_one_does_not(mistake, flag):
    for attack, red in ((mistake, True), (PGD(EPSILON), False)):
        model, suite = victim(), AttackSuite(attack, restarts=0, factors=(1,))
        table = check_attack(model, SPLIT, suite, suite.predict(model, SPLIT)).set_index("flag")
        assert table.loc[flag, "red"] == red


def test_a_leaking_attacker_trains_the_model_and_a_proper_one_does_not():
    weights = {}
    for name, attack in {
        "nobody": PGD(0.0, 1),
        "proper": PGD(EPSILON, 2, random_start=False),
        "leaking": LeakyGradients(EPSILON, 2, random_start=False),
    }.items():
        model = trained_network()
        model[3].p = 0.0  # dropout would draw other lots, however harmless the attacker
        train_while_measuring(model, SPLIT, attack, 0.01, seed=0)
        weights[name] = torch.cat([weight.flatten() for weight in model.parameters()])
    assert torch.equal(weights["nobody"], weights["proper"])
    assert not torch.allclose(weights["nobody"], weights["leaking"], atol=1e-3)


def test_training_mode_changes_the_model_for_good():
    model = trained_network()
    before = deepcopy(model.state_dict())
    predict(model, SPLIT, TrainingModeAttack(EPSILON, 2))
    assert not torch.equal(before["1.running_mean"], model.state_dict()["1.running_mean"])


@pytest.mark.parametrize(("images", "share"), [(64, 1.0), (65, 65 / 96), (32, 1.0), (1, 1 / 32)])
def test_the_wrong_count_is_right_only_for_full_batches(images, share):
    assert accuracy_of_full_batches(np.ones(images, bool), 32) == pytest.approx(share)


def test_a_peak_without_its_square_costs_24_decibels():
    shown = attacked_images(trained_network(), SPLIT, PGD(EPSILON))
    lost = psnr(PIXELS, shown) - psnr_without_square(PIXELS, shown).numpy()
    np.testing.assert_allclose(lost, 10 * np.log10(255), atol=1e-3)


def test_dealing_by_image_parts_patients_and_loses_nobody():
    splits = small_splits()
    numbered = [  # patients of one part are nobody of another
        part.__class__(part.images, part.labels, part.class_names, part.groups + 1000 * k)
        for k, (_, part) in enumerate(splits.items())
    ]
    splits = Splits(*numbered)
    mixed = resplit_by_image(splits, seed=0)
    assert leakage_report(splits).shared_groups == 0 < leakage_report(mixed).shared_groups
    for dealt in (splits, mixed):
        assert sum(len(part) for _, part in dealt.items()) == 144
    assert sorted(torch.cat([p.groups for _, p in mixed.items()]).tolist()) == sorted(
        torch.cat([p.groups for _, p in splits.items()]).tolist()
    )


def test_fakes_of_a_class_can_be_told_and_those_of_nothing_cannot():
    model = trained_network()
    told = {
        same: predict(model, mean_images(SPLIT, 200, 0, same)).accuracy for same in (True, False)
    }
    assert told[True] > 0.9 and told[False] < 0.5


def test_a_detector_with_the_original_finds_everything():
    shown = attacked_images(trained_network(), SPLIT, PGD(EPSILON))
    found = detector_predictions(largest_change(PIXELS, PIXELS), largest_change(shown, PIXELS))
    assert scores(found).loc["AUC", "value"] == 1
    none = detector_predictions(largest_change(PIXELS, PIXELS), largest_change(PIXELS, PIXELS))
    assert scores(none).loc["AUC", "value"] == 0.5  # ties are no guess


def test_a_table_of_exhibits_says_claim_truth_and_flags():
    flags = pd.DataFrame({"flag": ["one", "two"], "red": [True, False]})
    true = Interval(0.5, 0.4, 0.6)
    exhibits = {
        "a": Exhibit(0.9, flags, true),
        "b": Exhibit(24.1, flags[1:], Interval(50, 40, 60), "dB"),
    }
    table = exhibit_table(exhibits)
    assert table.loc["a"].tolist() == ["90.0 %", "50.0 (40.0 to 60.0)", "one"]
    assert table.loc["b"].tolist() == ["24.1 dB", "50.0 (40.0 to 60.0)", "none"]
    assert str(exhibits["a"]) == "claimed: 90.0 %\ntrue: 50.0 (40.0 to 60.0)\nred flags: one"
