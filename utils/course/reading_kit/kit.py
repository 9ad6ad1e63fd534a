"""A reading kit: can a person tell which image was attacked, and what does the model predict?

A folder with a page of pairs, an answer sheet and the key to both, tied together by a short name.
The page is one file without a script; it works offline and does not reveal the answers.
"""

import json
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import numpy as np
from torch import Tensor

from utils.course.reading_kit.answers import (
    COLUMNS,
    choices,
    diagnoses_allowed,
    is_blank,
    read_answers,
)
from utils.course.reading_kit.page import pictures_on, render_kit
from utils.course.reading_kit.results import ReadingResult, join_answers
from utils.data.split import Split
from utils.files import atomic_write, digest, json_digest, write_json
from utils.run import Run

PAGE, SHEET, KEY = "page.html", "answers.csv", "key.json"
LETTERS = "bcdfghjkmnpqrstvwxz"  # neither a number to a spreadsheet nor a word to a reader


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
    """Write page, sheet and key; returns how often the model is wrong on exactly these images.

    `clean` and `attacked` (n, channels, height, width) are in [0, 1] and on whole grey levels
    (see `to_uint8`), because the page shows those; `before` and `after` are the model's classes
    for exactly these. A sheet with answers is kept, with its kit, under another name.
    """
    pictures = _pairs(_grey_levels("clean", clean), _grey_levels("attacked", attacked))
    count, classes = len(pictures), len(class_names)
    labels = _classes("labels", labels, count, classes)
    before = _classes("before", before, count, classes)
    after = _classes("after", after, count, classes)
    diagnoses_allowed(class_names)  # refuses names that look alike in a sheet
    order, sides = _order_and_sides(pictures, seed)
    shown = np.where(sides[:, None, None, None, None] == 1, pictures[order], pictures[order, ::-1])
    pairs = [
        {"pair": number, "image": int(image), "tampered": "AB"[side], "label": int(labels[image])}
        | {"before": int(before[image]), "after": int(after[image])}
        for number, (image, side) in enumerate(zip(order, sides, strict=True), 1)
    ]
    facts = {"class_names": list(class_names), "pictures": _digest(shown), "pairs": pairs}
    kit = _short_name(facts)
    page = render_kit(kit, title, choices(class_names), shown)
    _write_files(Path(folder), kit, facts, page)
    wrong = {"clean": (before != labels).sum(), "attacked": (after != labels).sum()}
    return {"kit": kit, "pairs": count} | {f"model wrong on {k}": int(n) for k, n in wrong.items()}


def score_kit(folder: Path, sheet: str | Path = "") -> ReadingResult:
    """The reader's answers beside the model's predictions; `sheet` is "" for the one in the kit."""
    key = read_key(folder)
    return join_answers(read_answers(Path(sheet or Path(folder) / SHEET), key), key)


def one_per_patient(split: Split, count: int = 0, seed: int = 0) -> Split:
    """At most `count` images drawn at random, no two of one patient; 0 means all patients.

    The exact intervals assume independent pairs, and slices of one patient are not independent.
    """
    order = np.random.default_rng(seed).permutation(len(split))
    groups = split.patients[order]
    _, first = np.unique(groups, return_index=True)
    return split.take(order[np.sort(first)[: count or None]])


def kit_of(run: Run) -> Path:
    """The folder of the kit that a run wrote."""
    folder = run.assets / "reading_kit"
    if not (folder / KEY).exists():
        raise FileNotFoundError(
            f"{run.name} left no reading kit for {run.dataset} and seed {run.seed}. "
            f"Next: run the notebook {run.name} with DATASET = {run.dataset!r}, SEED = {run.seed}"
        )
    return folder


def read_key(folder: Path) -> dict:
    """The truth behind a page; a key that was changed since is refused."""
    path = Path(folder) / KEY
    if not path.is_file():
        raise FileNotFoundError(f"{folder} has no {KEY}, so the kit is incomplete. {_AGAIN}")
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        kit = facts.pop("kit")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is damaged ({error!r}). {_AGAIN}") from None
    if kit != _short_name(facts):
        raise ValueError(f"{path} was changed since it was written. {_AGAIN}")
    return {"kit": kit, **facts}


