"""Traces that noise leaves in the pixels, whatever the image shows."""

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from scipy.spatial.distance import pdist, squareform
from scipy.stats import median_abs_deviation
from torch import Tensor

from utils.data.split import Split, to_float

IMAGES_PER_BATCH = 256  # images in floating point
MIN_CONTRAST = 1e-5  # smaller contrasts count as this one: their logarithm is taken
BLOCK = 8  # pixels: the side of a JPEG block


def traces(split: Split) -> pd.DataFrame:
    """For each image its median and mean grain, seams between JPEG blocks, and shading.

    Grain and shading are also compared with those of the patient's other images. This difference
    alone is no sign of noise: beside a noisy image, a clean one has less grain than its patient.
    """
    rows = [_traces_of(to_float(images).mean(1)) for images in split.images.split(IMAGES_PER_BATCH)]
    fine, mean, seams, shading = (torch.cat(column).numpy() for column in zip(*rows, strict=True))
    found = {"fine grain": fine, "all grain": mean, "seams": seams}
    found["grain apart"] = fine - pd.Series(fine).groupby(split.patients).transform("median")
    return pd.DataFrame({**found, "shading": _apart(shading, split)})


class NoiseLevel:
    """How noisy each image is; blur counts as noise. Nothing has to be fitted."""

    def score(self, split: Split) -> np.ndarray:
        """One number per image; higher is more suspicious."""
        return largest_deviation(traces(split))


def largest_deviation(found: pd.DataFrame) -> np.ndarray:
    """The largest robust z-score among the traces of each image."""
    return robust_z(found.drop(columns="grain apart")).abs().max(axis=1).to_numpy()


def robust_z(table: pd.DataFrame) -> pd.DataFrame:
    """Each column with median 0 and spread 1, measured by the median absolute deviation."""
    difference = table - table.median()
    spread = pd.Series(median_abs_deviation(table, scale="normal"), table.columns)
    standard = difference.std(ddof=0)
    return difference / spread.where(spread > 0, standard).where(lambda s: s > 0, 1.0)


def _traces_of(grey: Tensor) -> tuple[Tensor, ...]:
    """The traces of a batch (n, height, width) in [0, 1]."""
    grain = F.conv2d(grey[:, None], _curvature(grey)).abs().flatten(1)
    across = torch.stack([_seams(grey), _seams(grey.transpose(1, 2))]).mean(0)
    fine = grain.median(1).values  # most of an image is flat
    return (
        fine.clamp_min(MIN_CONTRAST).log(),
        grain.mean(1).clamp_min(MIN_CONTRAST).log(),
        across,
        _drift(grey),
    )


def _curvature(grey: Tensor) -> Tensor:
    """A filter that ignores straight gradients along either axis (Immerkaer 1996)."""
    line = grey.new_tensor([1.0, -2.0, 1.0])
    return torch.outer(line, line)[None, None]


def _seams(grey: Tensor) -> Tensor:
    """Logarithm of the ratio of the contrast between blocks to that inside them."""
    steps = grey.diff(dim=2).abs().mean(1)
    between = torch.arange(steps.shape[1], device=grey.device) % BLOCK == BLOCK - 1
    if not between.any():
        return torch.zeros_like(steps[:, 0])  # the image is smaller than a block
    inside = steps[:, ~between].mean(1)
    return (
        steps[:, between].mean(1).clamp_min(MIN_CONTRAST) / inside.clamp_min(MIN_CONTRAST)
    ).log()


def _drift(grey: Tensor) -> Tensor:
    """How brightness drifts over the image: coefficients of a cubic through its logarithm."""
    y, x = (torch.linspace(-1, 1, edge, device=grey.device) for edge in grey.shape[1:])
    powers = [(i, j) for i in range(4) for j in range(4) if i + j < 4]
    terms = torch.stack([(y[:, None] ** i * x**j).flatten() for i, j in powers], 1)
    basis = torch.linalg.qr(terms).Q
    return ((grey + 0.05).log().flatten(1) @ basis)[:, 1:]  # the mean is exposure, not noise


def _apart(drift: np.ndarray, split: Split) -> np.ndarray:
    """The distance of each drift from the nearest of the patient's other images (Mahalanobis).

    The only image of a patient gets the median. If most patients have one image, every image is
    compared with the median drift of all.
    """
    _, member, counts = np.unique(split.patients, return_inverse=True, return_counts=True)
    if np.median(counts[member]) < 2:
        return np.linalg.norm(_whiten(drift - np.median(drift, 0)), axis=1)
    means = pd.DataFrame(drift).groupby(member).transform("mean").to_numpy()
    white, apart = _whiten(drift, drift - means), np.full(len(drift), np.nan)
    for patient in np.flatnonzero(counts > 1):
        rows = np.flatnonzero(member == patient)
        distances = squareform(pdist(white[rows])) + np.diag(np.full(len(rows), np.inf))
        apart[rows] = distances.min(1)
    return np.where(np.isnan(apart), np.nanmedian(apart), apart)


def _whiten(rows: np.ndarray, reference: np.ndarray | None = None) -> np.ndarray:
    """Rows in units of the spread of the reference (or their own), in every direction."""
    covariance = np.cov((rows if reference is None else reference).T) + 1e-6 * np.eye(rows.shape[1])
    return np.linalg.solve(np.linalg.cholesky(covariance), rows.T).T
