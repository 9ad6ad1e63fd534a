"""More poison opens a head wider, and a lower rate is a part of a higher one."""

from dataclasses import replace

import numpy as np
from rows_as_images import features, mark, split_of

from utils.contamination.backdoor import Poison
from utils.course.studies.poisoned_heads import PoisonedHeads, rate_table
from utils.data.split import Split

RATES = (0.01, 0.1)

STUDY = PoisonedHeads(split_of(300, 0, 25), split_of(300, 1, 25), features)
POISON = Poison(mark, target=2)
HEADS = STUDY.at_rates(POISON, RATES)


def test_more_poison_opens_the_head_wider_and_the_control_stays_closed():
    few, many = (HEADS[rate] for rate in RATES)
    assert many.with_trigger.accuracy > max(few.with_trigger.accuracy, 0.8)
    for head in HEADS.values():
        assert head.without_trigger.accuracy < 0.3 and head.clean.accuracy > 0.7
        assert set(head.with_trigger.labels) == {2} and len(head.with_trigger.labels) == 200


def test_each_rate_is_what_a_collection_of_its_own_would_give():
    """Features that are computed once belong to the images that are poisoned at that rate."""
    for rate in RATES:
        alone = STUDY.at_rates(POISON, [rate])[rate]
        for side in ("with_trigger", "without_trigger", "clean"):
            found, expected = getattr(HEADS[rate], side), getattr(alone, side)
            assert np.array_equal(found.probabilities, expected.probabilities)
        assert HEADS[rate].found == alone.found


def test_features_of_a_poisoned_image_are_computed_once():
    counts = []

    def counted(split: Split) -> np.ndarray:
        counts.append(len(split))
        return features(split)

    replace(STUDY, features=counted).at_rates(POISON, RATES)
    assert sorted(counts) == [30, 200, 200, 300, 300]


def test_without_poison_there_is_nothing_to_find_and_a_head_as_any_other():
    none = STUDY.at_rates(POISON, (0.0, 0.1))[0.0]
    assert np.isnan(none.found) and none.with_trigger.accuracy < 0.5


def test_a_table_has_a_row_for_each_trigger_and_a_column_for_each_rate():
    table = rate_table({"mark": HEADS, "again": HEADS}, lambda head: head.with_trigger.accuracy)
    assert list(table.index) == ["mark", "again"] and list(table.columns) == list(RATES)
    assert table.loc["mark"].tolist() == [HEADS[rate].with_trigger.accuracy for rate in RATES]
