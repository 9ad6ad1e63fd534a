"""Groups of what is linked: the connected components of a graph."""

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components


def linked_groups(first, second, count: int) -> np.ndarray:
    """The number of the group of each of `count` things, if links join first[i] and second[i]."""
    links = coo_matrix((np.ones(len(first)), (first, second)), shape=(count, count))
    return connected_components(links, directed=False)[1]
