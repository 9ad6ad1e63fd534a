"""Files in their order, and what changes along it."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from utils.audit.file_order import (
    BLOCK,
    changes_along,
    classes_along,
    grouped_correlation,
    neighbouring_files,
    order_by_date,
    order_by_number,
)
from utils.evaluation.intervals import Interval

COUNT = 200
NUMBERS = np.random.default_rng(0).permutation(COUNT)


def numbered(names, labels=None, parts=None):
    labels = pd.Series(["ab"[n % 2] for n in range(len(names))] if labels is None else labels)
    return order_by_number(names, labels, pd.Series([""] * len(names) if parts is None else parts))


def test_numbers_are_sorted_as_numbers_and_not_as_text():
    order = numbered([f"scan{n}_7.png" for n in NUMBERS])
    assert np.array_equal(order.places.argsort(), NUMBERS.argsort())
    assert order.places.min() > 0 and order.places.max() < 1 and len(order) == COUNT


def test_a_folder_of_a_patient_counts_and_those_of_class_and_part_do_not():
    labels = ["ab"[n % 2] for n in NUMBERS]
    files = [f"train/{c}/p{n // 4}/{n % 4}.png" for c, n in zip(labels, NUMBERS, strict=True)]
    order = numbered(files, labels, ["train"] * COUNT)
    assert len(set(order.rows)) == 1
    assert np.array_equal(order.places.argsort(), NUMBERS.argsort())


def test_classes_that_begin_anew_with_the_same_numbers_are_not_compared():
    labels = np.repeat(["a", "b"], COUNT // 2)
    anew = numbered([f"{label}/{n % (COUNT // 2)}.png" for n, label in enumerate(labels)], labels)
    on = numbered([f"{label}/{n}.png" for n, label in enumerate(labels)], labels)
    assert len(set(anew.rows)) == 2 and len(set(on.rows)) == 1
    units = np.arange(COUNT)
    assert classes_along(anew, labels, units) == {}
    assert classes_along(on, labels, units)["b"].value == 1


@pytest.mark.parametrize(
    "names", [["scan.png"] * 60, [f"scan{n}.png" for n in range(49)], ["scan1.png"] * 60]
)
def test_names_without_numbers_few_files_and_equal_numbers_are_no_order(names):
    assert len(numbered(names)) == 0


def test_a_date_that_is_missing_has_no_place():
    times = np.where(np.arange(COUNT) % 4, NUMBERS, np.nan)
    order = order_by_date(times, pd.Series([""] * COUNT))
    assert len(order) == COUNT * 3 // 4 and np.isnan(order.places[::4]).all()


def test_the_correlation_is_that_of_spearman_and_its_interval_that_of_the_bootstrap():
    rng = np.random.default_rng(1)
    fact = NUMBERS + rng.normal(0, 60, COUNT)
    order = numbered([f"{n}.png" for n in NUMBERS], ["a"] * COUNT)
    labels, units = np.array(["a"] * COUNT), np.arange(COUNT)
    found = changes_along(order, pd.DataFrame({"fact": fact}), labels, units)["fact"]
    assert found.value == pytest.approx(spearmanr(NUMBERS, fact).statistic)
    again = (rng.integers(0, COUNT, COUNT) for _ in range(400))
    low, high = np.quantile([spearmanr(NUMBERS[i], fact[i]).statistic for i in again],
                            [0.025, 0.975])  # fmt: skip
    assert abs(found.low - low) < 0.04 and abs(found.high - high) < 0.04


def test_several_images_of_a_patient_are_no_more_evidence():
    rng = np.random.default_rng(2)
    first, second = rng.normal(size=(2, COUNT))
    alone = grouped_correlation(first, second, np.arange(COUNT))
    five = [np.repeat(each, 5) for each in (first, second, np.arange(COUNT))]
    assert grouped_correlation(*five) == pytest.approx(alone)
    torn = grouped_correlation(*five[:2], np.arange(5 * COUNT))
    assert torn.high - torn.low < (alone.high - alone.low) / 2


def test_where_nothing_changes_the_interval_contains_zero():
    rng, outside = np.random.default_rng(3), 0
    for _ in range(400):
        found = grouped_correlation(*rng.normal(size=(2, 60)), np.arange(60))
        outside += found.low > 0 or found.high < 0
    assert 5 <= outside <= 40  # of 400; expected are 20


def test_a_class_of_other_images_is_no_change():
    """Class b is bright and comes late; within the classes nothing changes."""
    labels = np.where(np.arange(COUNT) < COUNT // 2, "a", "b")
    fact = np.where(labels == "b", 100.0, 0.0) + np.random.default_rng(4).normal(size=COUNT)
    order = numbered([f"{n}.png" for n in range(COUNT)], labels)
    found = changes_along(order, pd.DataFrame({"fact": fact}), labels, np.arange(COUNT))["fact"]
    assert found.low < 0 < found.high


def test_blocks_hold_neighbours_of_one_row():
    rows = ["train"] * 60 + ["test"] * (20 * BLOCK)
    numbers = np.random.default_rng(5).permutation(len(rows))
    order = numbered([f"{n}.png" for n in numbers], ["a"] * len(rows), rows)
    blocks = pd.Series(neighbouring_files(order))
    assert pd.Series(rows).groupby(blocks).nunique().max() == 1
    spans = pd.Series(order.places).groupby(blocks).agg(lambda each: each.max() - each.min())
    sizes = blocks.value_counts()[blocks]
    assert spans.max() < 0.06 and sizes.min() == 3 and sizes.max() == BLOCK


def test_classes_that_come_one_after_another_are_seen_and_mixed_ones_are_not():
    numbers, units = [f"{n}.png" for n in range(COUNT)], np.arange(COUNT)
    labels = np.repeat(["a", "b", "c", "d"], COUNT // 4)
    found = classes_along(numbered(numbers, labels), labels, units)
    assert found["a"].value == -1 and found["d"].value == 1 and abs(found["b"].value) < 0.5
    mixed = np.random.default_rng(6).permutation(labels)
    for each in classes_along(numbered(numbers, mixed), mixed, units).values():
        assert isinstance(each, Interval) and each.low < 0 < each.high
