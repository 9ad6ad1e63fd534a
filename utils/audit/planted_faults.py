"""A folder of images with planted faults, so that an audit can be scored against the truth.

It looks like a folder from another hospital: train, validation and test folders with class folders
in them, and files with numbers for names.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from textwrap import fill

import numpy as np
import pandas as pd
from PIL import Image
from torch import Tensor

from utils.audit.report import Audit
from utils.contamination.backdoor import Patch, Poison, Trigger
from utils.contamination.base import KINDS, contaminate, kinds_of
from utils.contamination.corruptions.planted_noise import Gaussian, Noise
from utils.contamination.label_noise import Symmetric
from utils.data.split import Split, Splits
from utils.files import to_pillow

CHECK_OF = {  # the check that should find each fault
    "unreadable": "Unreadable files",
    "wrong name": "Sizes and formats",
    "copy in the test": "Leakage between parts",
    "under two classes": "Duplicates",
    "saved as colour": "Shortcuts",
    "label error": "Suspicious labels",
    "noise": "Noise",
    "poison": "Marks and triggers",
}
NO_FILE = "a fact, no file"  # what the check of such a fault names


@dataclass(frozen=True)
class Faults:
    """How much of each fault is planted; the default plants every fault."""

    unreadable: int = 5  # files
    misnamed: int = 3
    copied: int = 12  # training images that are in the test folder, too
    clashing: int = 3  # training images that are in a second class folder, too
    exported: float = 0.9  # share of the first class saved as colour; of the others the rest to 1
    wrong_labels: float = 0.05  # of the training images
    noisy: float = 0.03
    noise: Noise = Gaussian(severity=3)
    poisoned: float = 0.06
    trigger: Trigger = Patch()
    seed: int = 0

    @classmethod
    def none(cls, **but) -> "Faults":
        """The control: the same folder without faults, except those that are named."""
        names = ("unreadable", "misnamed", "copied", "clashing")
        shares = ("exported", "wrong_labels", "noisy", "poisoned")
        return cls(**dict.fromkeys((*names, *shares), 0) | but)


@dataclass
class PlantedFolder:
    """A folder, and the files that each fault has touched."""

    folder: Path
    truth: dict[str, set[str]] = field(default_factory=dict)

    def note(self, fault: str, path: Path) -> None:
        self.truth.setdefault(fault, set()).add(str(path))


def plant_faults(splits: Splits, folder: Path, faults: Faults) -> PlantedFolder:
    """Write all images, with these faults among them; `folder` should not exist yet."""
    made = PlantedFolder(Path(folder))
    train = splits.train
    steps = (
        Symmetric(rate=faults.wrong_labels, seed=faults.seed),
        Poison(rate=faults.poisoned, target=1, trigger=faults.trigger, seed=faults.seed + 1),
        replace(faults.noise, rate=faults.noisy, seed=faults.seed + 2),
    )
    train, _ = contaminate(train, *(step for step in steps if step.rate))
    paths = {
        part: _written(split, made.folder / part, faults.seed, faults.exported)
        for part, split in replace(splits, train=train).items()
    }
    kinds = kinds_of(train).tolist()
    for path, kind in zip(paths["train"], kinds, strict=True):
        if kind:
            made.note(KINDS[kind], path)
    if faults.exported:
        made.truth["saved as colour"] = set()  # the check names a fact, and no file
    clean = [path for path, kind in zip(paths["train"], kinds, strict=True) if not kind]
    _copy(made, clean, faults)
    _break(made, paths["validation"], faults)
    return made


def _written(split: Split, folder: Path, seed: int, exported: float) -> list[Path]:
    """One PNG per image, in a random order.

    With `exported`, grey images of the first class are mostly saved as colour, as if they came from
    a hospital whose program does so; their pixels stay the same.
    """
    rng, paths = np.random.default_rng(seed), []
    numbers, drawn = rng.permutation(len(split)), rng.random(len(split))
    for place, (image, label) in enumerate(zip(split.images, split.labels.tolist(), strict=True)):
        paths.append(folder / split.class_names[label] / f"{numbers[place]:05}.png")
        paths[-1].parent.mkdir(parents=True, exist_ok=True)
        share = exported if label == 0 else 1 - exported
        coloured = exported and drawn[place] < share
        mode = "RGB" if coloured or len(image) == 3 else "L"
        to_pillow(image).convert(mode).save(paths[-1])
    return paths


def _copy(made: PlantedFolder, clean: list[Path], faults: Faults) -> None:
    """Copies in the test folder, half of them saved as JPEG, and copies under a second class."""
    rng = np.random.default_rng(faults.seed)
    chosen = rng.choice(len(clean), faults.copied + faults.clashing, replace=False)
    for number, place in enumerate(chosen[: faults.copied]):
        kind = (".png", ".jpg")[number % 2]
        target = made.folder / "test" / clean[place].parent.name / f"9{number:04}{kind}"
        Image.open(clean[place]).save(target, quality=75)
        made.note("copy in the test", target)
        made.note("copy in the test", clean[place])
    names = sorted(path.name for path in (made.folder / "train").iterdir())
    for number, place in enumerate(chosen[faults.copied :]):
        own = clean[place].parent.name
        other = names[(names.index(own) + 1) % len(names)]
        target = made.folder / "train" / other / f"8{number:04}.png"
        target.write_bytes(clean[place].read_bytes())
        made.note("under two classes", target)
        made.note("under two classes", clean[place])


def _break(made: PlantedFolder, paths: list[Path], faults: Faults) -> None:
    """Files that are no images, and files with the extension of another format."""
    place = paths[0].parent
    whole = paths[0].read_bytes()
    broken = {
        "empty": b"",
        "text": b"Dear colleague, the images follow tomorrow.",
        "cut": whole[: len(whole) // 2],
        "archive": b"PK\x03\x04" + bytes(200),
        "nan": b"",
    }
    for name in list(broken)[: faults.unreadable]:
        path = place / f"{name}.tif"
        path.write_bytes(broken[name])
        if name == "nan":
            Image.fromarray(np.full((8, 8), np.nan, np.float32)).save(path)
        made.note("unreadable", path)
    for path in paths[: faults.misnamed]:
        made.note("wrong name", path.rename(path.with_name(f"{path.stem}x.jpg")))


def clear_folder(folder: Path) -> Path:
    """The path of a folder without anything in it: what an earlier run has planted is removed."""
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def score_findings(made: PlantedFolder, found: Audit, clean: Audit) -> pd.DataFrame:
    """For each fault: files touched, files flagged, true positives, and the result of the same
    check on a clean folder."""
    rows = {}
    for fault, check in CHECK_OF.items():
        true, flagged = made.truth.get(fault, set()), flagged_files(found, check)
        rows[fault] = {
            "check": check,
            "severity": found[check].severity,
            "in the clean folder": clean[check].severity,
            "files": len(true) if true or fault not in made.truth else NO_FILE,
            "flagged": len(flagged),
            "true positives": len(true & flagged),
            "flagged in the clean folder": len(flagged_files(clean, check)),
        }
    return pd.DataFrame(rows).T.rename_axis("fault")


def example_captions(found: Audit, checks: Sequence[str], each: int) -> tuple[Tensor, list[str]]:
    """The first flagged images of some checks, with their captions on the page."""
    findings = [found[check] for check in checks]
    places = [place for finding in findings for place in finding.flagged[:each]]
    captions = [
        fill(f"{finding.title}: {caption}".replace("_", " "), 22)
        for finding in findings
        for caption in finding.captions[: min(each, len(finding.flagged))]
    ]
    return found.folder.images[places], captions


def flagged_files(found: Audit, check: str) -> set[str]:
    """The files that a check flags, in its table or by their images."""
    finding, base = found[check], found.folder.base
    files = set(found.folder.files[list(finding.flagged)])
    columns = {"file", "one", "other"} & set(finding.table)
    return files.union(*({base + file for file in finding.table[name]} for name in columns))
