"""Traces that noise leaves in the pixels, whatever the picture shows."""

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from scipy.spatial.distance import pdist, squareform
from torch import Tensor

from utils.data.split import Split, to_float

BATCH = 256  # images in floating point
MIN_CONTRAST = 1e-5  # of a contrast, before its logarithm is taken
BLOCK = 8  # pixels: JPEG works in such squares


def traces(split: Split) -> pd.DataFrame:
    """For each image the fine grain of most places and of all, seams of JPEG, and shading.

    Grain and shading are also compared with those of the patient's other images. Beside a noisy
    image a clean one has less grain than its patient, too, so that is a clue and no noise.
    """
    rows = [_of_pixels(to_float(images).mean(1)) for images in split.images.split(BATCH)]
    fine, mean, seams, shading = (torch.cat(column).numpy() for column in zip(*rows, strict=True))
    found = {"fine grain": fine, "all grain": mean, "seams": seams}
    found["grain apart"] = fine - pd.Series(fine).groupby(split.patients).transform("median")
    return pd.DataFrame({**found, "shading": _apart(shading, split)})


def noise_level(split: Split) -> np.ndarray:
    """How noisy each image is; blur counts as noise."""
    return largest_deviation(traces(split))


def largest_deviation(found: pd.DataFrame) -> np.ndarray:
    """How far the most unusual trace of each image is from the usual."""
    found = robust_z(found.drop(columns="grain apart"))
    return found.abs().max(axis=1).to_numpy()


def robust_z(table: pd.DataFrame) -> pd.DataFrame:
    """Each column with the median 0 and, were it normal, the spread 1; outliers decide neither."""
    apart = table - table.median()
    spread = 1.4826 * apart.abs().median()
    return apart / spread.where(spread > 0, apart.std(ddof=0)).where(lambda s: s > 0, 1.0)


def _of_pixels(grey: Tensor) -> tuple[Tensor, ...]:
    """The traces of a batch (n, height, width) in [0, 1]."""
    grain = F.conv2d(grey[:, None], _curvature(grey)).abs().flatten(1)
    across = torch.stack([_seams(grey), _seams(grey.transpose(1, 2))]).mean(0)
    fine = grain.median(1).values  # where most of the picture is flat
    return (
        fine.clamp_min(MIN_CONTRAST).log(),
        grain.mean(1).clamp_min(MIN_CONTRAST).log(),
        across,
        _drift(grey),
    )


def _curvature(grey: Tensor) -> Tensor:
    """Blind to whatever is straight along either axis (Immerkaer 1996)."""
    line = grey.new_tensor([1.0, -2.0, 1.0])
    return torch.outer(line, line)[None, None]


def _seams(grey: Tensor) -> Tensor:
    """Logarithm of the contrast between blocks over that inside them."""
    steps = grey.diff(dim=2).abs().mean(1)
    between = torch.arange(steps.shape[1], device=grey.device) % BLOCK == BLOCK - 1
    if not between.any():
        return torch.zeros_like(steps[:, 0])  # too small for a seam
    inside = steps[:, ~between].mean(1)
    return (
        steps[:, between].mean(1).clamp_min(MIN_CONTRAST) / inside.clamp_min(MIN_CONTRAST)
    ).log()


def _drift(grey: Tensor) -> Tensor:
    """How brightness drifts over the image: the cubic through its logarithm, by coefficient."""
    y, x = (torch.linspace(-1, 1, edge, device=grey.device) for edge in grey.shape[1:])
    powers = [(i, j) for i in range(4) for j in range(4) if i + j < 4]
    terms = torch.stack([(y[:, None] ** i * x**j).flatten() for i, j in powers], 1)
    basis = torch.linalg.qr(terms).Q
    return ((grey + 0.05).log().flatten(1) @ basis)[:, 1:]  # exposure is no noise


def _apart(drift: np.ndarray, split: Split) -> np.ndarray:
    """How far the drift is from the nearest among the patient's other images (Mahalanobis).

    Whoever is alone says nothing and gets the median; where most are, the usual image of all is
    what each is compared with.
    """
    _, member, counts = np.unique(split.patients, return_inverse=True, return_counts=True)
    if np.median(counts[member]) < 2:
        return np.linalg.norm(_whitened(drift - np.median(drift, 0)), axis=1)
    means = pd.DataFrame(drift).groupby(member).transform("mean").to_numpy()
    white, apart = _whitened(drift, drift - means), np.full(len(drift), np.nan)
    for patient in np.flatnonzero(counts > 1):
        rows = np.flatnonzero(member == patient)
        distances = squareform(pdist(white[rows])) + np.diag(np.full(len(rows), np.inf))
        apart[rows] = distances.min(1)
    return np.where(np.isnan(apart), np.nanmedian(apart), apart)


def _whitened(rows: np.ndarray, usual: np.ndarray | None = None) -> np.ndarray:
    """Rows in units of how much the `usual` ones vary, in every direction."""
    covariance = np.cov((rows if usual is None else usual).T) + 1e-6 * np.eye(rows.shape[1])
    return np.linalg.solve(np.linalg.cholesky(covariance), rows.T).T
