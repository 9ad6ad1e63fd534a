"""A reading kit: can a human tell which picture was attacked, and what does the model say of it?

A folder with a page of pairs, an answer sheet and the key to both, tied together by a short name.
The page is one file without a script; it works offline and gives nothing away.

page      the pairs as one HTML file
answers   the sheet, as spreadsheets save it
findings  what reader and model found, in tables
"""

import hashlib
import json
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import numpy as np
from torch import Tensor

from utils.course.reading_answers import COLUMNS, choices, diagnoses_allowed, is_blank, read_answers
from utils.course.reading_page import pictures_on, render_kit
from utils.course.reading_results import ReadingResult, join_answers
from utils.data.split import Split
from utils.files import atomic_write, write_json
from utils.run import Run

PAGE, SHEET, KEY = "page.html", "answers.csv", "key.json"
LETTERS = "bcdfghjkmnpqrstvwxz"  # a spreadsheet takes them for no number, a reader for no word


def write_kit(
    folder: Path,
    clean: Tensor,
    attacked: Tensor,
    labels: Sequence[int],
    before: Sequence[int],
    after: Sequence[int],
    class_names: Sequence[str],
    seed: int = 0,
    title: str = "Which picture was changed?",
) -> dict:
    """Write page, sheet and key; returns how often the model is wrong about these very pictures.

    `clean` and `attacked` (n, channels, height, width) are in [0, 1] and on whole grey levels
    (see `as_grey_levels`), for the page shows those; `before` and `after` are the model's classes
    for exactly these. A sheet that somebody has begun is kept, with its kit, under another name.
    """
    pictures = _paired(_levels("clean", clean), _levels("attacked", attacked))
    count, classes = len(pictures), len(class_names)
    labels = _classes("labels", labels, count, classes)
    before, after = (
        _classes(*said, count, classes) for said in (("before", before), ("after", after))
    )
    diagnoses_allowed(class_names)  # refuses names that a sheet could not tell apart
    order, sides = _shuffled(pictures, seed)
    shown = np.where(sides[:, None, None, None, None] == 1, pictures[order], pictures[order, ::-1])
    pairs = [
        {"pair": number, "image": int(image), "tampered": "AB"[side], "label": int(labels[image])}
        | {"before": int(before[image]), "after": int(after[image])}
        for number, (image, side) in enumerate(zip(order, sides, strict=True), 1)
    ]
    facts = {"class_names": list(class_names), "pictures": _digest(shown), "pairs": pairs}
    kit = _name(facts)
    page = render_kit(kit, title, choices(class_names), shown)
    _write_files(Path(folder), kit, facts, page)
    wrong = {"clean": (before != labels).sum(), "attacked": (after != labels).sum()}
    return {"kit": kit, "pairs": count} | {f"model wrong on {k}": int(n) for k, n in wrong.items()}


def score_kit(folder: Path, sheet: str | Path = "") -> ReadingResult:
    """What the reader found, beside what the model said; `sheet` is "" for the one in the kit."""
    key = read_key(folder)
    return join_answers(read_answers(Path(sheet or Path(folder) / SHEET), key), key)


def one_per_patient(split: Split, count: int = 0, seed: int = 0) -> Split:
    """At most `count` images drawn at random, no two of one patient; 0 means all patients.

    The exact intervals take the pairs for independent, and slices of one patient are not.
    """
    order = np.random.default_rng(seed).permutation(len(split))
    groups = split.patients[order]
    _, first = np.unique(groups, return_index=True)
    return split.take(order[np.sort(first)[: count or None]])


def kit_of(run: Run) -> Path:
    """The folder of the kit that a run has written."""
    folder = run.assets / "reading_kit"
    if not (folder / KEY).exists():
        raise FileNotFoundError(
            f"{run.name} has left no reading kit for {run.dataset} and seed {run.seed}. "
            f"Next: run the notebook {run.name} with DATASET = {run.dataset!r}, SEED = {run.seed}"
        )
    return folder


def read_key(folder: Path) -> dict:
    """The truth behind a page; a key that is not as it was written is refused."""
    path = Path(folder) / KEY
    if not path.is_file():
        raise FileNotFoundError(f"{folder} holds no {KEY}, so it is no complete kit. {_AGAIN}")
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        kit = facts.pop("kit")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is damaged ({error!r}). {_AGAIN}") from None
    if kit != _name(facts):
        raise ValueError(f"{path} was changed since it was written. {_AGAIN}")
    return {"kit": kit, **facts}


