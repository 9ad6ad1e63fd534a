"""A keyed manifest of a delivery: which files have changed, are missing or are new since then?

Each file has a code that only the holder of the key can compute (HMAC-SHA256), and so has the
manifest. An attacker who changes a file, or exchanges it for another, cannot make it fit.
"""

import hmac
import json
import os
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from utils.audit.finding import Finding, count_of
from utils.audit.folder import ImageFolder
from utils.files import write_json

TITLE = "Manifest"
FILE = "manifest.json"
LEAST_KEY = 16  # bytes
METHOD = "HMAC-SHA256"
PIECE = 2**20  # bytes that are read at once


def read_key(path: str | Path) -> bytes:
    """The key, from a file of your own that lies apart from the images."""
    place = Path(path).expanduser()
    advice = f"make one: head -c 32 /dev/urandom > {place}; keep it apart from the images"
    try:
        key = place.read_bytes()
    except OSError as error:
        raise ValueError(f"no key in {place} ({error.strerror}); {advice}") from None
    if len(key) < LEAST_KEY:
        raise ValueError(f"{place} holds {len(key)} bytes, at least {LEAST_KEY} needed; {advice}")
    return key


def file_codes(folder: ImageFolder, key: bytes) -> dict[str, str]:
    """The code of every file, those that were refused included, by its path in the folder."""
    files = sorted({*folder.files, *folder.refused["file"]})
    paths = [file for file in files if os.path.isfile(file)]
    return {path.removeprefix(folder.base): _code_of_file(path, key) for path in paths}


def check_manifest(folder: ImageFolder, key: bytes, place: Path) -> Finding:
    """Compare the files with the manifest in `place`; write it if there is none."""
    codes = file_codes(folder, key)
    if not place.exists():
        write_json(place, _signed(codes, key))
        return Finding(
            "note",
            f"{count_of(len(codes), 'file')} written down with the key in {FILE}.",
            "The next audit into this folder with the same key compares the files with it.",
            "Keep the key apart from the images, and the manifest with the report.",
            title=TITLE,
        )
    before = _read(place)
    if not _is_ours(before, key):
        return Finding(
            "alarm",
            f"{FILE} does not fit the key: it was changed, or made with another key.",
            "So the files cannot be compared with it.",
            f"Find out which. To begin anew, delete {FILE}.",
            title=TITLE,
        )
    return _compared(folder, before["files"], codes)


def _compared(folder: ImageFolder, before: Mapping[str, str], now: Mapping[str, str]) -> Finding:
    changes = {
        "changed": [path for path in now if path in before and now[path] != before[path]],
        "missing": [path for path in before if path not in now],
        "new": [path for path in now if path not in before],
    }
    rows = [(what, path) for what, paths in changes.items() for path in paths]
    if not rows:
        return Finding("ok", f"All {count_of(len(now), 'file')} are as written down.", title=TITLE)
    counts = ", ".join(f"{len(paths)} {what}" for what, paths in changes.items() if paths)
    places = {path: row for row, path in enumerate(folder.relative_files)}
    found = {places[path]: what for what, path in rows if path in places}
    return Finding(
        "alarm" if changes["changed"] or changes["missing"] else "warning",
        f"Since the manifest was written: {counts}.",
        "A changed file is another image under the same name, whatever its date says.",
        f"Get the files again from their source. To accept them as they are, delete {FILE}.",
        pd.DataFrame(rows, columns=["what", "file"]),
        tuple(found),
        tuple(found.values()),
        title=TITLE,
    )


def _signed(codes: Mapping[str, str], key: bytes) -> dict:
    return {"method": METHOD, "files": dict(codes), "code": _code_of_text(codes, key)}


def _is_ours(manifest: Mapping, key: bytes) -> bool:
    return hmac.compare_digest(str(manifest["code"]), _code_of_text(manifest["files"], key))


def _read(place: Path) -> dict:
    try:
        found = json.loads(place.read_text(encoding="utf-8"))
        if {"files", "code"} <= set(found) and isinstance(found["files"], dict):
            return found
        raise ValueError("files and code needed")
    except (OSError, ValueError, TypeError) as error:
        raise ValueError(f"{place} is no manifest ({error}); delete it to begin anew") from None


def _code_of_text(codes: Mapping[str, str], key: bytes) -> str:
    text = json.dumps(sorted(codes.items())).encode("utf-8", "surrogateescape")
    return hmac.digest(key, b"manifest " + text, "sha256").hex()


def _code_of_file(path: str, key: bytes) -> str:
    code = hmac.new(key, b"file ", "sha256")
    with open(path, "rb") as file:
        while piece := file.read(PIECE):
            code.update(piece)
    return code.hexdigest()
