"""Malformed pictures: each is read or set aside with a reason, and none is dropped."""

import contextlib
import json
import random
import shutil
from functools import partial
from pathlib import Path

import numpy as np
from children import HOSTILE, do
from disturbances import REFUSALS, Campaign
from folders import picture
from PIL import Image

from utils.data import loading
from utils.data.listing import class_folders
from utils.data.reader import read_images


def images(place: Path, campaign: Campaign, share: float) -> None:
    """Valid files of every kind, each spoilt in one way, beside good ones."""
    rng = random.Random(campaign.seed)
    place.mkdir(parents=True)
    samples, count = _samples(place), max(20, round(1000 * share))
    shutil.rmtree(place / "classes", ignore_errors=True)
    for number in range(40):
        picture(place / "classes" / "ab"[number % 2] / f"good_{number}.png", number)
    for number in range(count):
        kind = rng.choice(sorted(samples))
        path = place / "classes" / rng.choice("ab") / f"bad_{number}.{kind.split('_')[0]}"
        path.write_bytes(_spoilt(samples[kind], rng))
    status, said = do(partial(_read_all, place), place.parent / "outcome")
    found = json.loads(said) if not status else {}
    for number in range(count):
        campaign.judge(
            f"bad_{number}" in found, f"image {number}: {said[:300] if status else 'lost'}"
        )
    for what in ("load", "audit"):
        status, said = do(partial(_whole_folder, place, what), place.parent / "outcome")
        refused = status == 1 and said.startswith(REFUSALS)
        campaign.judge(status == 0 or refused, f"{what} of all: {status}: {said[-600:]}")
    campaign.judge(not list(place.parent.rglob("CANARY")), "code was executed")


def _read_all(place: Path) -> str:
    """Where each file has gone: read, or set aside with a reason."""
    listing = class_folders(place / "classes")
    reading = read_images(listing.files, 32)
    gone = {Path(listing.files[k]).stem: "read" for k in reading.positions}
    gone |= {Path(file).stem: reason for file, reason in (*reading.quarantine, *listing.refused)}
    return json.dumps(gone)


def _whole_folder(place: Path, what: str) -> str:
    from utils.audit import audit

    loading.VARIABLES = place / "variables"
    if what == "audit":
        return audit(str(place / "classes"), size=32, out=place / "report").exit_code
    splits = loading.load(str(place / "classes"), 32)
    withheld = loading.manifest(str(place / "classes"), 32)
    return json.dumps([len(splits.train), len(withheld["quarantine"])])


def _samples(place: Path) -> dict[str, bytes]:
    grey = np.random.default_rng(0).integers(0, 255, (48, 40)).astype(np.uint8)
    plain, deep = Image.fromarray(grey), Image.fromarray(grey.astype(np.uint16) * 256)
    saved = {
        "png": (plain, {}), "png_deep": (deep, {}), "png_colour": (plain.convert("RGB"), {}),
        "png_palette": (plain.convert("P"), {}), "png_alpha": (plain.convert("RGBA"), {}),
        "jpg": (plain, {}), "jpg_progressive": (plain, {"progressive": True}), "bmp": (plain, {}),
        "tif": (plain, {"compression": "tiff_deflate"}), "tif_float": (plain.convert("F"), {}),
        "gif": (plain, {}), "webp": (plain.convert("RGB"), {}),
    }  # fmt: skip
    found = {}
    for name, (image, options) in saved.items():
        path = place / f"sample.{name.split('_')[0]}"
        image.save(path, **options)
        found[name] = path.read_bytes()
    with contextlib.suppress(ImportError):
        from pydicom.data import get_testdata_file

        found["dcm"] = Path(get_testdata_file("CT_small.dcm")).read_bytes()
    return found


def _spoilt(content: bytes, rng: random.Random) -> bytes:
    """Cut, zeroed, flipped, doubled, with rubbish in the middle, or something else altogether."""
    size, spoilt = len(content), bytearray(content)
    at, length = rng.randrange(size), rng.randrange(1, 64)
    way = rng.randrange(8)
    if way == 0:
        return bytes(spoilt[:at])
    if way == 1:
        spoilt[at : at + length] = bytes(len(spoilt[at : at + length]))
    elif way == 2:
        for _ in range(length):
            spoilt[rng.randrange(size)] ^= 1 << rng.randrange(8)
    elif way == 3:  # the header, where sizes and kinds stand
        for _ in range(3):
            spoilt[rng.randrange(min(64, size))] = rng.randrange(256)
    elif way == 4:
        spoilt[at:at] = rng.randbytes(length)
    elif way == 5:
        return bytes(spoilt) + rng.randbytes(length)
    elif way == 6:
        return rng.choice([b"", HOSTILE, b"GIF89a", b"%PDF-1.7", b"\0" * 300, rng.randbytes(999)])
    else:
        del spoilt[at : at + length]
    return bytes(spoilt)
