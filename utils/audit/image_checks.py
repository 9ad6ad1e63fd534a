"""Checks of single images: noise, oddity, and the same mark at the same place in one class."""

import math

import numpy as np
import pandas as pd
import torch
from scipy.stats import hypergeom
from torch import Tensor

from utils.audit.finding import EXAMPLES, Finding, count_of, skipped
from utils.audit.folder import MIN_IMAGES, ImageFolder
from utils.data.split import Split
from utils.detection.noise_traces import traces

TRACES = ["fine grain", "all grain", "seams"]  # shading varies too much among clean images
UNUSUAL = 4.0  # spreads from the usual trace; of clean images at most one in a hundred passes
FAR = 2.0  # times as far from its neighbours as the usual image
BLANK = 2.0  # grey levels of spread
MANY_SHARE = 0.01  # of the images
MARK, STEP = 1 / 16, 1 / 32  # of the image: whatever is wider than their sum is met whole
CONTRAST = 30.0  # grey levels of spread inside a mark, besides a slope
COPY_TOLERANCE = 8.0  # grey levels between two copies of one mark
STRANGE = 0.7  # of the usual distance between whole images: siblings share more than a mark
SAMPLE = 1200  # images of each class among which marks are looked for
MIN_PATIENTS = 5  # patients with the same mark
RARE, LIKELY = 1e-3, 1e-2  # chance of such a share of one class, after all places were tried


def check_noise(delivery: ImageFolder) -> Finding:
    """Images whose grain, seams or shading is unlike that of the others."""
    if len(delivery) < MIN_IMAGES:
        return skipped(f"Fewer than {MIN_IMAGES} images: nobody can say what grain is usual.")
    images = Split(delivery.images, delivery.split.labels, delivery.split.class_names)
    found = _spreads(traces(images)[TRACES])
    accused = np.argsort(-found, kind="stable")[: int((found > UNUSUAL).sum())]
    share = len(accused) / len(delivery)
    return Finding(
        "warning" if share > MANY_SHARE else "note" if len(accused) else "ok",
        f"{count_of(len(accused), 'image leaves', 'images leave')} traces more than {UNUSUAL:g} "
        f"spreads from the usual ({share:.1%} of all): grain, or seams of JPEG. In clean drawn "
        f"images, X-rays and brains up to {MANY_SHARE:.0%} do.",
        "Noise, blur, strong compression, another device, a screenshot; or an unusual body. At "
        f"{delivery.images.shape[-1]} pixels faint noise has been averaged away."
        if len(accused) else "",
        "Look at the first ones in full size; ask how they were made." if len(accused) else "",
        pd.DataFrame({"file": delivery.files[accused], "spreads": found[accused].round(1)}),
        tuple(accused.tolist()),
        tuple(f"{found[i]:.0f} spreads" for i in accused[:EXAMPLES]),
    )  # fmt: skip


def _spreads(found: pd.DataFrame) -> np.ndarray:
    """How far the most unusual trace is from the usual, in spreads of the middle four fifths.

    Where images come from two devices the middle is wide, and neither of them is accused.
    """
    low, usual, high = (found.quantile(q) for q in (0.1, 0.5, 0.9))
    return ((found - usual) / ((high - low) / 2.56).clip(lower=1e-6)).abs().max(axis=1).to_numpy()


def check_outliers(delivery: ImageFolder) -> Finding:
    """Images that are unlike all others, and blank ones."""
    if len(delivery) < MIN_IMAGES:
        return skipped(f"Fewer than {MIN_IMAGES} images: nobody can say what is usual.")
    remote = delivery.remoteness / np.median(delivery.remoteness).clip(1)
    blank = delivery.images.float().flatten(1).std(1).numpy() < BLANK
    accused = np.flatnonzero((remote > FAR) | blank)
    accused = accused[np.lexsort([-remote[accused], ~blank[accused]])]
    return Finding(
        "warning" if blank.any() or len(accused) > MANY_SHARE * len(delivery)
        else "note" if len(accused) else "ok",
        f"{count_of(int(blank.sum()), 'image is', 'images are')} blank; "
        f"{count_of(len(accused) - int(blank.sum()), 'other is', 'others are')} more than {FAR:g} "
        "times as far from the fifth neighbour as the usual image.",
        "Another organ, a photograph, a turned or cropped picture, a page of text; or somebody "
        "rare." if len(accused) else "",
        "Look at them; take out what does not belong here." if len(accused) else "",
        pd.DataFrame({"file": delivery.files[accused], "times as far": remote[accused].round(2)}),
        tuple(accused.tolist()),
        tuple("blank" if blank[i] else f"{remote[i]:.1f} times as far" for i in accused[:EXAMPLES]),
    )  # fmt: skip


