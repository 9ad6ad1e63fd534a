"""Fakes of a real set: how real they are, what they teach, and who finds them.

As in the chapter `gan_fakes`, with other images: generators learn from half of the training
patients, the judge of classes and the detectors from the other half.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
import torch

from utils.backbones.classifier import build
from utils.contamination.base import Contamination
from utils.contamination.composites import Mixture, Splice
from utils.contamination.fakes import Fakes
from utils.contamination.generators.diffusion import (
    DiffusionConfig,
    DiffusionModel,
    train_diffusion,
)
from utils.contamination.generators.gan import train_generators
from utils.contamination.generators.gan_trainer import GANConfig
from utils.contamination.generators.generated_images import kid, sliced_wasserstein
from utils.course.real.networks import Study
from utils.course.real.steps import as_row, difference_row, score_row
from utils.data.patients.splitting import split_by_group
from utils.data.split import Split, Splits, to_float, to_uint8
from utils.detection.fake_detector import (
    FakeDetector,
    FakesByFamily,
    fakes_by_family,
    train_fake_detector,
)
from utils.evaluation.inference import predict
from utils.evaluation.intervals import Interval, mean_of
from utils.evaluation.predictions import Predictions, pool_trainings
from utils.training.config import TrainConfig
from utils.training.features import folded_probe
from utils.training.loop import train_or_load

SIZE = 32  # pixels of real images and of fakes
READ = 2 * SIZE  # pixels that the frozen network sees
EXAMINED = 180  # images of each kind, as many of each class
BACKBONE = "resnet10_narrow"  # of what learns from fakes, and of the detectors
TRAINING = TrainConfig(12, 64, 6e-3, ema=0.97)
DRILL = TrainConfig(4, 64, 6e-3, augment=False)  # of a detector
DIFFUSION = DiffusionConfig()
GAME = GANConfig((5,), width=12)
JUDGE = (0.01, 0.1)  # C of the head that judges classes
DRAWN = ("diffusion", "GAN")  # the families that a generator draws
UNTOUCHED = "untouched only"  # a detector that has met no processed image


@dataclass(frozen=True)
class Material:
    """Small copies of a set, its generators, and four families of fakes."""

    study: Study

    @cached_property
    def parts(self) -> dict[str, Split]:
        """Training patients of the generators, other ones, and the rest."""
        found = {name: part.resized(SIZE) for name, part in self.study.parts.files.items()}
        train = found.pop("train")
        halves = split_by_group(train.labels.numpy(), train.patients, (0.5, 0.5))
        return {"ours": train.take(halves[0]), "theirs": train.take(halves[1]), **found}

    @cached_property
    def diffusion(self) -> DiffusionModel:
        kept, _ = train_diffusion(self.parts["ours"], DIFFUSION, self.study.folder / "diffusion")
        return kept[DIFFUSION.snapshots[-1]]

    @cached_property
    def families(self) -> dict[str, Contamination]:
        kept, _ = train_generators(self.parts["ours"], GAME, self.study.folder / "gan")
        fakes = (Fakes(generator=each) for each in (self.diffusion, kept[GAME.snapshots[-1]]))
        return {**dict(zip(DRAWN, fakes, strict=True)), "mixture": Mixture(), "splice": Splice()}

    @cached_property
    def features(self) -> Callable[[Split], np.ndarray]:
        """Of a frozen network that knows photographs alone."""
        return replace(self.study, real=replace(self.study.real, frozen_size=READ)).frozen()

    def some(self, part: str, seed: int = 0) -> FakesByFamily:
        """Real images of a part, and a fake of each family in place of every one."""
        return fakes_by_family(self.parts[part].balanced(EXAMINED), self.families, seed)

    def redrawn(self, real: Split) -> Split:
        """Real images that pass through the coordinates of the diffusion model: a control."""
        again = self.diffusion.redraw(to_float(real.images), torch.Generator().manual_seed(0))
        return replace(real, images=to_uint8(again))


def fakes(study: Study) -> dict:
    """Distances to real images, the class that a judge reads, lessons, and detectors."""
    material = Material(study)
    read, taught = class_read(material), lessons(material)
    found = [read, taught, detected(material)]
    return {
        "scores": {name: row for each in found for name, row in each["scores"].items()},
        "differences": {name: row for each in found for name, row in each["differences"].items()},
        "distances": distances(material),
        "learned": taught["scores"]["trained on real images"]["low"] > 1 / study.classes,
        "images": {name: len(part) for name, part in material.parts.items()} | {"each": EXAMINED},
        "pixels": SIZE,
    }


def distances(material: Material) -> dict[str, dict]:
    """By the features of a frozen network and by patches alone, beside three real controls."""
    shown = material.some("validation")
    looked_at = {"real, other patients": material.parts["theirs"].balanced(EXAMINED)}
    looked_at["real, redrawn"] = material.redrawn(shown.untouched)
    looked_at["real, shrunk and enlarged"] = shown.processed["shrunk and enlarged"]
    looked_at |= shown.fakes
    features, pixels = material.features, to_float(shown.untouched.images)
    rows = features(shown.untouched)
    return {
        name: {
            "KID": _distance_row(kid(rows, features(each))),
            "sliced Wasserstein": _distance_row(sliced_wasserstein(pixels, to_float(each.images))),
        }
        for name, each in looked_at.items()
    }


def class_read(material: Material) -> dict:
    """The class that a head reads which has learned from patients that no generator knows."""
    features, theirs = material.features, material.parts["theirs"]
    judge = folded_probe(features(theirs), theirs, JUDGE)
    real = material.parts["test"].balanced(EXAMINED)
    shown = {"real": real, "real, redrawn": material.redrawn(real)}
    shown |= {name: replace(material.families[name], rate=1.0)(real) for name in DRAWN}
    found = {name: judge.predict(features(each), each) for name, each in shown.items()}
    return {
        "scores": {f"class read, {name}": score_row(each) for name, each in found.items()},
        "differences": {
            f"class read, redrawn minus {name}": difference_row(found["real, redrawn"], found[name])
            for name in DRAWN
        },
    }


def lessons(material: Material) -> dict:
    """What a network learns from fakes alone: pairs that begin with the same weights."""
    ours, seeds = material.parts["ours"], range(material.study.real.trainings)
    fake = replace(material.families["diffusion"], rate=1.0)(ours)
    found = {
        name: pool_trainings([_reader(material, lesson, seed) for seed in seeds])
        for name, lesson in {"real images": ours, "fakes": fake}.items()
    }
    return {
        "scores": {f"trained on {name}": score_row(each) for name, each in found.items()},
        "differences": {"trained on real minus fakes": difference_row(*found.values())},
    }


def detected(material: Material) -> dict:
    """Detectors that know all families, all but one, or no processed image."""
    tried, detectors = material.some("test", 3), _detectors(material)
    everything, naive = detectors["all"], detectors[UNTOUCHED]
    flags = {name: each.flags for name, each in detectors.items()}
    met = {name: everything.flags(fake) for name, fake in tried.fakes.items()}
    unmet = {name: flags[name](fake) for name, fake in tried.fakes.items()}
    alarms = {name: everything.flags(real) for name, real in tried.real.items()}
    others = np.mean([naive.flags(real) for real in tried.processed.values()], 0)
    return _shares(
        tried.untouched.patients,
        {f"flagged, {name}, family known": each for name, each in met.items()}
        | {f"flagged, {name}, family never met": each for name, each in unmet.items()}
        | {f"false alarms, {name}": each for name, each in alarms.items()},
        {
            "family known minus never met": np.mean([*met.values()], 0)
            - np.mean([*unmet.values()], 0),
            "processed minus untouched": others - naive.flags(tried.untouched),
        },
    )


def _shares(
    patients: np.ndarray, scores: Mapping[str, np.ndarray], differences: Mapping[str, np.ndarray]
) -> dict:
    count = len(np.unique(patients))
    found = {"scores": scores, "differences": differences}
    return {
        kind: {name: as_row(mean_of(each, patients), patients=count) for name, each in rows.items()}
        for kind, rows in found.items()
    }


def _detectors(material: Material) -> dict[str, FakeDetector]:
    known, held = material.some("theirs", 1), material.some("validation", 2)
    course = {"all": (known, held)}
    course |= {name: (known.without(name), held.without(name)) for name in known.fakes}
    course[UNTOUCHED] = tuple(replace(each, processed={}) for each in (known, held))
    folder = material.study.folder / "fake_detector"
    return {
        name: train_fake_detector(build(BACKBONE, 2, SIZE, seed=0), *pair, DRILL, folder)
        for name, pair in course.items()
    }


def _reader(material: Material, lesson: Split, seed: int) -> Predictions:
    """A network that learns from a lesson, and what it predicts for real test patients."""
    parts, model = material.parts, build(BACKBONE, lesson.classes, SIZE, seed=seed)
    school = Splits(lesson, parts["validation"], parts["test"])
    train_or_load(model, school, replace(TRAINING, seed=seed), material.study.folder / "lessons")
    return predict(model, parts["test"])


def _distance_row(found: pd.Series) -> dict:
    ends = Interval(*(float(found[end]) for end in Interval._fields))
    return {**as_row(ends), "chance": float(found["chance"])}
