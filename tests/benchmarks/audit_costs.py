"""Seconds, memory and finds of the audit beside CleanVision and cleanlab's Datalab.

    python tests/benchmarks/audit_costs.py [IMAGES [FOLDER]]

All read the same folder, one after the other, each in a process of its own on one core, imports
included. The folder is made of drawn brain slices, or of the images in FOLDER/CLASS, with known
faults. CleanVision does image quality and duplicates. Datalab takes features, here 32 x 32 grey
levels, and does duplicates, odd images and labels. The audit is measured three times: with the
checks that each of them has too, and whole. A program that is not installed is left out and named;
pip install cleanvision "cleanlab[datalab]" brings both.
"""

import os
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context, set_start_method
from pathlib import Path
from tempfile import TemporaryDirectory

SIZE, EACH, SIDE = 128, 0.01, 32  # pixels; share of the images with each fault; of the features
QUALITY = {  # faults by the names that the audit and CleanVision give them
    "dark": "dark", "bright": "light", "blurred": "blurry", "low information": "low_information",
    "odd size": "odd_size", "odd aspect": "odd_aspect_ratio",
}  # fmt: skip
COPY, LABEL = "copy", "wrong label"
NEEDED = {"CleanVision": ["cleanvision"], "Datalab": ["cleanlab", "datasets"]}


def write_folder(place: Path, count: int, source: str) -> dict[str, set[str]]:
    """The images below `place`, and the files that each fault has touched."""
    import numpy as np
    from audit_calibration import FAULTS
    from PIL import Image

    rng, truth = np.random.default_rng(0), {}
    images = list(_given(Path(source), count, rng) if source else _drawn(count))
    classes = sorted({name for _, name in images})
    each = max(3, int(EACH * len(images)))
    faults = np.repeat([*QUALITY, COPY, LABEL], each).tolist()
    faults += [""] * (len(images) - len(faults))
    for number, ((image, name), fault) in enumerate(zip(images, faults, strict=True)):
        image = FAULTS[fault][0](image, rng) if fault in QUALITY else image
        if fault == LABEL:
            name = classes[(classes.index(name) + 1) % len(classes)]
        for copy in range(1 + (fault == COPY)):
            path = place / name / f"{number:05}{'ab'[copy]}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.asarray(image)).save(path)
            truth.setdefault(fault, set()).add(str(path.relative_to(place)))
    return truth


def _drawn(count: int):
    from PIL import Image

    from utils.data.phantoms import draw

    split = draw("brain_phantom", SIZE, count, seed=7, views=1)
    for image, label in zip(split.images, split.labels.tolist(), strict=True):
        yield Image.fromarray(image[0].numpy()), split.class_names[label]


def _given(folder: Path, count: int, rng):
    from PIL import Image

    files = sorted(
        path for path in folder.glob("*/*.*") if path.suffix in (".png", ".jpg", ".jpeg")
    )
    for row in rng.permutation(len(files))[:count]:
        yield Image.open(files[row]).convert("L"), files[row].parent.name


def cleanvision(folder: Path) -> dict[str, set[str]]:
    from cleanvision import Imagelab

    lab = Imagelab(data_path=str(folder))
    lab.find_issues({name: {} for name in (*QUALITY.values(), *COPIES)}, n_jobs=1)
    named = {own: _rows(lab.issues[f"is_{name}_issue"]) for own, name in QUALITY.items()}
    named[COPY] = set().union(*(_rows(lab.issues[f"is_{name}_issue"]) for name in COPIES))
    return {
        fault: {os.path.relpath(file, folder) for file in files} for fault, files in named.items()
    }


COPIES = ("exact_duplicates", "near_duplicates")