def read_pictures(folder: Path) -> np.ndarray:
    """The images of the page: uint8 (pairs, A and B, channels, height, width)."""
    path, wanted = Path(folder) / PAGE, read_key(folder)["pictures"]
    if not path.is_file():
        raise FileNotFoundError(f"{folder} has no {PAGE}, so the kit is incomplete. {_AGAIN}")
    try:
        pairs = pictures_on(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise ValueError(f"{path} is damaged ({error}). {_AGAIN}") from None
    if _digest(pairs) != wanted:
        raise ValueError(f"{path} does not belong to the {KEY} beside it. {_AGAIN}")
    return pairs


_AGAIN = "Next: move the folder away, and run the notebook that writes the kit again"


def _grey_levels(name: str, pixels: Tensor) -> np.ndarray:
    """As uint8; an image between two grey levels would differ from the one the model classified."""
    if pixels.dim() != 4 or pixels.shape[1] not in (1, 3) or not len(pixels):
        raise ValueError(
            f"{name} must be (n, 1 or 3 channels, height, width), got {tuple(pixels.shape)}"
        )
    levels = 255 * pixels.detach().cpu().double().numpy()
    whole = np.rint(levels)
    if not (np.abs(levels - whole) < 1e-3).all() or whole.min() < 0 or whole.max() > 255:
        raise ValueError(
            f"{name} must be whole grey levels in [0, 1]; "
            "pass to_float(to_uint8(images)), and the model's predictions on these"
        )
    return whole.astype(np.uint8)


def _pairs(clean: np.ndarray, attacked: np.ndarray) -> np.ndarray:
    if clean.shape != attacked.shape:
        raise ValueError(f"clean is {clean.shape}, attacked {attacked.shape}; they make no pairs")
    same = np.flatnonzero((clean == attacked).all((1, 2, 3)))
    if len(same):
        raise ValueError(
            f"the attack changed nothing in image {', '.join(map(str, same))}, so there is nothing "
            "to find. Next: attack with stop_when_fooled=False, or leave these images out"
        )
    return np.stack([clean, attacked], axis=1)


def _classes(name: str, numbers: Sequence[int], images: int, classes: int) -> np.ndarray:
    numbers = np.asarray(numbers)
    if numbers.shape != (images,) or numbers.dtype.kind not in "iu":
        raise ValueError(
            f"{name} must be one class number for each of {images} images, "
            f"got {numbers.dtype} {numbers.shape}"
        )
    if numbers.min() < 0 or numbers.max() >= classes:
        raise ValueError(
            f"{name} must be from 0 to {classes - 1}, got {numbers.min()} to {numbers.max()}"
        )
    return numbers


def _order_and_sides(pictures: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """An order, and a coin toss for each pair: 0 puts the attacked image at A, 1 at B.

    The images join the seed, so that the key of one kit does not reveal that of the next.
    """
    generator = np.random.default_rng([seed, int(_digest(pictures)[:8], 16)])
    return generator.permutation(len(pictures)), generator.integers(2, size=len(pictures))


def _write_files(folder: Path, kit: str, facts: dict, page: str) -> None:
    """The old key is deleted first and the new one written last: no kit is valid without a key."""
    sheet = folder / SHEET
    begun = sheet.exists() and not is_blank(sheet)
    if begun and (old := read_key(folder)["kit"]) != kit:
        folder.rename(_unused(folder.with_name(f"{folder.name}_{old}")))
        begun = False
    (folder / KEY).unlink(missing_ok=True)
    lines = ["sep=,", ",".join(COLUMNS), *(f"{kit},{pair['pair']},,," for pair in facts["pairs"])]
    for path, text in ((folder / PAGE, page), (sheet, "\r\n".join(lines) + "\r\n")):
        if path != sheet or not begun:
            with atomic_write(path) as unfinished:
                unfinished.write_bytes(text.encode())
    write_json(folder / KEY, {"kit": kit, **facts})


def _unused(folder: Path) -> Path:
    """This folder, or the first with its name and a number that does not exist yet."""
    names = (folder.with_name(f"{folder.name}_{number}") for number in count(2))
    return folder if not folder.exists() else next(name for name in names if not name.exists())


def _short_name(facts: dict) -> str:
    return "".join(LETTERS[byte % len(LETTERS)] for byte in bytes.fromhex(json_digest(facts)[:16]))


def _digest(levels: np.ndarray) -> str:
    return digest(repr(levels.shape).encode(), np.ascontiguousarray(levels))
