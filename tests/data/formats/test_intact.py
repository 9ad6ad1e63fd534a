"""Damage that Pillow reads over is noticed; intact files with the same signs are read."""

import io

import numpy as np
import pytest
import tifffile
from file_samples import encoded, read_one, why_not
from PIL import Image

from utils.data.formats import intact

LEVELS = np.random.default_rng(0).integers(0, 256, (600, 600), dtype=np.uint8)
NOISE = Image.fromarray(LEVELS)
COLOUR = Image.merge("RGB", [NOISE, NOISE.rotate(90), NOISE.rotate(180)])


def with_a_hole(content: bytes, start: int = 20_000) -> bytes:
    return content[:start] + bytes(4096) + content[start + 4096 :]


def cut_and_closed(content: bytes) -> bytes:
    return content[: len(content) // 2] + b"\xff\xd9"


@pytest.mark.parametrize("damaged", [with_a_hole, cut_and_closed])
@pytest.mark.parametrize("image", [NOISE, COLOUR], ids=["grey", "colour"])
@pytest.mark.parametrize("size", [64, 600])
def test_a_damaged_jpeg_is_set_aside(damaged, image, size, tmp_path):
    content = encoded(image, "JPEG", quality=90)
    Image.open(io.BytesIO(damaged(content))).load()  # Pillow says nothing
    assert "part of the JPEG data is missing" in why_not(tmp_path, damaged(content), size=size)


def test_no_module_of_the_current_folder_is_run(tmp_path, monkeypatch):
    for name in ("cv2", "numpy"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'executed')!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    content = with_a_hole(encoded(NOISE, "JPEG", quality=90))
    assert "part of the JPEG data is missing" in why_not(tmp_path, content)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"optimize": True}])
def test_an_intact_jpeg_is_read_whatever_its_corner(options, tmp_path):
    levels = LEVELS.copy()
    levels[-64:] = 128
    content = encoded(Image.fromarray(levels), "JPEG", quality=90, **options)
    assert not read_one(tmp_path, content).quarantine


def test_an_intact_jpeg_with_a_long_run_of_zeros_is_read(tmp_path):
    black = np.zeros((4000, 4000), np.uint8)
    black[-400:, -600:] = LEVELS[:400]
    content = encoded(Image.fromarray(black), "JPEG", quality=90, optimize=True)
    assert intact.HOLE[:2000] in content
    assert not read_one(tmp_path, content).quarantine


def test_only_files_with_a_sign_are_decoded_twice(tmp_path, monkeypatch):
    monkeypatch.setattr(intact, "_libjpeg_warns", lambda content: pytest.fail("decoded twice"))
    assert not read_one(tmp_path, encoded(NOISE, "JPEG")).quarantine


def test_a_jpeg_of_many_scans_is_not_unpacked(tmp_path):
    content = encoded(NOISE, "JPEG", progressive=True)
    start = content.rindex(intact.SCAN)
    many = content[:-2] + 300 * content[start:-2] + content[-2:]
    assert "scans, the limit is 100" in why_not(tmp_path, many)


@pytest.mark.parametrize("tile", [None, (64, 64)])
@pytest.mark.parametrize("kind", ["uint8", "uint16"])
def test_a_damaged_deflated_tiff_is_set_aside(kind, tile, tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, LEVELS.astype(kind), compression="zlib", tile=tile)
    content = path.read_bytes()
    assert not read_one(tmp_path, content).quarantine
    assert why_not(tmp_path, with_a_hole(content))