def check_trigger_patches(delivery: ImageFolder) -> Finding:
    """The same small pattern of high contrast at the same place in one class: a trigger, a tag."""
    if len(delivery.class_names) < 2 or len(delivery) < MIN_IMAGES:
        return skipped("No classes, or too few images: a mark could not be tied to a class.")
    grey, rows = delivery.images.float().mean(1), _some_of_each(delivery)
    drawn = grey[rows]
    whole = _apart(drawn.flatten(1))
    strange = whole > STRANGE * whole.median()
    labels, owners = delivery.split.labels.numpy(), delivery.groups[rows]
    places = _places(grey.shape[-1])
    everybody = _patients(labels[rows], owners)
    tried = [
        (_shared_mark(_square(drawn, place), strange, labels[rows], owners, everybody), place)
        for place in places
    ]
    (chance, carrier, kind), place = min(tried, key=lambda found: found[0][0])
    chance = min(1.0, chance * len(places) * len(delivery.class_names))
    if chance > LIKELY:
        return Finding(
            "ok",
            f"At {len(places)} places no pattern of high contrast is shared by {MIN_PATIENTS} "
            f"patients of one class more than chance allows (best p = {chance:.2g}).",
            "Faint, moving or image-wide triggers are not found by this check.",
        )
    accused = _carriers(grey, drawn[carrier], place)
    inside = int((labels[accused] == kind).sum())
    return Finding(
        "alarm" if chance < RARE else "note",
        f"{len(accused)} images carry the same pattern at row {place[0]}, column {place[1]} (of "
        f"{grey.shape[-1]}); {inside} of them are {delivery.class_names[kind]!r} (chance of so "
        f"uneven a share, all places counted: {chance:.1g}).",
        "A network will take the mark for the class. Somebody may have planted it (a trigger), "
        f"or it is the tag of a device or ward, or these are altered copies of a few people. "
        f"Shared among {delivery.group_description}.",
        "Look at the place in full size; take these images out or cover the place in all images. "
        "The notebook `contamination` shows what a trigger does.",
        pd.DataFrame({"file": delivery.files[accused]}),
        tuple(accused.tolist()),
        tuple(delivery.class_names[labels[i]] for i in accused[:EXAMPLES]),
    )


def _some_of_each(delivery: ImageFolder) -> np.ndarray:
    """Some images of each class, by a coin that always falls the same way."""
    order, labels = np.random.default_rng(0).permutation(len(delivery)), delivery.split.labels
    chosen = [order[labels[order] == one][:SAMPLE] for one in labels.unique()]
    return np.sort(np.concatenate(chosen))


def _places(size: int) -> list[tuple[int, int]]:
    """Upper left corners of squares, overlapping by half."""
    step = max(1, round(size * STEP))
    corners = range(0, size - _width(size) + 1, step)
    return [(row, column) for row in corners for column in corners]


def _width(size: int) -> int:
    return max(4, round(size * MARK))


def _square(grey: Tensor, place: tuple[int, int]) -> Tensor:
    (row, column), width = place, _width(grey.shape[-1])
    return grey[..., row : row + width, column : column + width].flatten(-2)


def _without_slope(squares: Tensor) -> Tensor:
    """What a plane does not explain: the edge of a body in a blurred light is no mark."""
    width = math.isqrt(squares.shape[1])
    line = torch.linspace(-1, 1, width)
    plane = torch.stack([torch.ones(width, width), *torch.meshgrid(line, line, indexing="ij")])
    base = torch.linalg.qr(plane.flatten(1).T).Q
    return squares - squares @ base @ base.T


def _apart(rows: Tensor, others: Tensor | None = None) -> Tensor:
    """Root mean square differences, in grey levels."""
    others = rows if others is None else others
    lengths = rows.square().sum(1)[:, None] + others.square().sum(1)
    return (lengths.addmm_(rows, others.T, alpha=-2).clamp_(min=0) / rows.shape[1]).sqrt_()


def _shared_mark(squares: Tensor, strange: Tensor, labels, owners, everybody) -> tuple:
    """The most widely shared pattern here: chance of its uneven share, a carrier, the class.

    Only strangers share a mark, and each patient counts once: siblings share everything.
    """
    bold = torch.nonzero(_without_slope(squares).std(1) > CONTRAST)[:, 0]
    if len(bold) < MIN_PATIENTS:
        return 1.0, 0, 0
    one, other = bold[torch.nonzero(_apart(squares[bold]) < COPY_TOLERANCE)].T
    strangers = strange[one, other]
    one, other = one[strangers], other[strangers]
    best = int(torch.bincount(one, minlength=1).argmax())
    holders = torch.cat([other[one == best], torch.tensor([best])]).numpy()
    counts = _patients(labels[holders], owners[holders])
    kind = max(counts, key=lambda one: counts[one] / everybody[one])
    if counts[kind] < MIN_PATIENTS:
        return 1.0, 0, 0
    chance = hypergeom.sf(
        counts[kind] - 1, sum(everybody.values()), everybody[kind], sum(counts.values())
    )
    return float(chance), best, kind


def _patients(labels: np.ndarray, owners: np.ndarray) -> dict[int, int]:
    """Patients by class; one whose images carry several labels counts for each."""
    pairs = np.unique(np.stack([labels, owners]), axis=1)
    return dict(zip(*np.unique(pairs[0], return_counts=True), strict=True))


def _carriers(grey: Tensor, carrier: Tensor, place) -> np.ndarray:
    """Every image with the pattern, the likest first."""
    apart = _apart(_square(grey, place), _square(carrier, place)[None])[:, 0]
    order = apart.argsort(stable=True)
    return order[apart[order] < COPY_TOLERANCE].numpy()
