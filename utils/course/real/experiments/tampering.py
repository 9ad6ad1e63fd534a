"""Repainted regions of real images: are they located? As in the chapter `tampering`.

Where a finding is, these sets do not say. So the regions are drawn at random, and every painter
restores what was there: the hand is measured, and no lie.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from utils.attacks.pgd import PGD
from utils.attacks.regions import FindingRegion
from utils.contamination.generators.gan_trainer import GANConfig
from utils.contamination.inpainting import Fill, GeneratedFill, tamper
from utils.contamination.inpainting_gan import train_inpainters
from utils.course.real.networks import Study
from utils.course.real.steps import as_row
from utils.data.split import Split
from utils.detection.tamper_localisation import (
    TamperLocaliser,
    TamperVerdict,
    best_threshold,
    localisation_scores,
    pointing,
)
from utils.evaluation.inference import attacked_split
from utils.evaluation.intervals import mean_of

SIZE = 48  # pixels
IMAGES = 900  # training images of the painters
JUDGED = 240  # test images, as many of each class
THEIRS = GANConfig((5,), batch_size=8, learning_rate=1e-3, faster=1.0, width=16)
OURS = replace(THEIRS, snapshots=(4,), width=12, seed=1)  # the defender's painter
ALLOWED = 0.01  # of the defender's untouched images may be flagged
ATTACK = PGD(1 / 255, 10)
RADIUS = (0.09, 0.16)  # of the image, of a region
MIDDLE = (0.25, 0.75)  # of the image, where a region can have its middle


@dataclass(frozen=True)
class Hands:
    """Small copies with a region for each image, and the works of two painters."""

    train: Split
    known: Split  # the defender's, untouched
    test: Split
    lessons: tuple[Split, Tensor]  # repainted by the defender, and where
    faked: Split  # repainted by the attacker
    regions: Tensor


def tampering(study: Study) -> dict:
    """A map of the grain that has met another painter: pointing, IoU, false alarms, an attacker."""
    hands = repainted(study)
    localiser = TamperLocaliser().fit([hands.lessons[0]], [hands.lessons[1]])
    maps = {"map": localiser.maps(hands.faked), "usual place": _usual_place(hands)}
    limits = {"map": best_threshold(localiser.maps(hands.lessons[0]), hands.lessons[1].numpy())}
    # In favour of the control: the best limit there is on these very images.
    limits["usual place"] = best_threshold(maps["usual place"], hands.regions.numpy())
    patients = hands.faked.patients
    scores = {
        f"{name}, {score}": found
        for name, each in maps.items()
        for score, found in localisation_scores(each, hands.regions, limits[name], patients).items()
    }
    threshold = float(np.quantile(localiser.score(hands.known), 1 - ALLOWED))
    scores["false alarms"] = mean_of(localiser.score(hands.test) > threshold, patients)
    scores["flagged, repainted"] = mean_of(localiser.score(hands.faked) > threshold, patients)
    points = {name: pointing(each, hands.regions.numpy()) for name, each in maps.items()}
    evading = pointing(localiser.maps(_evading(hands, localiser, threshold)), hands.regions.numpy())
    differences = {
        "map minus usual place": mean_of(points["map"] - points["usual place"], patients),
        "as painted minus one grey level": mean_of(points["map"] - evading, patients),
    }
    count = len(np.unique(patients))
    return {
        "scores": {name: as_row(each, patients=count) for name, each in scores.items()},
        "differences": {name: as_row(each, patients=count) for name, each in differences.items()},
        "images": len(hands.faked),
        "share of the image": float(hands.regions.float().mean()),
    }


def repainted(study: Study) -> Hands:
    """The attacker's painter works on test images, the defender's on validation images."""
    files = study.parts.files
    parts = (files.train.limit(IMAGES), files.validation, files.test.balanced(JUDGED))
    train, known, test = (
        replace(part.resized(SIZE), masks=random_regions(len(part), SIZE, seed))
        for seed, part in enumerate(parts)
    )
    fills = (_painter(study, train, each) for each in (THEIRS, OURS))
    faked, regions = tamper(test, next(fills), train.masks)
    return Hands(train, known, test, tamper(known, next(fills), train.masks), faked, regions)


def random_regions(count: int, size: int, seed: int) -> Tensor:
    """An ellipse anywhere but at the border for each image: bool (count, size, size)."""
    drawn = torch.rand(4, count, 1, 1, generator=torch.Generator().manual_seed(seed))
    (x, y), (wide, high) = (
        least + (most - least) * some
        for (least, most), some in zip((MIDDLE, RADIUS), (drawn[:2], drawn[2:]), strict=True)
    )
    place = (torch.arange(size) + 0.5) / size
    return ((place - x) / wide) ** 2 + ((place[:, None] - y) / high) ** 2 < 1


def _painter(study: Study, train: Split, game: GANConfig) -> Mapping[int, Fill]:
    """A fill for each class that restores what the class is; the first class is healthy."""
    kinds = {"finding": int(train.counts[1:].argmax()) + 1, "healthy": 0}
    kept, _ = train_inpainters(train, game, study.folder / "painter", **kinds)
    painter = kept[game.snapshots[-1]]
    return {label: GeneratedFill(painter, label > 0) for label in range(train.classes)}


def _usual_place(hands: Hands) -> np.ndarray:
    """The best guess that ignores the image: the share of training regions at each pixel."""
    return hands.train.masks.float().mean(0).numpy()[None].repeat(len(hands.faked), 0)


def _evading(hands: Hands, localiser: TamperLocaliser, threshold: float) -> Split:
    """An attacker patients has the map changes the repainted region by one grey level."""
    flaggable = replace(hands.faked, labels=torch.ones_like(hands.faked.labels))  # 1 is "tampered"
    region = FindingRegion(replace(flaggable, masks=hands.regions))
    verdict = TamperVerdict(localiser, threshold)
    return attacked_split(verdict, flaggable, replace(ATTACK, region=region))
