"""The files of a folder or a table, with the label, patient and official part of each."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from utils.data.formats.recognition import may_be_image
from utils.data.formats.table import proposed_from, read_table
from utils.data.names import is_table
from utils.files import short_digest

PARTS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
LONGEST_NAME, LONGEST_PATH = 255, 4095  # bytes: no file system takes more
JUNK = ("thumbs.db", "desktop.ini", "__macosx")


@dataclass(frozen=True)
class Listing:
    """Files with their labels, and the `refused` ones with the reason.

    `parts` are train, validation, test, or "" if unknown; `patients` may be unknown.
    """

    files: tuple[Path, ...]
    labels: tuple[str, ...]
    parts: tuple[str, ...]
    patients: tuple[str, ...] | None = None
    refused: tuple[tuple[str, str], ...] = ()
    empty: tuple[str, ...] = ()  # classes with empty folders
    proposed: str = ""  # from what an audit has the patients; empty if they are given

    def take(self, positions) -> "Listing":
        columns = {name: getattr(self, name) for name in ("files", "labels", "parts", "patients")}
        taken = {n: c and tuple(c[i] for i in positions) for n, c in columns.items()}
        return replace(self, **taken)


def class_folders(root: Path) -> Listing:
    """CLASS/IMAGE, or TRAIN/CLASS/IMAGE; deeper folders belong to their class.

    An image beside the class folders is refused; a text file there is ignored.
    """
    root = _descended(root)
    split = any(entry.name.lower() in PARTS for entry in _entries(root) if entry.is_dir())
    files, labels, parts, refused = [], [], [], []
    for entry in _tree(root):
        path = Path(entry.path)
        part, *inner = [*([] if split else [""]), *path.relative_to(root).parts]
        reason = _refusal(path, root, part if split else "train", len(inner))
        if reason:
            if path.is_symlink() or path.is_dir() or may_be_image(path):
                refused.append((str(path), reason))
            continue
        files.append(path)
        labels.append(inner[0])
        parts.append(PARTS.get(part.lower(), ""))
    if not files:
        raise FileNotFoundError(
            f"{root} has no class folders with files in them; expected "
            f"{root.name}/CLASS/IMAGE or {root.name}/train/CLASS/IMAGE"
        )
    empty = tuple(sorted(_class_names(root, split) - set(labels)))
    return Listing(tuple(files), tuple(labels), tuple(parts), None, tuple(refused), empty)


def _class_names(root: Path, split: bool) -> set[str]:
    parts = [Path(e.path) for e in _entries(root) if e.name.lower() in PARTS and _inside(e)]
    inner = (entry for part in (parts if split else [root]) for entry in _entries(part))
    return {entry.name for entry in inner if entry.is_dir(follow_symlinks=False)}


def labelled_folders(root: Path, class_names: Sequence[str]) -> Listing:
    """Every file below a folder that is named like a class, at any depth.

    For sets with several wrapper folders: train/train/CLASS, more/CLASS. Other files, such as an
    unlabelled test set, are ignored.
    """
    files, labels, refused = [], [], []
    for entry in _tree(root):
        path = Path(entry.path)
        named = [part for part in path.relative_to(root).parts[:-1] if part in class_names]
        reason = _refusal(path, root, "train", depth=2)
        if named and reason:
            refused.append((str(path), reason))
        elif named:
            files.append(path)
            labels.append(named[-1])
    if not files:
        wanted = ", ".join(class_names)
        raise FileNotFoundError(f"{root} has no folders named {wanted} with files in them")
    return Listing(tuple(files), tuple(labels), ("",) * len(files), refused=tuple(refused))


def unlabelled_files(root: Path) -> Listing:
    """Every image below a folder without classes; of its folders only train, val, test count."""
    root = _descended(root)
    found = [(Path(e.path), _refusal(Path(e.path), root, "train", 2)) for e in _tree(root)]
    found = [(p, reason) for p, reason in found if reason or not p.suffix or may_be_image(p)]
    files = tuple(path for path, reason in found if not reason)
    parts = tuple(PARTS.get(path.relative_to(root).parts[0].lower(), "") for path in files)
    refused = tuple((str(path), reason) for path, reason in found if reason)
    return Listing(files, ("",) * len(files), parts, refused=refused)


def _refusal(path: Path, root: Path, part: str, depth: int) -> str:
    if path.is_symlink() and leaves_folder(path, root):
        return "link that leads out of its folder"
    if path.is_dir():
        return "link to a folder; not followed" if path.is_symlink() else "folder cannot be opened"
    if part.lower() not in PARTS:
        return "in no train, validation or test folder"
    return "" if depth > 1 else "in no class folder"


def table_files(path: Path, labelled: bool = True) -> Listing:
    """Columns path and label, and if known patient and split (train, validation, test).

    Relative paths start at the table and may not leave its folder; absolute ones may. Names
    that no file can have are refused; and rows without a label, if they have to be `labelled`.
    """
    table = read_table(path, tuple(PARTS))
    files = [path.parent / file for file in table["path"]]
    rows = zip(table["path"], table["label"], files, strict=True)
    reasons = [_row_refusal(n, label or not labelled, file, path.parent) for n, label, file in rows]
    listing = Listing(
        tuple(files),
        tuple(table["label"]),
        tuple(PARTS.get(part, "") for part in table.get("split", [""] * len(table))),
        _patients(table.get("patient", ())),
        tuple((str(file), why) for file, why in zip(files, reasons, strict=True) if why),
        proposed=proposed_from(table),
    )
    return listing.take([row for row, reason in enumerate(reasons) if not reason])


def _row_refusal(named: str, label: str | bool, file: Path, folder: Path) -> str:
    if max(map(len, map(os.fsencode, file.parts))) > LONGEST_NAME:
        return f"a name of more than {LONGEST_NAME} bytes"
    if len(os.fsencode(file)) > LONGEST_PATH:
        return f"a path of more than {LONGEST_PATH} bytes"
    if not Path(named).is_absolute() and leaves_folder(file, folder):
        return "leads out of its folder"
    return "" if label else "no label"


def _patients(column) -> tuple[str, ...] | None:
    """An image without a patient is a patient of its own; None if all cells are empty."""
    if not any(column):
        return None
    return tuple(name or f"row {row}" for row, name in enumerate(column))


def leaves_folder(path: Path, folder: Path) -> bool:
    return not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def signature(source: Path) -> str:
    """Changes when a file is added, removed, moved, resized or written again; opens only tables."""
    if source.is_dir():
        facts = ((entry.path, entry.stat(follow_symlinks=False)) for entry in _tree(source))
    else:
        files = [source, *(table_files(source, False).files if is_table(source) else ())]
        facts = ((str(file), file.stat()) for file in files if os.path.exists(file))
    return short_digest(
        source, *(f"{name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in facts)
    )


def _descended(folder: Path) -> Path:
    """The first folder below that is no wrapper: one that holds only a folder of folders.

    A test set alone is no wrapper, and must not become training images.
    """
    while True:
        entries = _entries(folder)
        if len(entries) != 1 or not entries[0].is_dir(follow_symlinks=False):
            return folder
        if PARTS.get(entries[0].name.lower()) == "test":
            return folder
        inner = Path(entries[0].path)
        if not any(entry.is_dir() for entry in _entries(inner)):
            return folder
        folder = inner


def _entries(folder: Path) -> list[os.DirEntry]:
    with os.scandir(folder) as entries:
        visible = [e for e in entries if not e.name.startswith(".") and e.name.lower() not in JUNK]
    return sorted(visible, key=lambda entry: entry.name)


def _tree(folder: Path) -> Iterator[os.DirEntry]:
    """Every file below, every link to a folder and every locked folder, sorted by name."""
    pending = _entries(folder)[::-1]
    while pending:
        entry = pending.pop()
        inside = _inside(entry)
        if inside is None:
            yield entry
        else:
            pending += inside[::-1]


def _inside(entry: os.DirEntry) -> list[os.DirEntry] | None:
    """None for a file, a link, and a folder that may not be opened."""
    if not entry.is_dir(follow_symlinks=False):
        return None
    try:
        return _entries(Path(entry.path))
    except OSError:
        return None
