"""Links join what they reach, and nothing else."""

import numpy as np

from utils.data.components import joined_groups, linked_groups


def test_links_join_what_they_reach():
    assert linked_groups([0, 3, 4], [4, 1, 2], 6).tolist() == [0, 1, 0, 1, 0, 2]


def test_without_links_each_is_alone():
    none = np.empty(0, int)
    assert linked_groups(none, none, 2).tolist() == [0, 1]


def test_groups_are_joined_where_any_partition_joins_them():
    patients, copies = np.array([0, 0, 1, 2, 3]), np.array([5, 1, 1, 2, 2])
    assert joined_groups(patients).tolist() == [0, 0, 1, 2, 3]
    assert joined_groups(patients, copies).tolist() == [0, 0, 0, 1, 1]
    assert joined_groups(patients, copies, np.array([0, 1, 2, 3, 0])).tolist() == [0] * 5
