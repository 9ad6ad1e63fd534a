"""Inspection of a data set as it is: which images should a person look at again?"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from utils.backbones.classifier import build
from utils.data.loading import load, manifest
from utils.data.patients.splitting import split_by_group
from utils.data.split import Split
from utils.detection.calibrated_classifier import CalibratedClassifier
from utils.detection.contamination_classifier import ContaminationClassifier, rank_images
from utils.detection.detectors import image_features
from utils.detection.out_of_fold import cross_val_outputs
from utils.figures.detection import contact_sheet
from utils.training.config import TrainConfig

SHEET_IMAGES = 12  # on the contact sheet


@dataclass(frozen=True)
class Inspection:
    """The result; no file was changed or moved."""

    ranked: pd.DataFrame  # every scored image, the most suspicious first, with its file
    images: Split
    set_aside: pd.DataFrame  # files that could not be scored, and why

    def sheet(self) -> Figure:
        """A contact sheet of the most suspicious images."""
        worst = self.ranked.head(SHEET_IMAGES)
        captions = [
            f"{row.label}\n{row.likeliest} {row.suspicion:.0%}"
            for row in worst.itertuples(index=False)
        ]
        return contact_sheet(self.images.images[worst["image"].to_list()], captions)


def inspect_images(
    name: str,
    classifier: ContaminationClassifier | CalibratedClassifier,
    config: TrainConfig,
    folder: Path,
    *,
    root: str | Path | None = None,
    limit: int = 0,
    backbone: str = "resnet18_narrow",
    weights: str = "random",
    size: int = 40,
    folds: int = 3,
    device: str = "cpu",
) -> Inspection:
    """Score the images of a data set by networks that learn from its other patients.

    The classifier should have learned from images of the same size. `limit` is about how many
    images are scored, patients whole; 0 means all. The networks are kept in `folder`.
    """
    splits = load(name, size, root)
    images = _some(splits.all_images, limit, config.seed)
    model = build(backbone, images.classes, size, weights, seed=config.seed, device=device)
    # Validation images are scored as well: here they only say when a network has learned enough.
    scored = replace(splits, train=images, validation=splits.validation.per_patient(1))
    outputs = cross_val_outputs(model, scored, config, folder, folds)
    table = rank_images(images, classifier.probabilities(image_features(outputs)))
    predicted = np.asarray(images.class_names)[outputs.probabilities.argmax(1)]
    table.insert(1, "file", np.asarray(images.files or [""] * len(images))[table["image"]])
    table.insert(4, "predicted", predicted[table["image"]])
    aside = pd.DataFrame(manifest(name, size)["quarantine"], columns=["file", "reason"])
    return Inspection(table, images, aside)


def _some(split: Split, limit: int, seed: int) -> Split:
    if not 0 < limit < len(split):
        return split
    share = limit / len(split)
    return split.take(split_by_group(split.labels, split.patients, (share, 1 - share), seed)[0])
