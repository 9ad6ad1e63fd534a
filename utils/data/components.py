"""Groups of what is linked: the connected components of a graph."""

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components


def linked_groups(first, second, count: int) -> np.ndarray:
    """The number of the group of each of `count` things, if links join first[i] and second[i]."""
    links = coo_matrix((np.ones(len(first)), (first, second)), shape=(count, count))
    return connected_components(links, directed=False)[1]


def joined_groups(groups: np.ndarray, *others: np.ndarray) -> np.ndarray:
    """The smallest groups in which images share one if they share one in any of these."""
    starts = np.cumsum([part.max(initial=-1) + 1 for part in (groups, *others)])
    first = np.concatenate([groups for _ in others] or [[]]).astype(int)
    second = np.concatenate([*map(np.add, others, starts), []]).astype(int)
    return linked_groups(first, second, starts[-1])[groups].astype(np.int64)
