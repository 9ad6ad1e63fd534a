"""The check for pictures of another kind: masks, other modalities, photographs, negatives.

Several of them resemble each other, so that none is far from its neighbours; they are far from
everything else.
"""

from itertools import pairwise

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor

from utils.audit.finding import EXAMPLES, Finding, count_of, skipped
from utils.audit.folder import ImageFolder
from utils.audit.patients.groups import MIN_FOLDER_IMAGES

REFERENCES = 2000  # images that all are compared with
OF_ALL, OF_CLASS = 0.1, 0.25  # a kind with a larger share of the folder, or of its class, is usual
LEAST_OF_CLASS = 10  # references of a class, to know what is usual in it
FAR = 2.0  # spreads from the usual distance to these shares: such an image may be of another kind
USUAL = 1.28  # spreads: nine in ten images are closer, and form the body of the folder
GAP = 3.1  # times the usual distance to the third neighbour in the body
MASK = 0.95  # of the pixels are black or white
MANY = 0.01  # of the images
BANDS = (0, 0.03, 0.06, 0.12, 0.25, 0.8)  # cycles per pixel
GREYS, LAYOUT = 16, 8  # steps of the histogram; squares on each side


def check_foreign(folder: ImageFolder) -> Finding:
    """Masks, and groups of images that are far from all classes."""
    if len(folder) < MIN_FOLDER_IMAGES:
        return skipped(f"Fewer than {MIN_FOLDER_IMAGES} images: too few to know the usual kind.")
    gaps, masks = kind_gaps(folder), find_masks(folder)
    flagged = np.flatnonzero((gaps > GAP) | masks)
    flagged = flagged[np.lexsort([-gaps[flagged], ~masks[flagged]])]
    others = len(flagged) - int(masks.sum())
    return Finding(
        "warning" if masks.any() or len(flagged) > MANY * len(folder)
        else "note" if others else "ok",
        f"{count_of(int(masks.sum()), 'image is', 'images are')} black and white like a mask; "
        f"{count_of(others, 'other is', 'others are')} more than {GAP:g} times as far from the "
        "body of the folder as its images are from each other, by grey levels, colour, layout and "
        "texture.",
        "Segmentation masks, another modality or organ, photographs, negatives, pages of text; or "
        "a rare patient." if len(flagged) else "",
        "Look at them, and remove what does not belong here." if len(flagged) else "",
        pd.DataFrame({
            "file": folder.relative_files[flagged],
            "times as far": gaps[flagged].round(1), "mask": masks[flagged],
        }),
        tuple(flagged.tolist()),
        tuple("mask" if masks[i] else f"{gaps[i]:.1f} times as far" for i in flagged[:EXAMPLES]),
        scores=pd.DataFrame({"distance from the body": gaps.round(3), "is mask": masks}),
    )  # fmt: skip


def find_masks(folder: ImageFolder) -> np.ndarray:
    """Images of black and white alone; none in a folder where most are."""
    measures = folder.measures
    found = (measures["black or white"] > MASK) & (measures["one level"] < MASK)
    return found.to_numpy() & (found.mean() < 0.5)


def kind_gaps(folder: ImageFolder) -> np.ndarray:
    """The distance of each image to the body of the folder; 0 for those that belong to it."""
    features, labels = kind_features(folder.images), folder.split.labels.numpy()
    chosen = np.random.default_rng(0).permutation(len(features))[:REFERENCES]
    spreads = _spreads(_distance_to_shares(features, labels, chosen))
    body = chosen[spreads[chosen] < USUAL]
    third = torch.cdist(features, features[body]).topk(4, largest=False).values[:, -1]
    gaps = (third / third[body].median().clamp_min(1e-6)).numpy()
    return np.where(spreads > FAR, gaps, 0.0)


def _distance_to_shares(features: Tensor, labels: np.ndarray, chosen: np.ndarray) -> Tensor:
    """How far the nearest tenth of all references is, or the nearest quarter of its own class."""
    distances = torch.cdist(features, features[chosen])
    found = _kth(distances, OF_ALL)
    for label in np.unique(labels):
        rows, own = np.flatnonzero(labels == label), np.flatnonzero(labels[chosen] == label)
        if len(own) >= LEAST_OF_CLASS:
            found[rows] = torch.minimum(found[rows], _kth(distances[rows][:, own], OF_CLASS))
    return found


def _kth(distances: Tensor, share: float) -> Tensor:
    count = distances.shape[1]
    return distances.kthvalue(min(count, 1 + max(1, int(share * count))), 1).values


def _spreads(distances: Tensor) -> np.ndarray:
    """Distances from their median on a logarithmic scale, in spreads of the quarter above it.

    A tenth or more of the folder may be faulty in some way, and must not widen the spread.
    """
    logs = distances.clamp_min(1e-6).log().numpy()
    usual, quarter = np.quantile(logs, [0.5, 0.75])
    return (logs - usual) / max(1e-6, (quarter - usual) / 0.674)


def kind_features(images: Tensor) -> Tensor:
    """Grey levels, layout, colour and texture of each image: (n, features)."""
    found = torch.cat([_kind_features(block.float()) for block in images.split(1024)])
    return found - found.median(0).values


def _kind_features(images: Tensor) -> Tensor:
    """The factors give each group of features a similar spread between real images."""
    grey = images.mean(1)
    steps = (grey * GREYS / 256).long().flatten(1)
    histogram = torch.zeros(len(images), GREYS).scatter_add_(1, steps, torch.ones(steps.shape))
    histogram = (histogram / steps.shape[1]).sqrt()
    layout = F.adaptive_avg_pool2d(grey[:, None], LAYOUT).flatten(1) / 255
    colour = (images.mean((2, 3)) - grey.mean((1, 2))[:, None]).expand(-1, 3) / 255
    return torch.cat([2 * histogram, layout, 10 * colour, 0.3 * _texture(grey / 255)], 1)


def _texture(grey: Tensor) -> Tensor:
    """The logarithm of the power in each band of spatial frequencies."""
    power = torch.fft.rfft2(grey - grey.mean((1, 2), keepdim=True)).abs().square()
    rows, columns = torch.fft.fftfreq(grey.shape[1]), torch.fft.rfftfreq(grey.shape[2])
    frequency = torch.hypot(rows[:, None], columns[None])
    bands = [(frequency >= low) & (frequency < high) for low, high in pairwise(BANDS)]
    return torch.stack([(power[:, band].sum(1) + 1e-3).log() for band in bands], 1)
