"""Each planted mistake in a clean score raises its flag."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from small import small_split, trained_network

from utils.data.split import Splits, concatenate
from utils.evaluation.flags.clean_flags import CLEAN_FLAGS
from utils.evaluation.flags.judging import NOT_RESOLVED
from utils.evaluation.flags.red_flags import check_clean
from utils.evaluation.inference import predict
from utils.evaluation.intervals import Interval
from utils.evaluation.leakage import LeakageReport, leakage_report
from utils.evaluation.predictions import Predictions, pool_trainings

LABELS = np.arange(60) % 3


def predictions(right: float) -> Predictions:
    """Predictions of which this share is right."""
    hits = np.arange(len(LABELS)) < right * len(LABELS)
    predicted = np.where(hits, LABELS, (LABELS + 1) % 3)
    return Predictions(LABELS, np.eye(3)[predicted], np.arange(len(hits)), "abc")


def red(table) -> set[str]:
    return set(table.loc[table["red"], "flag"])


def constant() -> Predictions:
    """Class a for every image, which is right for most of them."""
    labels = np.where(np.arange(60) < 50, 0, 1)
    return Predictions(labels, np.eye(3)[0 * labels], np.arange(60), "abc")


NO_LEAKAGE = LeakageReport(
    baseline=Interval(0.05, 0.0, 0.1),
    majority=0.4,
    tested=60,
    siblings=0.0,
    shared_groups=0,
    identical=0,
    copies=0,
    test_patients=np.arange(60),
    training_patients=np.arange(60, 200),
)
OTHERS, REPEATED = "scored images are not those of the test split", "test images are repeated"
CLEAN_MISTAKES = {
    "no better than the majority class": (predictions(0.4), NO_LEAKAGE),
    "no better than a nearest-neighbour look-up": (
        predictions(0.8),
        replace(NO_LEAKAGE, baseline=Interval(0.75, 0.7, 0.8)),
    ),
    "one prediction for every image": (constant(), replace(NO_LEAKAGE, majority=0.2)),
    OTHERS: (replace(predictions(0.9), groups=np.arange(60, 120)), NO_LEAKAGE),
    REPEATED: (replace(predictions(0.9), groups=np.arange(60) // 2), NO_LEAKAGE),
    "duplicates across splits": (predictions(0.9), replace(NO_LEAKAGE, copies=2)),
    "siblings across splits": (predictions(0.9), replace(NO_LEAKAGE, siblings=0.5)),
    "a known patient in two splits": (predictions(0.9), replace(NO_LEAKAGE, shared_groups=1)),
}


@pytest.mark.parametrize("flag", CLEAN_MISTAKES)
def test_a_mistake_in_a_clean_score_raises_its_flag(flag):
    also = {"no better than the majority class"} if flag.startswith("one prediction") else set()
    assert red(check_clean(*CLEAN_MISTAKES[flag])) == {flag} | also


def test_a_sound_clean_score_raises_none():
    assert red(check_clean(predictions(0.9), NO_LEAKAGE)) == set()


def test_where_patients_would_not_be_seen_no_flag_says_that_there_are_none():
    table = check_clean(predictions(0.9), replace(NO_LEAKAGE, patients_known=False, blind=True))
    table = table.set_index("flag")
    unresolved = set(table.index[table["reason"].str.startswith("not resolved: patients")])
    assert unresolved == {"siblings across splits", "a known patient in two splits"}
    assert not table["red"].any()


def test_every_flag_has_its_mistake():
    assert set(CLEAN_MISTAKES) == set(CLEAN_FLAGS)


def three_splits() -> Splits:
    """Thirty patients in each, none of them in two."""
    parts = (small_split(60, seed=seed) for seed in range(3))
    return Splits(*(replace(p, groups=p.groups + 30 * k) for k, p in enumerate(parts)))


SCORED = {  # what is scored in place of the test split, and what must be red
    "the test split": (lambda s: s.test, set()),
    "a part of it": (lambda s: s.test.limit(40), set()),
    "the training images": (lambda s: s.train, {OTHERS}),
    "the validation images": (lambda s: s.validation, {OTHERS}),
    "both": (lambda s: concatenate(s.train, s.test), {OTHERS}),
    "rare classes twice": (lambda s: s.test.take(torch.arange(60).repeat(2)[:80]), {REPEATED}),
}


@pytest.mark.parametrize("what", SCORED)
def test_the_scored_images_are_compared_with_the_splits(what):
    splits = three_splits()
    choose, flags = SCORED[what]
    table = check_clean(predict(trained_network(), choose(splits)), leakage_report(splits))
    assert red(table) & {OTHERS, REPEATED} == flags, table


def test_images_that_the_test_split_itself_repeats_are_noticed():
    splits = three_splits()
    splits = replace(splits, test=splits.test.take(torch.arange(60).repeat(2)))
    leakage = leakage_report(splits)
    assert leakage.repeated == 60
    assert REPEATED in red(check_clean(predict(trained_network(), splits.test), leakage))


def test_several_trainings_do_not_repeat_the_images():
    splits = three_splits()
    pooled = pool_trainings([predict(trained_network(seed), splits.test) for seed in range(3)])
    assert not red(check_clean(pooled, leakage_report(splits))) & {OTHERS, REPEATED}


def test_without_patients_only_the_number_of_images_can_tell():
    splits = three_splits()
    nameless = Splits(**{name: replace(part, groups=None) for name, part in splits.items()})
    leakage = leakage_report(nameless)
    whole, part, twice = (
        check_clean(predict(trained_network(), split), leakage).set_index("flag")
        for split in (
            nameless.test,
            nameless.test.limit(40),
            concatenate(nameless.test, nameless.test),
        )
    )
    assert whole.loc[OTHERS, "reason"] == ""
    assert part.loc[OTHERS, "reason"].startswith(NOT_RESOLVED) and not part.loc[REPEATED, "red"]
    assert twice.loc[REPEATED, "red"]
