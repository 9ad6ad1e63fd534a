"""Groups of what is linked: the connected components of a graph."""

import numpy as np


def linked_groups(first, second, count: int) -> np.ndarray:
    """The number of the group of each of `count` things, if links join first[i] and second[i].

    Each thing points to the lowest one that it is known to be linked with, until all links agree.
    """
    lowest = np.arange(count)
    while (apart := lowest[first] != lowest[second]).any():
        first, second = np.asarray(first)[apart], np.asarray(second)[apart]
        ends = lowest[first], lowest[second]
        for end in ends:
            np.minimum.at(lowest, end, np.minimum(*ends))
        while (further := lowest[lowest] != lowest).any():
            lowest[further] = lowest[lowest[further]]
    return np.unique(lowest, return_inverse=True)[1]


def joined_groups(groups: np.ndarray, *others: np.ndarray) -> np.ndarray:
    """The smallest groups in which images share one if they share one in any of these."""
    starts = np.cumsum([part.max(initial=-1) + 1 for part in (groups, *others)])
    first = np.concatenate([groups for _ in others] or [[]]).astype(int)
    second = np.concatenate([*map(np.add, others, starts), []]).astype(int)
    return linked_groups(first, second, starts[-1])[groups]