def read_pictures(folder: Path) -> np.ndarray:
    """The pictures as they stand on the page: uint8 (pairs, A and B, channels, height, width)."""
    path, wanted = Path(folder) / PAGE, read_key(folder)["pictures"]
    if not path.is_file():
        raise FileNotFoundError(f"{folder} holds no {PAGE}, so it is no complete kit. {_AGAIN}")
    try:
        pairs = pictures_on(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise ValueError(f"{path} is damaged ({error}). {_AGAIN}") from None
    if _digest(pairs) != wanted:
        raise ValueError(f"{path} does not belong to the {KEY} beside it. {_AGAIN}")
    return pairs


_AGAIN = "Next: move the folder away, and run the notebook that writes the kit once more"


def _levels(name: str, pixels: Tensor) -> np.ndarray:
    """As uint8; what lies between two grey levels would be shown otherwise than it was judged."""
    if pixels.dim() != 4 or pixels.shape[1] not in (1, 3) or not len(pixels):
        raise ValueError(
            f"{name} must be (n, 1 or 3 channels, height, width), got {tuple(pixels.shape)}"
        )
    levels = 255 * pixels.detach().cpu().double().numpy()
    whole = np.rint(levels)
    if not (np.abs(levels - whole) < 1e-3).all() or whole.min() < 0 or whole.max() > 255:
        raise ValueError(
            f"{name} must be whole grey levels in [0, 1]; "
            "pass as_pixels(as_grey_levels(images)), and the model's answers on these"
        )
    return whole.astype(np.uint8)


def _paired(clean: np.ndarray, attacked: np.ndarray) -> np.ndarray:
    if clean.shape != attacked.shape:
        raise ValueError(f"clean is {clean.shape}, attacked {attacked.shape}; they make no pairs")
    same = np.flatnonzero((clean == attacked).all((1, 2, 3)))
    if len(same):
        raise ValueError(
            f"the attack changed nothing in image {', '.join(map(str, same))}, so there is nothing "
            "to find; attack with stop_when_fooled=False, or leave these images out"
        )
    return np.stack([clean, attacked], axis=1)


def _classes(name: str, said: Sequence[int], images: int, classes: int) -> np.ndarray:
    said = np.asarray(said)
    if said.shape != (images,) or said.dtype.kind not in "iu":
        raise ValueError(
            f"{name} must be one class number for each of {images} images, "
            f"got {said.dtype} {said.shape}"
        )
    if said.min() < 0 or said.max() >= classes:
        raise ValueError(
            f"{name} must be from 0 to {classes - 1}, got {said.min()} to {said.max()}"
        )
    return said


def _shuffled(pictures: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """An order, and a coin for each pair: 0 puts the attacked picture at A, 1 at B.

    The pictures join the seed, so that the key of one kit does not tell that of the next.
    """
    generator = np.random.default_rng([seed, int(_digest(pictures)[:8], 16)])
    return generator.permutation(len(pictures)), generator.integers(2, size=len(pictures))


def _write_files(folder: Path, kit: str, facts: dict, page: str) -> None:
    """The key goes first and comes last: without it, nothing here counts as a kit."""
    sheet = folder / SHEET
    begun = sheet.exists() and not is_blank(sheet)
    if begun and (old := read_key(folder)["kit"]) != kit:
        folder.rename(_free(folder.with_name(f"{folder.name}_{old}")))
        begun = False
    (folder / KEY).unlink(missing_ok=True)
    lines = ["sep=,", ",".join(COLUMNS), *(f"{kit},{pair['pair']},,," for pair in facts["pairs"])]
    for path, text in ((folder / PAGE, page), (sheet, "\r\n".join(lines) + "\r\n")):
        if path != sheet or not begun:
            with atomic_write(path) as unfinished:
                unfinished.write_bytes(text.encode())
    write_json(folder / KEY, {"kit": kit, **facts})


def _free(folder: Path) -> Path:
    """This folder, or the first of its name and a number that does not exist yet."""
    names = (folder.with_name(f"{folder.name}_{number}") for number in count(2))
    return folder if not folder.exists() else next(name for name in names if not name.exists())


def _name(facts: dict) -> str:
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).digest()
    return "".join(LETTERS[byte % len(LETTERS)] for byte in digest[:8])


def _digest(levels: np.ndarray) -> str:
    shape = repr(levels.shape).encode()
    return hashlib.sha256(shape + np.ascontiguousarray(levels).tobytes()).hexdigest()
