"""Foreign files: what is read, how, and what is set aside with which reason."""

import os
import struct
import time

import numpy as np
import pytest
import torch
from file_samples import GREY, RAMP, encoded, read_one, sixteen
from PIL import Image

from utils.data import image_files
from utils.data.formats import limits, pictures
from utils.data.reader import read_images

BLANK = Image.new("L", (9, 9), 7)
EIGHT_BIT = {
    "jpeg": encoded(GREY, "JPEG", quality=98),
    "png": encoded(GREY, "PNG"),
    "bmp": encoded(GREY, "BMP"),
    "tiff": encoded(GREY, "TIFF"),
    "tiff, compressed": encoded(GREY, "TIFF", compression="tiff_lzw"),
    "png, palette": encoded(GREY.convert("P"), "PNG"),
    "png, grey as colour": encoded(GREY.convert("RGB"), "PNG"),
    "jpeg, printer's colours": encoded(GREY.convert("CMYK"), "JPEG", quality=98),
    "png, opaque alpha": encoded(GREY.convert("RGBA"), "PNG"),
    "png, 16 bit": encoded(sixteen(RAMP * 16), "PNG"),
    "tiff, 12 of 16 bit": encoded(sixteen(RAMP * 16), "TIFF"),
    "tiff, 16 bit with an offset": encoded(sixteen(RAMP * 10 + 30000), "TIFF"),
    "tiff, 32 bit": encoded(Image.fromarray((RAMP * 1000).astype(np.int32)), "TIFF"),
    "tiff, float": encoded(Image.fromarray((RAMP / 255).astype(np.float32)), "TIFF"),
    "tiff, white is zero": encoded(sixteen(4080 - RAMP * 16), "TIFF", tiffinfo={262: 0}),
}


@pytest.mark.parametrize("kind", EIGHT_BIT)
def test_every_format_gives_the_same_picture_whatever_its_name(kind, tmp_path):
    reading = read_one(tmp_path, EIGHT_BIT[kind])
    assert reading.quarantine == () and reading.positions == (0,)
    assert reading.images.shape == (1, 1, 64, 64) and reading.images.dtype == torch.uint8
    assert np.abs(reading.images[0, 0].numpy() - RAMP).max() <= 3


def claimed(width: int, height: int) -> bytes:
    header = bytearray(encoded(GREY, "BMP"))
    header[18:26] = struct.pack("<ii", width, height)
    return bytes(header)


