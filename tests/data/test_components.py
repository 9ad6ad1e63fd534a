"""Links join what they reach, and nothing else."""

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from utils.data.components import joined_groups, linked_groups


def test_links_join_what_they_reach():
    assert linked_groups([0, 3, 4], [4, 1, 2], 6).tolist() == [0, 1, 0, 1, 0, 2]


def test_groups_are_numbered_as_by_scipy():
    """Outside witness, from hardly a link to one large group; links may be given twice."""
    rng = np.random.default_rng(0)
    for links in (1, 30, 100, 200, 1000):
        first, second = rng.integers(0, 200, (2, links))
        graph = coo_matrix((np.ones(links), (first, second)), shape=(200, 200))
        expected = connected_components(graph, directed=False)[1]
        assert linked_groups(first, second, 200).tolist() == expected.tolist()


def test_a_long_chain_in_any_order_is_one_group():
    order = np.random.default_rng(0).permutation(5000)
    assert not linked_groups(order[:-1], order[1:], 5000).any()


def test_without_links_each_is_alone():
    none = np.empty(0, int)
    assert linked_groups(none, none, 2).tolist() == [0, 1]


def test_groups_are_joined_where_any_partition_joins_them():
    patients, copies = np.array([0, 0, 1, 2, 3]), np.array([5, 1, 1, 2, 2])
    assert joined_groups(patients).tolist() == [0, 0, 1, 2, 3]
    assert joined_groups(patients, copies).tolist() == [0, 0, 0, 1, 1]
    assert joined_groups(patients, copies, np.array([0, 1, 2, 3, 0])).tolist() == [0] * 5
