"""Nearest neighbours and duplicates by plain pixels, and the leakage alarm made from them.

Images are compared as 32 x 32 grey pictures; their distance is the root mean square
difference in grey levels (0 to 255). Every pair is compared, nothing is hashed: on
registered brains a hash of 64 bits takes everybody for everybody's twin.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.stats import binomtest
from torch import Tensor

from utils.splits import Splits

SIDE = 32
ROWS = 1024  # compared at a time
NEAR = 2.0  # grey levels: an image saved again as JPEG, or resized by another kernel, moves less
RANK = 50  # the neighbour that stands for an ordinary similar image
SIBLING = 0.5  # of the distance to that neighbour; strangers' nearest lie at 0.7 to 0.9
SIBLINGS_TOLERATED = 0.1  # share of the test images
NEAR_TOLERATED = 0.01  # share of the test images: two cells or two blank films may look alike


def small_grey(images: Tensor) -> Tensor:
    """Every image as 1,024 grey levels, averaged over areas: float32 (n, 1024)."""
    blocks = (block.float().mean(1, keepdim=True) for block in images.split(ROWS))
    return torch.cat([F.adaptive_avg_pool2d(block, SIDE).flatten(1) for block in blocks])


def nearest(queries: Tensor, pictures: Tensor, count: int = 1) -> tuple[Tensor, Tensor]:
    """Distances to, and positions of, the `count` nearest pictures of each query."""
    found = [
        block.topk(min(count, len(pictures)), largest=False)
        for block in _squared_distances(queries, pictures)
    ]
    squared = torch.cat([values for values, _ in found])
    positions = torch.cat([indices for _, indices in found])
    return (squared.clamp(min=0) / queries.shape[1]).sqrt(), positions


def _squared_distances(queries: Tensor, pictures: Tensor) -> Iterator[Tensor]:
    centre = pictures.mean(0)  # small numbers keep the digits that the difference needs
    pictures = pictures - centre
    lengths = pictures.square().sum(1)
    for block in (queries - centre).split(ROWS):
        yield torch.addmm(lengths, block, pictures.T, alpha=-2).add_(block.square().sum(1)[:, None])


def duplicate_pairs(images: Tensor, threshold: float = NEAR) -> Tensor:
    """Positions (pairs, 2) of images at most `threshold` grey levels apart, lower one first."""
    pictures, limit = small_grey(images), threshold**2 * SIDE**2
    found = []
    for start in range(0, len(pictures), ROWS):
        (apart,) = _squared_distances(pictures[start : start + ROWS], pictures[start:])
        # float32 errs by less than one grey level squared; the suspects are measured again
        pairs = start + torch.nonzero(apart <= limit + SIDE**2)
        pairs = pairs[pairs[:, 0] < pairs[:, 1]]
        for some in pairs.split(ROWS):
            exact = (pictures[some[:, 0]] - pictures[some[:, 1]]).square().sum(1)
            found.append(some[exact <= limit])
    return torch.cat(found) if found else torch.empty(0, 2, dtype=torch.long)


def joined_groups(images: Tensor, groups: Tensor | None = None) -> Tensor:
    """A group number for each image: duplicates share one.

    Where `groups` are known, an identical picture in two of them makes them one; a merely
    near one does not, for two cells of two patients may look alike.
    """
    pairs = duplicate_pairs(images, NEAR if groups is None else 0)
    if groups is None:
        groups = torch.arange(len(images))
    _, member = torch.unique(groups, return_inverse=True)
    first, second = member[pairs[:, 0]], member[pairs[:, 1]]
    count = int(member.max()) + 1
    links = coo_matrix((np.ones(len(pairs)), (first, second)), shape=(count, count))
    return torch.from_numpy(connected_components(links)[1]).long()[member]


def duplicates(splits: Splits, threshold: float = NEAR) -> pd.DataFrame:
    """One row per pair of duplicates, within a split or across two, nearest pairs first."""
    images = torch.cat([split.images for _, split in splits.items()])
    names = np.repeat([name for name, _ in splits.items()], [len(s) for _, s in splits.items()])
    places = np.concatenate([np.arange(len(split)) for _, split in splits.items()])
    pairs = duplicate_pairs(images, threshold).numpy()
    pictures = small_grey(images)
    apart = (pictures[pairs[:, 0]] - pictures[pairs[:, 1]]).square().mean(1).sqrt()
    table = pd.DataFrame(
        {
            "split": names[pairs[:, 1]],
            "image": places[pairs[:, 1]],
            "split of twin": names[pairs[:, 0]],
            "twin": places[pairs[:, 0]],
            "distance": apart.numpy(),
            "identical": (images[pairs[:, 0]] == images[pairs[:, 1]]).flatten(1).all(1).numpy(),
        }
    )
    return table.sort_values("distance", ignore_index=True, kind="stable")


def nearest_neighbour_score(splits: Splits) -> float:
    """Share of test images whose nearest training image has their label: nothing is learned."""
    _, positions = nearest(small_grey(splits.test.images), small_grey(splits.train.images))
    return float((splits.train.labels[positions[:, 0]] == splits.test.labels).float().mean())


def nearness(splits: Splits) -> Tensor:
    """Distance of each test image to its nearest training image, in units of that to the 50th."""
    rank = max(1, min(RANK, len(splits.train) // 10))  # in a small set the 50th would be anybody
    pictures = small_grey(splits.train.images)
    distances, _ = nearest(small_grey(splits.test.images), pictures, rank)
    return distances[:, 0] / distances[:, -1].clamp(min=1e-6)


@dataclass(frozen=True)
class LeakageAlarm:
    """What speaks for test images being known from training, before any training.

    `look_up` is the nearest-neighbour score with its 95 % interval, `majority` the score of
    the best constant answer. Neither alone means leakage: classes may be easy. `siblings` is
    the share of test images with a training image less than half as far away as their 50th
    neighbour: so near are pictures of one patient, while the nearest stranger is hardly nearer
    than the 50th.
    """

    look_up: float
    interval: tuple[float, float]
    majority: float
    tested: int
    siblings: float
    shared_groups: int
    identical: int
    near: int

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the alarm rings; empty where it does not."""
        told = {
            f"{self.shared_groups} patients or groups have images in two splits": (
                self.shared_groups > 0
            ),
            f"{self.near} images have a duplicate in another split "
            f"({self.identical} of them identical)": self.duplicated,
            f"{self.siblings:.0%} of the test images have a sibling among the training images": (
                self.related
            ),
        }
        return tuple(reason for reason, holds in told.items() if holds)

    @property
    def duplicated(self) -> bool:
        return self.identical > 0 or self.near > NEAR_TOLERATED * self.tested

    @property
    def related(self) -> bool:
        return self.siblings > SIBLINGS_TOLERATED

    @property
    def row(self) -> dict:
        """One line of a table."""
        low, high = self.interval
        return {
            "look-up": f"{self.look_up:.0%} ({low:.0%} to {high:.0%})",
            "best constant answer": f"{self.majority:.0%}",
            "images with a sibling": f"{self.siblings:.0%}",
            "patients in two splits": self.shared_groups,
            "duplicates across": self.near,
            "alarm": "rings" if self.rings else "silent",
        }

    @property
    def rings(self) -> bool:
        return bool(self.reasons)

    def __str__(self) -> str:
        low, high = self.interval
        scores = (
            f"Looking up the nearest training image is right for {self.look_up:.1%} of the test "
            f"images ({low:.1%} to {high:.1%}); the best constant answer for {self.majority:.1%}."
        )
        verdict = "The alarm rings: " + "; ".join(self.reasons) if self.rings else "No alarm"
        return f"{verdict}. {scores}"


def leakage_alarm(splits: Splits) -> LeakageAlarm:
    """Look for the test images among the training images, by pixels and by patients."""
    test, score = splits.test, nearest_neighbour_score(splits)
    interval = binomtest(round(score * len(test)), len(test)).proportion_ci(method="wilson")
    pairs = duplicates(splits)
    across = pairs[pairs["split"] != pairs["split of twin"]]
    return LeakageAlarm(
        look_up=score,
        interval=(float(interval.low), float(interval.high)),
        majority=float(test.counts.max()) / len(test),
        tested=len(test),
        siblings=float((nearness(splits) < SIBLING).float().mean()),
        shared_groups=_shared_groups(splits),
        identical=len(across[across["identical"]].drop_duplicates(["split", "image"])),
        near=len(across.drop_duplicates(["split", "image"])),
    )


def _shared_groups(splits: Splits) -> int:
    """Groups with images in more than one split; 0 where groups are unknown."""
    groups = [split.groups.unique() for _, split in splits.items() if split.groups is not None]
    if not groups:
        return 0
    return int((torch.cat(groups).unique(return_counts=True)[1] > 1).sum())
