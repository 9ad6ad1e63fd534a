"""The check for trigger patches: the same small pattern at the same place in one class."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from scipy.stats import hypergeom
from torch import Tensor

from utils.audit.finding import EXAMPLES, Finding, skipped
from utils.audit.folder import ImageFolder
from utils.audit.patients.groups import MIN_FOLDER_IMAGES

WIDTH, STEP = 1 / 16, 1 / 32  # of the image: any patch wider than their sum is covered whole
MIN_CONTRAST = 30.0  # grey levels of spread inside a patch, besides a slope
COPY_TOLERANCE = 8.0  # grey levels between two copies of one patch
MIN_DISTANCE = 0.7  # of the median distance between images: closer ones share more than a patch
SAMPLE = 1200  # images of each class among which patches are searched
MIN_PATIENTS = 5  # with the same patch
ALARM_P, NOTE_P = 1e-3, 1e-2  # p-values, corrected for all places and classes


@dataclass(frozen=True)
class SharedPatch:
    """The pattern that is most unevenly shared between classes, and the images that carry it.

    `p_value` is the chance of so uneven a share over all `tried` places.
    """

    p_value: float
    tried: int
    place: tuple[int, int]  # row and column of the upper left corner
    label: int
    rows: np.ndarray  # positions, the most similar first


def check_trigger_patches(folder: ImageFolder) -> Finding:
    """The same small pattern of high contrast at the same place in one class: a trigger, a tag."""
    if len(folder.class_names) < 2 or len(folder) < MIN_FOLDER_IMAGES:
        return skipped("No classes, or too few images to tie a patch to a class.")
    found = find_shared_patch(folder)
    if found.p_value > NOTE_P:
        smallest = f" (smallest p = {found.p_value:.2g})" if folder.knows_patients else ""
        return Finding(
            "ok",
            f"At {found.tried} places no pattern of high contrast is shared by {MIN_PATIENTS} "
            f"patients of one class more than chance allows{smallest}.",
            "Faint, moving or image-wide triggers are not found by this check.",
        )
    names, labels = folder.class_names, folder.split.labels.numpy()[found.rows]
    chance = f"p = {found.p_value:.1g}, corrected for all places"
    if not folder.knows_patients:
        chance = "without a p-value, because the patients are unknown"
    return Finding(
        _severity(found, folder.knows_patients),
        f"{len(found.rows)} images carry the same pattern at row {found.place[0]}, column "
        f"{found.place[1]} (of {folder.pixels.shape[-1]}); {int((labels == found.label).sum())} of "
        f"them are {names[found.label]!r} ({chance}).",
        "A network will learn the patch instead of the class. It may be a planted trigger, the tag "
        "of a device or ward, or a sign that these are altered copies of few patients. Counted "
        f"over {folder.group_description}.",
        "Look at the place in full size; remove these images or cover the place in all images. "
        "The notebook `contamination` shows what a trigger does.",
        pd.DataFrame({"file": folder.relative_files[found.rows]}),
        tuple(found.rows.tolist()),
        tuple(names[label] for label in labels[:EXAMPLES]),
    )


def _severity(found: SharedPatch, knows_patients: bool) -> str:
    """Where patients are unknown, the images that share a patch may be those of a single one."""
    return "alarm" if knows_patients and found.p_value < ALARM_P else "note"


def find_shared_patch(folder: ImageFolder) -> SharedPatch:
    grey, rows = folder.images.float().mean(1), _sample_of_each_class(folder)
    labels, patients = folder.split.labels.numpy()[rows], folder.groups[rows]
    sample = grey[rows]
    distances = _distances(sample.flatten(1))
    unrelated = distances > MIN_DISTANCE * distances.median()
    places, totals = _places(grey.shape[-1]), _patients_per_class(labels, patients)
    tried = [
        (_shared_at(_patch(sample, place), unrelated, labels, patients, totals), place)
        for place in places
    ]
    (p_value, carrier, label), place = min(tried, key=lambda found: found[0][0])
    p_value = min(1.0, p_value * len(places) * len(folder.class_names))
    carriers = _carriers(grey, sample[carrier], place)
    return SharedPatch(p_value, len(places), place, label, carriers)


def _sample_of_each_class(folder: ImageFolder) -> np.ndarray:
    """Some images of each class; always the same ones."""
    order, labels = np.random.default_rng(0).permutation(len(folder)), folder.split.labels
    chosen = [order[labels[order] == label][:SAMPLE] for label in labels.unique()]
    return np.sort(np.concatenate(chosen))


def _places(size: int) -> list[tuple[int, int]]:
    """Upper left corners of squares that overlap by half."""
    step = max(1, round(size * STEP))
    corners = range(0, size - _width(size) + 1, step)
    return [(row, column) for row in corners for column in corners]


def _width(size: int) -> int:
    return max(4, round(size * WIDTH))


def _patch(grey: Tensor, place: tuple[int, int]) -> Tensor:
    (row, column), width = place, _width(grey.shape[-1])
    return grey[..., row : row + width, column : column + width].flatten(-2)


def _without_slope(patches: Tensor) -> Tensor:
    """What a plane does not explain: a blurred edge of the body is no patch."""
    width = math.isqrt(patches.shape[1])
    line = torch.linspace(-1, 1, width)
    plane = torch.stack([torch.ones(width, width), *torch.meshgrid(line, line, indexing="ij")])
    base = torch.linalg.qr(plane.flatten(1).T).Q
    return patches - patches @ base @ base.T


def _distances(rows: Tensor, others: Tensor | None = None) -> Tensor:
    """Root mean square differences, in grey levels."""
    others = rows if others is None else others
    lengths = rows.square().sum(1)[:, None] + others.square().sum(1)
    return (lengths.addmm_(rows, others.T, alpha=-2).clamp_(min=0) / rows.shape[1]).sqrt_()


def _shared_at(
    patches: Tensor,
    unrelated: Tensor,
    labels: np.ndarray,
    patients: np.ndarray,
    totals: dict[int, int],
) -> tuple[float, int, int]:
    """The most widely shared pattern at one place: p-value, an image that carries it, its class.

    Only unrelated images count, each patient once: images of one patient share everything.
    """
    bold = torch.nonzero(_without_slope(patches).std(1) > MIN_CONTRAST)[:, 0]
    if len(bold) < MIN_PATIENTS:
        return 1.0, 0, 0
    first, second = bold[torch.nonzero(_distances(patches[bold]) < COPY_TOLERANCE)].T
    kept = unrelated[first, second]
    first, second = first[kept], second[kept]
    carrier = int(torch.bincount(first, minlength=1).argmax())
    sharing = torch.cat([second[first == carrier], torch.tensor([carrier])]).numpy()
    counts = _patients_per_class(labels[sharing], patients[sharing])
    label = max(counts, key=lambda one: counts[one] / totals[one])
    if counts[label] < MIN_PATIENTS:
        return 1.0, 0, 0
    p_value = hypergeom.sf(
        counts[label] - 1, sum(totals.values()), totals[label], sum(counts.values())
    )
    return float(p_value), carrier, label


def _patients_per_class(labels: np.ndarray, patients: np.ndarray) -> dict[int, int]:
    """A patient whose images have several labels counts for each."""
    pairs = np.unique(np.stack([labels, patients]), axis=1)
    return dict(zip(*np.unique(pairs[0], return_counts=True), strict=True))


def _carriers(grey: Tensor, carrier: Tensor, place: tuple[int, int]) -> np.ndarray:
    """Every image with the pattern, the most similar first."""
    apart = _distances(_patch(grey, place), _patch(carrier, place)[None])[:, 0]
    order = apart.argsort(stable=True)
    return order[apart[order] < COPY_TOLERANCE].numpy()
