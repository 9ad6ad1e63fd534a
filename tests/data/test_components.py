"""Links join what they reach, and nothing else."""

import numpy as np

from utils.data.components import linked_groups


def test_links_join_what_they_reach():
    assert linked_groups([0, 3, 4], [4, 1, 2], 6).tolist() == [0, 1, 0, 1, 0, 2]


def test_without_links_each_is_alone():
    none = np.empty(0, int)
    assert linked_groups(none, none, 2).tolist() == [0, 1]
