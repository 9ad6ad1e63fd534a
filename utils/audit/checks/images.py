"""Checks of single images: unusual noise, and images unlike all others."""

import numpy as np
import pandas as pd

from utils.audit.finding import EXAMPLES, Finding, count_of, skipped
from utils.audit.folder import ImageFolder
from utils.audit.patients.groups import MIN_FOLDER_IMAGES

TRACES = ["fine grain", "all grain", "seams"]  # shading varies too much among clean images
MAX_SPREADS = 4.0  # from the usual trace; at most one clean image in a hundred exceeds it
MAX_DISTANCE = 2.0  # to the fifth neighbour, relative to the median image
OUTLIER_SPREADS = 3.0  # of the logarithm of these distances above the median
ROUNDING = 1.5  # grey levels of grain
MANY = 0.01  # of the images


def check_noise(folder: ImageFolder) -> Finding:
    """Images whose grain or JPEG seams differ from those of the others."""
    if len(folder) < MIN_FOLDER_IMAGES:
        return skipped(f"Fewer than {MIN_FOLDER_IMAGES} images: too few to know the usual noise.")
    spreads = noise_spreads(folder)
    flagged = np.argsort(-spreads, kind="stable")[: int((spreads > MAX_SPREADS).sum())]
    share = len(flagged) / len(folder)
    return Finding(
        "warning" if share > MANY else "note" if len(flagged) else "ok",
        f"{count_of(len(flagged), 'image has', 'images have')} traces more than {MAX_SPREADS:g} "
        f"spreads from the usual ({share:.1%} of all): grain, or seams of JPEG. In clean drawn "
        f"images, X-rays and brains up to {MANY:.0%} do.",
        "Noise, blur, strong compression, another device, a screenshot; or an unusual patient. At "
        f"{folder.pixels.shape[-1]} pixels faint noise is averaged away."
        if len(flagged) else "",
        "Look at the first ones in full size; find out how they were made."
        if len(flagged) else "",
        pd.DataFrame({
            "file": folder.relative_files[flagged], "spreads": spreads[flagged].round(1)
        }),
        tuple(flagged.tolist()),
        tuple(f"{spreads[i]:.0f} spreads" for i in flagged[:EXAMPLES]),
        scores=pd.DataFrame({"noise": spreads.round(3)}),
    )  # fmt: skip


def noise_spreads(folder: ImageFolder) -> np.ndarray:
    """The distance of each image's most unusual trace from the median, in spreads of the middle
    four fifths. With two devices in a folder the middle is wide, and neither is flagged.

    Where most of an image is empty, as around a brain without its skull, the median grain is
    rounding and does not count.
    """
    from utils.data.split import Split  # here: odd images need no tensor
    from utils.detection.noise_traces import traces

    labels = folder.split.labels
    found = traces(Split(folder.images, labels, folder.split.class_names))[TRACES]
    found["fine grain"] = found["fine grain"].mask(found["fine grain"] < np.log(ROUNDING / 255))
    low, usual, high = (found.quantile(q) for q in (0.1, 0.5, 0.9))
    return ((found - usual) / ((high - low) / 2.56).clip(lower=1e-6)).abs().max(axis=1).to_numpy()


def check_outliers(folder: ImageFolder) -> Finding:
    """Single images that are unlike all others."""
    if len(folder) < MIN_FOLDER_IMAGES:
        return skipped(f"Fewer than {MIN_FOLDER_IMAGES} images: too few to know the usual image.")
    distances, limit = outlier_distances(folder)
    flagged = np.flatnonzero(distances > limit)
    flagged = flagged[np.argsort(-distances[flagged], kind="stable")]
    return Finding(
        "warning" if len(flagged) > MANY * len(folder) else "note" if len(flagged) else "ok",
        f"{count_of(len(flagged), 'image is', 'images are')} more than {limit:.1f} times as far "
        "from the fifth neighbour as the median image.",
        "Another organ, a photograph, a rotated or cropped image, a page of text; or a rare "
        "patient." if len(flagged) else "",
        "Look at them, and remove what does not belong here." if len(flagged) else "",
        pd.DataFrame({
            "file": folder.relative_files[flagged], "times as far": distances[flagged].round(2)
        }),
        tuple(flagged.tolist()),
        tuple(f"{distances[i]:.1f} times as far" for i in flagged[:EXAMPLES]),
        scores=pd.DataFrame({"distance from neighbours": distances.round(3)}),
    )  # fmt: skip


def outlier_distances(folder: ImageFolder) -> tuple[np.ndarray, float]:
    """The distance of each image to its fifth neighbour, relative to the median one, and the limit.

    Where ordinary images are unequally far from each other the limit is higher.
    """
    distances = folder.neighbour_distances / np.median(folder.neighbour_distances).clip(1)
    spread = np.log(np.quantile(distances, 0.9).clip(1)) / 1.28
    return distances, max(MAX_DISTANCE, float(np.exp(OUTLIER_SPREADS * spread)))
