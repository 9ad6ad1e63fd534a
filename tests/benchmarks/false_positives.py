"""How many images of real sets the detectors of the course flag, all taken for untouched.

DATA_ROOT=/data PYTHONPATH=.:tests python tests/benchmarks/false_positives.py [IMAGES]

Each detector is made as in its chapter, smaller, from drawn chest films, and flags one in a hundred
of clean ones. The limit is kept, and meets other drawn patients and real sets. What judges labels
and hidden pictures has to be made on the set itself: on half of its patients.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from side_by_side import keep

from utils.attacks.pgd import PGD
from utils.backbones.classifier import build
from utils.contamination.adversarial import AdversarialImages
from utils.contamination.backdoor import Blend, Patch, Poison, Sinusoid
from utils.contamination.base import contaminate
from utils.contamination.composites import Mixture, Splice
from utils.contamination.corruptions.common import Defocus
from utils.contamination.corruptions.film import GridLines
from utils.contamination.fakes import Fakes
from utils.contamination.generators.diffusion import DiffusionConfig, train_diffusion
from utils.contamination.generators.gan_trainer import GANConfig
from utils.contamination.hidden_images import HiddenImage
from utils.contamination.image_scaling import Scaling
from utils.contamination.inpainting import GeneratedFill, tamper
from utils.contamination.inpainting_gan import train_inpainters
from utils.contamination.inpainting_regions import shapes_of
from utils.contamination.label_noise import Symmetric
from utils.contamination.resizers import Resizer, downscale
from utils.course.studies.cleaned_heads import CleanedHeads
from utils.data.loading import load
from utils.data.patients.splitting import split_by_group
from utils.data.phantoms import draw
from utils.data.split import Split, Splits
from utils.detection.calibrated_classifier import CalibratedClassifier, fit_calibrated
from utils.detection.detectors import image_features
from utils.detection.fake_detector import fakes_by_family, train_fake_detector
from utils.detection.out_of_fold import cross_val_outputs
from utils.detection.scaling_detectors import ScalingDetector
from utils.detection.tamper_localisation import TamperLocaliser
from utils.evaluation.intervals import mean_of
from utils.run import ROOT
from utils.training.config import TrainConfig
from utils.training.features import frozen_features
from utils.training.loop import train_or_load

FOLDER = ROOT / "checkpoints/bench/false_positives"
REAL = {"chest_xray": 224, "blood_cells": 72, "alzheimer_mri": 128}  # pixels of the files
OWN = "drawn chest films, other patients"
ALLOWED = 0.01
RATIO = 4  # of hidden pictures: of a file to what the pipeline makes of it
PIPELINE = Resizer("opencv", "bilinear")
BACKBONE = "resnet10_narrow"
CONFIG = TrainConfig(8, 32, 6e-3, schedule="one_cycle")
ABOUT = """Share of images that each detector flags, in percent, with intervals over patients: of at
most {count} images of each set. All are taken for untouched. The detectors of noise, poison and
attacks (one classifier), of tampering and of fakes are made on drawn chest films and flag 1 % of
clean ones. Wrong labels and hidden pictures are judged by what is made on the same set: of labels,
as many are flagged as are estimated to be wrong, and some may be wrong; for pictures, half of the
patients set the limit."""

Flags = Callable[[Split], tuple[np.ndarray, np.ndarray]]  # whether flagged, and the patients


def films(size: int, count: int, seed: int) -> Split:
    return draw("chest_phantom", size, count, seed, views=1, balanced=True)


def by_limit(score: Callable[[Split], np.ndarray], own: Split, size: int) -> Flags:
    """The limit that one in a hundred of our images exceeds, for images of any size."""
    limit = np.quantile(score(own), 1 - ALLOWED)
    return lambda split: (score(split.resized(size)) > limit, split.patients)


def noise_poison_attacks(size: int = 40) -> Flags:
    """The classifier of the chapter `detective`."""
    files, validation = films(128, 600, 70), films(size, 150, 71)
    train = files.resized(size)
    scored = Splits(train, validation, validation)
    theirs = build(BACKBONE, train.classes, size, seed=1)
    train_or_load(theirs, scored, replace(CONFIG, epochs=4), FOLDER)
    planted = {"rate": 0.04, "seed": 1}
    triggers = (Patch(), Blend(seed=1), Sinusoid())
    noisy, _ = contaminate(files, GridLines(**planted), Defocus(**planted))
    taught, _ = contaminate(
        noisy.resized(size),
        Symmetric(rate=0.08, seed=1),
        *(Poison(trigger=trigger, **planted) for trigger in triggers),
        AdversarialImages(model=theirs, attack=PGD(8 / 255, 10), rate=0.08, seed=1),
    )
    knows = fit_calibrated((_clues(scored, taught), taught), 0)
    return lambda split: _judged(knows, scored, split.resized(size))


def _judged(knows: CalibratedClassifier, scored: Splits, split: Split):
    halves = split_by_group(split.labels.numpy(), split.patients, (0.8, 0.2))
    some, rest = (split.take(half) for half in halves)  # the rest chooses epochs
    clues = _clues(replace(scored, train=some, validation=rest, test=rest), some)
    return knows.score(clues) > knows.threshold(ALLOWED), some.patients


def _clues(scored: Splits, split: Split) -> pd.DataFrame:
    fresh = build(BACKBONE, split.classes, split.size, seed=0)
    return image_features(
        cross_val_outputs(fresh, replace(scored, train=split), CONFIG, FOLDER, folds=2)
    )


def tampering(size: int = 48) -> Flags:
    """The localiser of the chapter `tampering`."""
    train, mine = films(size, 600, 72), films(size, 240, 73)
    game = GANConfig((4,), batch_size=8, learning_rate=1e-3, faster=1.0, width=12)
    painter = train_inpainters(train, game, FOLDER / "painter", finding=1, healthy=0)[0][4]
    known = mine.take(mine.labels < 2)
    fills = [
        {k: GeneratedFill(painter, (k == 1) == true) for k in (0, 1)} for true in (True, False)
    ]
    lessons = [tamper(known, fill, shapes_of(train, 1), n) for n, fill in enumerate(fills)]
    localiser = TamperLocaliser().fit(*zip(*lessons, strict=True))
    return by_limit(localiser.score, mine, size)


def fakes(size: int = 32) -> Flags:
    """The detector of the chapter `gan_fakes`, of three families."""
    ours, known, held = (
        films(size, count, seed) for count, seed in ((600, 74), (240, 75), (240, 76))
    )
    diffusion = train_diffusion(ours, DiffusionConfig((10,)), FOLDER / "diffusion")[0][10]
    families = {"diffusion": Fakes(generator=diffusion), "mixture": Mixture(), "splice": Splice()}
    pair = (fakes_by_family(part, families, seed) for seed, part in enumerate((known, held)))
    drill = TrainConfig(4, 64, 6e-3, augment=False)
    network = build(BACKBONE, 2, size, seed=0)
    detector = train_fake_detector(network, *pair, drill, FOLDER / "fakes")
    return lambda split: (detector.flags(_grey(split).resized(size)), split.patients)


def wrong_labels(split: Split) -> tuple[np.ndarray, np.ndarray]:
    """As in the chapter `repair`: as many as the joint estimates."""
    eye = build("efficientnet_lite0", split.classes, 64, "imagenet", frozen=True)
    heads = CleanedHeads(split, lambda part: frozen_features(eye, part, FOLDER, 64))
    return heads.judged(split, heads.features(split)).dropped, split.patients


def hidden_pictures(split: Split) -> tuple[np.ndarray, np.ndarray]:
    """The worst tile of `scaling_defence`; half of the patients set its threshold."""
    small = (split.size // RATIO,) * 2
    halves = split_by_group(split.labels.numpy(), split.patients, (0.5, 0.5))
    own, new = (split.take(half) for half in halves)
    pictures = downscale(own, PIPELINE, small[0])
    hiding = HiddenImage(rate=1.0, pictures=pictures, attack=Scaling(PIPELINE))(own)
    detector = ScalingDetector(PIPELINE, small, "read pixels, worst tile").fit(own, hiding)
    return detector.score(new) > detector.threshold, new.patients


def _grey(split: Split) -> Split:
    return replace(split, images=split.images.float().mean(1, keepdim=True).round().to(torch.uint8))


def rows(count: int) -> Iterator[dict]:
    """A row for each detector; it is made only when its turn comes."""
    root = os.environ["DATA_ROOT"]
    sets = {OWN: films(128, count, 77)}
    sets |= {name: load(name, size, root).test.limit(count) for name, size in REAL.items()}
    detectors = {
        "noise, poison, attacks": noise_poison_attacks,
        "tampering": tampering,
        "fakes": fakes,
        "wrong labels": lambda: wrong_labels,
        "hidden pictures": lambda: hidden_pictures,
    }
    for name, make in detectors.items():
        flags = make()
        yield {"detector": name} | {key: str(mean_of(*flags(each))) for key, each in sets.items()}


def table(count: int) -> None:
    torch.set_num_threads(1)
    found = []
    for row in rows(count):
        print(f"{time.process_time() / 60:.1f} CPU minutes", row, flush=True)
        found.append(row)
    about = ABOUT.format(count=count)
    keep("false_positives", "Untouched images that detectors flag", about, pd.DataFrame(found))


if __name__ == "__main__":
    table(int((sys.argv + ["200"])[1]))
