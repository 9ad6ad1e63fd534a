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


def zeros_to_the_end(content: bytes) -> bytes:
    """As after a power cut: the length is there, the data are not."""
    return content[: len(content) // 2].ljust(len(content), b"\0")


@pytest.mark.parametrize("damaged", [with_a_hole, cut_and_closed, zeros_to_the_end])
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


def test_zeros_after_the_end_of_a_jpeg_are_no_damage(tmp_path):
    assert not read_one(tmp_path, encoded(NOISE, "JPEG") + bytes(9000)).quarantine


def test_only_files_with_a_sign_are_decoded_twice(tmp_path, monkeypatch):
    monkeypatch.setattr(intact, "_libjpeg_warns", lambda content: pytest.fail("decoded twice"))
    assert not read_one(tmp_path, encoded(NOISE, "JPEG")).quarantine


def test_a_jpeg_of_many_scans_is_not_unpacked(tmp_path):
    content = encoded(NOISE, "JPEG", progressive=True)
    start = content.rindex(intact.SCAN)
    many = content[:-2] + 300 * content[start:-2] + content[-2:]
    assert "scans, the limit is 100" in why_not(tmp_path, many)


def tiff_of_jpegs(image: Image.Image) -> bytes:
    """Several strips, each a JPEG, whose tables stand at one place."""
    content = encoded(image, "TIFF", compression="jpeg", quality=90)
    tags = Image.open(io.BytesIO(content)).tag_v2
    assert tags[intact.COMPRESSION] == intact.JPEG and len(tags[273]) > 2 and tags[intact.TABLES]
    return content


def second_strip(content: bytes) -> tuple[int, int]:
    tags = Image.open(io.BytesIO(content)).tag_v2
    return tags[273][1], tags[279][1]


def hole_in_a_strip(content: bytes) -> bytes:
    return with_a_hole(content, second_strip(content)[0] + 5000)


def strip_cut_and_closed(content: bytes) -> bytes:
    start, length = second_strip(content)
    middle = start + length // 2
    return content[:middle] + intact.END + content[middle + 2 :]


def strip_of_zeros_from_the_middle(content: bytes) -> bytes:
    start, length = second_strip(content)
    return (
        content[:start]
        + zeros_to_the_end(content[start : start + length])
        + content[start + length :]
    )


@pytest.mark.parametrize(
    "damaged", [hole_in_a_strip, strip_cut_and_closed, strip_of_zeros_from_the_middle]
)
@pytest.mark.parametrize("image", [NOISE, COLOUR], ids=["grey", "colour"])
def test_damaged_jpeg_data_inside_a_tiff_are_set_aside(damaged, image, tmp_path):
    content = tiff_of_jpegs(image)
    assert not read_one(tmp_path, content).quarantine
    Image.open(io.BytesIO(damaged(content))).load()  # Pillow says nothing
    assert "part of the JPEG data is missing" in why_not(tmp_path, damaged(content))


def test_intact_jpeg_data_inside_a_tiff_are_read_whatever_their_corners(tmp_path, monkeypatch):
    """All of their corners look suspicious; one process decodes them."""
    levels, calls, warns = LEVELS.copy(), [], intact._libjpeg_warns
    levels[:, -64:] = 128
    monkeypatch.setattr(intact, "_libjpeg_warns", lambda all_: calls.append(all_) or warns(all_))
    assert not read_one(tmp_path, tiff_of_jpegs(Image.fromarray(levels))).quarantine
    assert len(calls) == 1 and len(calls[0]) > 2


@pytest.mark.parametrize("tile", [None, (64, 64)])
@pytest.mark.parametrize("kind", ["uint8", "uint16"])
def test_a_damaged_deflated_tiff_is_set_aside(kind, tile, tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, LEVELS.astype(kind), compression="zlib", tile=tile)
    content = path.read_bytes()
    assert not read_one(tmp_path, content).quarantine
    assert why_not(tmp_path, with_a_hole(content))