HOSTILE = {
    "empty": (b"", "empty file"),
    "text": (b"Dear colleague", "not an image"),
    "archive": (b"PK\x03\x04" + bytes(200), "not an image"),
    "cut in half": (EIGHT_BIT["jpeg"][:900], "cannot be decoded"),
    "cut png": (EIGHT_BIT["png"][:100], "cannot be decoded"),
    "only a header": (EIGHT_BIT["tiff"][:8], "not an image"),
    "bomb": (claimed(12_000, 12_000), "12000 x 12000 pixels"),
    "bomb that Pillow refuses": (claimed(40_000, 25_000), "too many pixels"),
    "two blank pages": (
        encoded(BLANK, "TIFF", save_all=True, append_images=[BLANK]),
        "each of its 2 images",
    ),
    "animated": (encoded(GREY, "PNG", save_all=True, append_images=[GREY.rotate(90)]), "2 frames"),
    "animated gif": (encoded(GREY, "GIF"), "not an image"),
    "NaN": (encoded(Image.fromarray(np.full((8, 8), np.nan, np.float32)), "TIFF"), "NaN"),
    "infinite": (encoded(Image.fromarray(np.full((8, 8), np.inf, np.float32)), "TIFF"), "NaN"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_cannot_be_read_is_set_aside_and_the_rest_goes_on(case, tmp_path, recwarn):
    content, reason = HOSTILE[case]
    (tmp_path / "bad.png").write_bytes(content)
    GREY.save(tmp_path / "good.png")
    files = [tmp_path / "bad.png", tmp_path / "good.png", tmp_path / "absent.png"]
    reading = read_images(files, 32, 1)
    assert reading.positions == (1,) and len(reading.images) == 1
    (bad, why), (absent, missing) = reading.quarantine
    assert bad.endswith("bad.png") and reason in why
    assert absent.endswith("absent.png") and "cannot be opened" in missing
    assert not [w for w in recwarn if "PIL" in str(w.filename)]


def test_folders_pipes_and_giants_are_not_opened(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe.png")  # reading it would wait for ever
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "giant.png").write_bytes(bytes(2000))
    monkeypatch.setattr(image_files, "BYTE_LIMIT", 1000)
    reading = read_images(sorted(tmp_path.iterdir()), 16, 1)
    assert [reason.split(",")[0] for _, reason in reading.quarantine] == [
        "not a regular file",
        "2",
        "not a regular file",
    ]


def test_large_images_are_unpacked_one_at_a_time(tmp_path, monkeypatch):
    at_once, most = [], []

    def unpacked(image, pages):
        at_once.append(image)
        most.append(len(at_once))
        time.sleep(0.01)
        at_once.pop()
        yield image

    for number in range(12):
        GREY.resize((64, 64)).save(tmp_path / f"{number}.png")
    monkeypatch.setattr(pictures, "_shallow_pages", unpacked)
    monkeypatch.setattr(limits, "LARGE", 64 * 64 - 1)
    assert len(read_images(sorted(tmp_path.iterdir()), 16, 1).images) == 12
    assert len(most) == 12 and max(most) == 1


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="may read everything")
def test_a_forbidden_file_is_set_aside(tmp_path):
    GREY.save(tmp_path / "secret.png")
    (tmp_path / "secret.png").chmod(0)
    assert "Permission denied" in read_images([tmp_path / "secret.png"], 16).quarantine[0][1]


def test_nothing_at_all_gives_an_empty_reading():
    reading = read_images([], 16)
    assert len(reading.images) == 0 and reading.quarantine == ()


def test_constant_wide_images_become_black_and_not_an_error(tmp_path):
    reading = read_one(tmp_path, encoded(sixteen(np.full((8, 8), 700)), "PNG"))
    assert reading.images.max() == 0 and not reading.quarantine


def test_transparent_parts_become_black(tmp_path):
    image = Image.new("RGBA", (8, 8), (255, 255, 255, 0))
    image.paste((200, 200, 200, 255), (0, 0, 4, 8))
    reading = read_one(tmp_path, encoded(image, "PNG"), size=8)
    assert (reading.images[0, 0, :, :3] == 200).all() and (reading.images[0, 0, :, 5:] == 0).all()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_a_rotated_photograph_is_turned_upright(kind, tmp_path):
    exif = Image.Exif()
    exif[274] = 6  # the camera was held upright
    image = GREY if kind != "TIFF" else sixteen(RAMP * 16)
    upright = read_one(
        tmp_path, encoded(image.transpose(Image.Transpose.ROTATE_90), kind, exif=exif)
    )
    assert np.abs(upright.images[0, 0].numpy() - RAMP).max() <= 4


def test_shrinking_averages_instead_of_picking_pixels(tmp_path):
    stripes = np.zeros((256, 256), np.uint8)
    stripes[:, ::2] = 255
    reading = read_one(tmp_path, encoded(Image.fromarray(stripes), "PNG"), size=32)
    assert (reading.images.float() - 127.5).abs().max() <= 2


def test_a_large_jpeg_is_decoded_small_and_looks_the_same(tmp_path):
    large = GREY.resize((1600, 1600), Image.Resampling.BICUBIC)
    quick = read_one(tmp_path, encoded(large, "JPEG", quality=95), size=64).images
    exact = read_one(tmp_path, encoded(large, "PNG"), size=64).images
    assert (quick.int() - exact.int()).abs().max() <= 3


def test_colour_is_kept_only_where_there_is_some(tmp_path):
    GREY.convert("RGB").save(tmp_path / "a.png")
    assert read_images([tmp_path / "a.png"], 16).images.shape[1] == 1
    Image.new("RGB", (8, 8), (200, 0, 0)).save(tmp_path / "b.png")
    images = read_images([tmp_path / "a.png", tmp_path / "b.png"], 16).images
    assert images.shape[1] == 3 and tuple(images[1, :, 0, 0]) == (200, 0, 0)


def test_the_digest_follows_the_content_and_not_the_name(tmp_path):
    first = read_one(tmp_path, EIGHT_BIT["png"], name="a.png").digest
    assert first == read_one(tmp_path, EIGHT_BIT["png"], name="b.png").digest
    assert first != read_one(tmp_path, EIGHT_BIT["bmp"], name="a.png").digest


def test_grey_is_spread_over_three_channels_beside_colour():
    levels = np.arange(64, dtype=np.uint8).reshape(1, 1, 8, 8)
    grey, colour = image_files.of_one_width([levels, np.zeros((2, 3, 8, 8), np.uint8)])
    assert grey.shape == (1, 3, 8, 8) and (grey == levels).all() and colour.shape == (2, 3, 8, 8)
    assert image_files.of_one_width([levels])[0].shape == levels.shape
