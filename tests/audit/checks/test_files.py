"""Unreadable files, formats and the balance of classes."""

import os
import struct

import numpy as np
import pandas as pd
import pytest
import torch
from folders import NONE_REFUSED, picture, two_classes
from PIL import Image

from utils.audit import CHECKS, audit
from utils.audit.folder import ImageFolder

HOSTILE = {
    "empty": b"",
    "text": b"Dear colleague",
    "pickle": b"\x80\x04cos\nsystem\n(S'touch PWNED'\ntR.",
    "archive": b"PK\x03\x04" + bytes(200),
    "half": None,
    "bomb": None,
    "nan": None,
}


@pytest.fixture
def hostile(tmp_path):
    folder = two_classes(tmp_path / "<script>alert(1)</script>")
    whole = picture(tmp_path / "x.bmp").read_bytes()
    bomb = whole[:18] + struct.pack("<ii", 40_000, 40_000) + whole[26:]
    contents = HOSTILE | {"half": whole[: len(whole) // 2], "bomb": bomb}
    for name, content in contents.items():
        (folder / "a" / f"{name}.png").write_bytes(content or b"")
    Image.fromarray(np.full((8, 8), np.nan, np.float32)).save(folder / "a/nan.tif")
    (folder / "a/leads_out.png").symlink_to(tmp_path / "x.bmp")
    (folder / "a" / os.fsdecode(b"\xff<b>.png")).write_bytes(b"no picture")
    os.mkfifo(folder / "b/pipe.png")
    return folder


def test_hostile_files_are_refused_with_reasons_and_run_no_code(hostile, tmp_path, cache):
    found = audit(f"folder:{hostile}", size=32, out=tmp_path / "report")
    assert len(found.folder) == 6 and found["Unreadable files"].severity == "alarm"
    reasons = dict(found["Unreadable files"].table.itertuples(index=False))
    assert len(reasons) == len(HOSTILE) + 4 and all(reasons.values())
    assert not list(tmp_path.rglob("PWNED")) and not os.path.exists("PWNED")
    page = found.page.read_text()
    assert "<script>alert" not in page and "<b>.png" not in page


@pytest.mark.parametrize(
    ("counts", "measured"),
    [
        ({"": (12, 12)}, "No class has fewer than 10 images."),
        ({"": (12, 9)}, "1 class has fewer than 10 images."),
        ({"train": (12, 12), "test": (10, 10)}, "No class has fewer than 10 images in any part."),
        ({"train": (12, 12), "test": (0, 9)}, "2 classes have fewer than 10 images in some part; "
         "1 class has none in some part."),
    ],
)  # fmt: skip
def test_classes_with_few_images_are_counted(counts, measured):
    rows = [
        (part, "ab"[n]) for part, each in counts.items() for n in (0, 1) for _ in range(each[n])
    ]
    facts = pd.DataFrame(rows, columns=["part", "label"])
    images = torch.zeros(len(rows), 1, 32, 32, dtype=torch.uint8)
    found = CHECKS["Class balance"](ImageFolder("x", facts, images, NONE_REFUSED, ("a", "b")))
    assert found.measured.endswith(measured)


def test_an_unreadable_class_does_not_stop_the_audit(tmp_path, cache):
    for n in range(60):
        picture(tmp_path / "f/a" / f"{n}.png", n)
    (tmp_path / "f/b").mkdir()
    (tmp_path / "f/b/x.png").write_bytes(b"no image")
    found = audit(f"folder:{tmp_path / 'f'}", size=32, out=tmp_path / "r")
    assert found["Shortcuts"].severity == "skipped" and found["Class balance"].severity == "warning"


def test_a_link_to_a_folder_is_no_class(tmp_path, cache):
    folder = two_classes(tmp_path / "f")
    os.symlink(folder / "a", folder / "latest")
    found = audit(f"folder:{folder}", size=32, out=tmp_path / "r")["Class balance"]
    assert found.measured.startswith("2 classes")


@pytest.mark.parametrize("part", ["", "train"])
def test_an_empty_class_folder_is_reported(part, tmp_path, cache):
    folder = two_classes(tmp_path / "f" / part)
    (folder / "c").mkdir()
    found = audit(f"folder:{tmp_path / 'f'}", size=32, out=tmp_path / "r")["Class balance"]
    assert found.severity == "warning" and "3 classes" in found.measured


@pytest.mark.parametrize(("unlabelled", "severity"), [(0, "ok"), (2, "note"), (12, "warning")])
def test_missing_labels_are_no_pass(unlabelled, severity):
    facts = pd.DataFrame({"part": "", "label": ["a", "b"] * 30})
    facts.loc[: unlabelled - 1, "label"] = ""
    images = torch.zeros(60, 1, 32, 32, dtype=torch.uint8)
    found = CHECKS["Class balance"](ImageFolder("x", facts, images, NONE_REFUSED, ("a", "b")))
    assert found.severity == severity and ("missing labels" in found.advice) == bool(unlabelled)


def test_a_locked_folder_is_graver_than_a_file():
    """It counts as one file, but an unknown number of images is behind it."""
    reasons = {"folder cannot be opened": "alarm", "empty file": "warning"}
    facts = pd.DataFrame({"file": [f"/f/{n}.png" for n in range(60)]})
    for reason, severity in reasons.items():
        refused = pd.DataFrame({"file": ["/f/c"], "reason": [reason]})
        images = torch.zeros(60, 1, 32, 32, dtype=torch.uint8)
        found = CHECKS["Unreadable files"](ImageFolder("x", facts, images, refused, ()))
        assert found.severity == severity and found.table["file"].tolist() == ["c"]
        assert ("unknown number of files" in found.measured) == (severity == "alarm")
