"""The museum shows what it says: each mistake does its damage, and raises its flag."""

import re
from copy import deepcopy

import numpy as np
import pandas as pd
import pytest
import torch
from small import small_split, small_splits, trained_network

from utils import HOME
from utils.attacks.pgd import PGD
from utils.course.museum import (
    MISTAKES,
    BetweenEpochs,
    Exhibit,
    StepOnNetworkInput,
    WithBackward,
    accuracy_by_batches,
    best_of_probes,
    by_mistake,
    coin_tosses,
    detector_predictions,
    divide,
    exhibit_table,
    largest_change,
    mean_images,
    probes_by_seed,
    psnr_of_grey_levels,
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
        (StepOnNetworkInput(EPSILON, 1), "leaves the ball or the pixel range"),
        (BetweenEpochs(EPSILON), "model in training mode"),
        (WithBackward(EPSILON), "gradients left in the weights"),
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
        "leaking": WithBackward(EPSILON, 2, random_start=False),
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
    predict(model, SPLIT, BetweenEpochs(EPSILON, 2))
    assert not torch.equal(before["1.running_mean"], model.state_dict()["1.running_mean"])


@pytest.mark.parametrize(("images", "share"), [(64, 1.0), (65, 65 / 96), (32, 1.0), (1, 1 / 32)])
def test_the_wrong_count_is_right_only_for_full_batches(images, share):
    assert accuracy_by_batches(np.ones(images, bool), 32) == pytest.approx(share)


def test_a_peak_without_its_square_costs_24_decibels():
    shown = attacked_images(trained_network(), SPLIT, PGD(EPSILON))
    lost = psnr(PIXELS, shown) - psnr_of_grey_levels(PIXELS, shown).numpy()
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


def test_the_class_of_a_fake_is_recognised_unless_it_has_none():
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


def test_half_of_the_patients_win_the_toss_whatever_their_images_show():
    tossed = coin_tosses(SPLIT, seed=0)
    assert tossed.labels.float().mean() == 0.5 and tossed.class_names == ("no", "yes")
    assert torch.equal(tossed.images, SPLIT.images)
    first, second = tossed.labels.view(-1, 2).T  # two images of each patient
    assert torch.equal(first, second)


def test_parts_share_no_patient_and_have_their_sizes():
    parts = divide(SPLIT, (0.5, 0.2, 0.3), seed=0)
    assert [len(part) for part in parts] == [30, 12, 18]
    owners = [set(SPLIT.patients[part]) for part in parts]
    assert len(set.union(*owners)) == sum(map(len, owners))


def test_a_search_is_lucky_where_it_chooses_and_nowhere_else():
    rows = np.random.default_rng(0).normal(size=(400, 30)).astype("float32")
    tossed = coin_tosses(small_split(400, seed=6), seed=0)
    parts = divide(tossed, (0.3, 0.1, 0.6), seed=0)
    chosen, fresh = best_of_probes(rows, tossed, parts, tries=60, seed=0)
    (single, _) = best_of_probes(rows, tossed, parts, tries=1, seed=0)
    assert chosen.accuracy > max(0.6, single.accuracy)
    assert abs(fresh.accuracy - 0.5) < 3 * (0.25 / len(fresh.labels)) ** 0.5
    np.testing.assert_array_equal(fresh.groups, tossed.patients[parts[2]])


def test_a_seed_decides_who_is_tested_and_nothing_else():
    split = small_split(100, seed=7)
    rows = np.random.default_rng(0).normal(size=(100, 5)).astype("float32")
    first, again, other = probes_by_seed(rows, split, 0.2, (3, 3, 4))
    assert len(first.labels) == 20
    np.testing.assert_array_equal(first.probabilities, again.probabilities)
    assert set(first.groups) != set(other.groups)


def test_an_exhibit_folds_the_flags_that_name_its_mistake():
    flags = pd.DataFrame(
        {"flag": ["telling", "silent"], "red": [True, False], "reason": ["so", ""]}
    )
    exhibit = Exhibit(0.9, flags, Interval(0.5, 0.4, 0.6))
    line, folded = exhibit._repr_html_().split("</summary>")
    assert "claimed: 90.0 %" in line and "1 red flag" in line and "telling" not in line
    assert "telling" in folded and "RED: so" in folded and "silent" not in folded
    assert repr(exhibit) == "claimed: 90.0 %; without the mistake: 50.0 (40.0 to 60.0)"
    assert list(by_mistake({3: exhibit})) == [f"3 {MISTAKES[2]}"]


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


def test_every_mistake_without_an_exhibit_has_the_test_that_the_page_names():
    page = (HOME / "notebooks/museum.ipynb").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page)
    assert named
    for path, test in named:
        assert f"def {test}(" in (HOME / path).read_text(encoding="utf-8"), f"{path}::{test}"