def datalab(folder: Path) -> dict[str, set[str]]:
    import numpy as np
    from cleanlab import Datalab
    from PIL import Image

    set_start_method("fork", force=True)  # it shares what it computes with its own processes
    files = sorted(folder.glob("*/*"))
    labels = [file.parent.name for file in files]
    pixels = [
        np.asarray(Image.open(file).convert("L").resize((SIDE, SIDE)), float) for file in files
    ]
    lab = Datalab({"label": labels}, label_name="label", verbosity=0)
    wanted = {name: {} for name in ("near_duplicate", "outlier", "label")}
    lab.find_issues(features=np.stack(pixels).reshape(len(files), -1), issue_types=wanted)
    names = np.array([str(file.relative_to(folder)) for file in files])
    issues = {
        own: lab.get_issues(name) for own, name in ((COPY, "near_duplicate"), (LABEL, "label"))
    }
    return {own: set(names[found.filter(like="is_").iloc[:, 0]]) for own, found in issues.items()}


CHECKS = {  # of the audit, by what they are measured beside
    "CleanVision": ("Duplicates", "Image quality"),
    "Datalab": ("Duplicates", "Odd images", "Suspicious labels"),
}


def audited(folder: Path, beside: str) -> dict[str, set[str]]:
    from utils.audit import audit, registry

    wanted = CHECKS.get(beside, tuple(registry.CHECKS))
    for title in set(registry.CHECKS) - set(wanted):
        del registry.CHECKS[title]
    with TemporaryDirectory() as cache:
        images = audit(str(folder), cache=cache).images.set_index("file")
    named = {own: _rows(images[f"is {own}"]) for own in QUALITY if f"is {own}" in images}
    for own, title in ((COPY, "Duplicates"), (LABEL, "Suspicious labels")):
        named[own] = _rows(images["named by"].str.contains(title))
    return named


def _rows(named) -> set[str]:
    """The files for which a column is true."""
    return set(named.index[named.astype(bool)])


def measured(search, *given) -> tuple[dict[str, set[str]], dict]:
    """What a search names, and what it has cost."""
    began = time.perf_counter()
    named = search(*given)
    own, others = (resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return named, {
        "seconds": round(time.perf_counter() - began, 1),
        "CPU seconds": round(own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime, 1),
        "peak memory (MiB)": round(own.ru_maxrss / 1024),
    }


def alone(do, *given):
    """In a process of its own, on one core, with its own imports."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:  # it may start processes itself
        return pool.submit(do, *given).result()


def found_of(named: dict[str, set[str]], truth: dict[str, set[str]], faults) -> dict:
    """For each fault the files found of those planted, and how many untouched ones are named."""
    row = {f: f"{len(named[f] & truth[f])}/{len(truth[f])}" for f in faults if f in named}
    wrong = set().union(*(named[f] & truth[""] for f in faults if f in named))
    return row | {"untouched named (%)": round(100 * len(wrong) / len(truth[""]), 1)}


def main(count: int, source: str) -> None:
    import pandas as pd

    absent = [name for name, modules in NEEDED.items() if not all(map(find_spec, modules))]
    rows = {}
    with TemporaryDirectory() as place:
        folder = Path(place) / "images"
        truth = alone(write_folder, folder, count, source)
        searches = {
            "CleanVision": (cleanvision,), "audit, the same checks": (audited, "CleanVision"),
            "Datalab": (datalab,), "audit, these checks": (audited, "Datalab"),
            "audit, all checks": (audited, ""),
        }  # fmt: skip
        for name, (search, *given) in searches.items():
            if name not in absent:
                named, cost = alone(measured, search, folder, *given)
                rows[name] = cost | found_of(named, truth, (*QUALITY, COPY, LABEL))
                print(f"{name}: {rows[name]}", flush=True)
    print(f"{sum(map(len, truth.values())):,} files\n{pd.DataFrame(rows).fillna('-').to_string()}")
    for name in absent:
        print(f"left out, as not installed: {name}")


if __name__ == "__main__":
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    main(int((sys.argv + ["1500"])[1]), (sys.argv + ["", ""])[2])
