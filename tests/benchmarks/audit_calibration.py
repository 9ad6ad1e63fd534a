"""What the audit finds, misses and names wrongly: planted faults and clean controls of real images.

DATA_ROOT=/data python tests/benchmarks/audit_calibration.py [IMAGES] writes two folders of each
data set, one with faults and one without, audits both, and prints a table. Nothing is kept.

On 1 December 2026 it was run on 600 images of each of three sets and 96 faulty files of each: 263
of the 288 were found; missed were 17 of 18 wrong labels, six mild blurs of small cells and two
texts. No check named more than 1 % of the untouched images or of a clean folder, but leakage in the
brain slices (4 %), which do show the same patients in training and test.
"""

import os
import sys
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from utils.audit import audit

SETS = {"chest_xray": "train", "blood_cells": "train", "alzheimer_mri": "test"}
PAIR = ("test file", "training file")  # columns of a leak
TEST_SHARE, EACH = 0.25, 0.01  # of the images: in the test folder, with each fault
QUALITY = "Image quality"


def darker(image, rng):
    return image.point(lambda level: level // 4)


def brighter(image, rng):
    return image.point(lambda level: min(255, int(1.3 * level) + 90))


def blurred(image, rng):
    return image.filter(ImageFilter.GaussianBlur(max(image.size) / 60))


def coarse(image, rng):
    return image.point(lambda level: level // 64 * 64)


def blank(image, rng):
    grey = np.asarray(image.convert("L"))
    return Image.fromarray(
        (rng.integers(255) + rng.normal(0, 1, grey.shape)).clip(0, 255).astype("u1")
    )


def small(image, rng):
    return image.resize([side // 3 for side in image.size])


def stretched(image, rng):
    return image.resize((image.width, image.height // 3))


def written(image, rng):
    image, side = image.copy(), max(image.size)
    place = side * rng.uniform(0.03, 0.2), side * rng.choice([0.03, 0.85])
    font = ImageFont.load_default(max(9, side / 16))
    text = f"ID {rng.integers(99999):05} 12.03.2019"
    ImageDraw.Draw(image).text(
        place, text, fill="white" if rng.random() < 0.8 else "black", font=font
    )
    return image


def noisy(image, rng):
    levels = np.asarray(image, float)
    return Image.fromarray((levels + rng.normal(0, 25, levels.shape)).clip(0, 255).astype("u1"))


def mask(image, rng):
    grey = np.asarray(image.convert("L"))
    made = Image.fromarray(np.where(grey > np.median(grey), 255, 0).astype("u1"))
    return made.filter(ImageFilter.MedianFilter(5))


FAULTS = {
    "dark": (darker, QUALITY), "bright": (brighter, QUALITY), "blurred": (blurred, QUALITY),
    "low information": (coarse, QUALITY), "nearly blank": (blank, QUALITY),
    "odd size": (small, QUALITY), "odd aspect": (stretched, QUALITY),
    "burnt-in text": (written, QUALITY), "noisy": (noisy, QUALITY),
    "mask": (mask, "Other kinds of images"), "another kind": (None, "Other kinds of images"),
    "copy in the test": (None, "Leakage between parts"), "two labels": (None, "Duplicates"),
    "wrong label": (None, "Suspicious labels"),
}  # fmt: skip


def write_folder(files, others, folder, rng, planted):
    """The images in train and test folders; the truth, and each file's fault."""
    classes = sorted({file.parent.name for file in files})
    count, truth = max(3, int(EACH * len(files))), defaultdict(set)
    named = np.repeat(list(FAULTS), count) if planted else np.array([], str)
    faults = [*named, *[""] * (len(files) - len(named))]
    for file, fault, tested in zip(files, faults, rng.random(len(files)) < TEST_SHARE, strict=True):
        label, image = file.parent.name, Image.open(file)
        other = classes[(classes.index(label) + 1) % len(classes)]
        make = FAULTS[fault][0] if fault else None
        image = make(image, rng) if make else image
        image = Image.open(others[len(truth[fault])]) if fault == "another kind" else image
        part = "train" if fault in ("copy in the test", "two labels") or not tested else "test"
        places = {
            "copy in the test": [("train", label), ("test", label)],
            "two labels": [("train", label), ("train", other)],
            "wrong label": [("train", other)],
        }.get(fault, [(part, label)])
        for number, place in enumerate(places):
            path = folder.joinpath(*place, f"{number}{file.stem}.png")
            path.parent.mkdir(parents=True, exist_ok=True)
            image.save(path)
            truth[fault].add(str(path.relative_to(folder)))
    return truth


def named_by(found):
    """The files that each check names, and quality by the name of the problem."""
    images = found.images.set_index("file")
    checks = {title: images["named by"].str.contains(title) for _, title in FAULTS.values()}
    issues = {name: images[f"is {name}"] for name in FAULTS if f"is {name}" in images}
    named = {name: set(images.index[rows]) for name, rows in (checks | issues).items()}
    leaks = found.files.get("leaks.csv", pd.DataFrame(columns=["kind", *PAIR]))
    copies = leaks[leaks["kind"].isin(["identical", "copy"])]  # siblings are relatives indeed
    return named | {
        "copy in the test": set(copies["test file"]) | set(copies.get("training file", ()))
    }


def calibrate(name, count):
    rng = np.random.default_rng(0)
    root = Path(os.environ["DATA_ROOT"])
    sets = {
        each: sorted(f for f in (root / each / part).rglob("*.*") if f.suffix in (".jpg", ".jpeg"))
        for each, part in SETS.items()
    }
    files = [sets[name][row] for row in rng.permutation(len(sets[name]))[:count]]
    others = sets[next(each for each in SETS if each != name)]
    with TemporaryDirectory() as place:
        place = Path(place)
        clean, faulty = (place / kind for kind in ("clean", "faulty"))
        write_folder(files, others, clean, np.random.default_rng(1), planted=False)
        truth = write_folder(files, others, faulty, np.random.default_rng(1), planted=True)
        control, found = (audit(str(f), cache=place / "cache") for f in (clean, faulty))
        rows = score(truth, named_by(found), named_by(control), len(found.images))
        print(f"\n{name}: {control.verdict}", f"{name}, faulty: {found.verdict}", sep="\n")
    return pd.DataFrame(rows).assign(set=name)


def score(truth, named, control, images):
    # A fault may rightly be named by other checks: only images without any are named wrongly.
    untouched = truth[""]
    for fault, (_, check) in FAULTS.items():
        key = fault if fault in named else check
        yield {
            "fault": fault, "check": check, "planted": len(truth[fault]),
            "found": len(truth[fault] & named[key]),
            "named wrongly (%)": round(100 * len(untouched & named[key]) / len(untouched), 2),
            "named in the clean folder (%)": round(100 * len(control[key]) / images, 2),
        }  # fmt: skip


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 600
    tables = pd.concat([calibrate(name, count) for name in SETS])
    pd.set_option("display.width", 250)
    print(tables.pivot(index=["check", "fault"], columns="set").to_string())
    print(tables.groupby("fault", sort=False).sum(numeric_only=True).to_string())
