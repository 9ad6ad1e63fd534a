"""A data set as it is: which of its images should somebody look at twice?"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from utils.backbones import build
from utils.data.loading import load, manifest
from utils.data.patient_split import split_by_group
from utils.data.split import Split
from utils.detection.contamination_classifier import ContaminationClassifier, rank_images
from utils.detection.detectors import image_features
from utils.detection.out_of_fold import cross_val_outputs
from utils.figures.detection import contact_sheet
from utils.training.loop import TrainConfig

SHEET_IMAGES = 12  # on the contact sheet


@dataclass(frozen=True)
class Inspection:
    """What is known of a data set: nothing of it was changed or moved."""

    ranked: pd.DataFrame  # every image that was judged, the most suspicious first, with its file
    sheet: Figure  # the first few
    set_aside: pd.DataFrame  # files that could not be judged, and why


@dataclass(frozen=True)
class Inspector:
    """Who judges, and the networks that give evidence: all but the images.

    Networks and detective should have met what is of the same size: the detective knows what
    suspicions mean from networks like these.
    """

    knows: ContaminationClassifier
    config: TrainConfig
    folder: Path  # where the networks are kept
    backbone: str = "resnet18_narrow"
    weights: str = "random"
    size: int = 40  # pixels
    folds: int = 3
    device: str = "cpu"

    def inspect(self, name: str, root: str | Path | None = None, limit: int = 0) -> Inspection:
        """The images of a data set, a name from the catalogue or folder:PATH.

        `limit` is about how many images are judged, patients whole; 0 means all.
        """
        splits = load(name, self.size, root)
        images = _some(splits.all_images, limit, self.config.seed)
        model = build(
            self.backbone, images.classes, self.size, self.weights,
            seed=self.config.seed, device=self.device,
        )  # fmt: skip
        # The validation images are judged, too: here they only say when a network has learned.
        judged = replace(splits, train=images, validation=splits.validation.per_patient(1))
        evidence = cross_val_outputs(model, judged, self.config, self.folder, self.folds)
        table = rank_images(images, self.knows(image_features(evidence)))
        answers = np.asarray(images.class_names)[evidence.probabilities.argmax(1)]
        table.insert(1, "file", np.asarray(images.files or [""] * len(images))[table["image"]])
        table.insert(4, "networks say", answers[table["image"]])
        aside = pd.DataFrame(manifest(name, self.size)["quarantine"], columns=["file", "reason"])
        return Inspection(table, _sheet(images, table.head(SHEET_IMAGES)), aside)


def _some(split: Split, limit: int, seed: int) -> Split:
    if not 0 < limit < len(split):
        return split
    share = limit / len(split)
    return split.take(split_by_group(split.labels, split.patients, (share, 1 - share), seed)[0])


def _sheet(images: Split, worst: pd.DataFrame) -> Figure:
    captions = [
        f"{row.label}\n{row.likeliest} {row.suspicion:.0%}" for row in worst.itertuples(index=False)
    ]
    return contact_sheet(images.images[worst["image"].to_list()], captions)
