"""Pictures: turned upright, pages, colour profiles, and numbers that Pillow does not see."""

import zlib

import cv2
import numpy as np
import pytest
import tifffile
import torch
from file_samples import GREY, RAMP, deep_png, encoded, read_one, sixteen, why_not
from PIL import Image, ImageCms

from utils.data.formats.reading import Reading

# What a picture has to go through so that EXIF's 2 to 8 undo it.
TURNED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
KINDS = {
    "grey": (lambda image: image, "PNG", 8),
    "transparent": (lambda image: image.convert("RGBA"), "PNG", 8),
    "palette": (lambda image: image.convert("P"), "PNG", 8),
    "grey, 16 bit": (lambda image: sixteen(np.asarray(image)), "PNG", 8),
    "TIFF, 16 bit": (lambda image: sixteen(np.asarray(image)), "TIFF", 8),
    "TIFF, fractions": (lambda image: Image.fromarray(np.float32(image)), "TIFF", 16),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("orientation", TURNED)
def test_every_kind_is_turned_upright(kind, orientation, tmp_path):
    change, file, depth = KINDS[kind]
    exif = Image.Exif()
    exif[274] = orientation
    content = encoded(change(GREY.transpose(TURNED[orientation])), file, exif=exif)
    image = read_one(tmp_path, content, reading=Reading(depth)).images[0, 0].numpy()
    assert np.abs(image / (2**depth - 1) - RAMP / 255).max() <= 0.01


def test_deep_grey_with_transparency_is_stretched_where_it_is_opaque(tmp_path):
    levels = np.zeros((64, 64, 2), np.uint16)
    levels[..., 0], levels[..., 1] = RAMP * 16, 65535  # 12 bits in 16
    levels[:8, :, 0], levels[:8, :, 1] = 60_000, 0
    image = read_one(tmp_path, deep_png(levels)).images[0, 0].numpy()
    assert (image[:8] == 0).all()
    inside = RAMP[8:]
    stretched = 255 * (inside - inside.min()) / (inside.max() - inside.min())
    assert np.abs(image[8:] - stretched).max() <= 1


@pytest.mark.parametrize("channels", [3, 4])
def test_deep_colour_keeps_its_depth_where_it_is_wanted(channels, tmp_path):
    levels = np.random.default_rng(0).integers(0, 65536, (32, 32, channels)).astype(np.uint16)
    levels[..., 3:] = 65535
    content = deep_png(levels)
    deep = read_one(tmp_path, content, 32, 3, reading=Reading(16)).images[0].permute(1, 2, 0)
    assert deep.dtype == torch.uint16 and (deep.numpy() == levels[..., :3]).all()
    shallow = read_one(tmp_path, content, 32, 3).images[0].permute(1, 2, 0).numpy()
    assert (shallow == levels[..., :3] >> 8).all()


def test_deep_colour_of_tiff_is_that_of_tifffile(tmp_path):
    levels = np.random.default_rng(0).integers(0, 65536, (32, 32, 3)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", levels, photometric="rgb")
    content = (tmp_path / "a.tif").read_bytes()
    deep = read_one(tmp_path, content, 32, 3, reading=Reading(16)).images[0].permute(1, 2, 0)
    assert (deep.numpy() == levels).all()


NUMBERS = {  # each a ramp from its darkest to its brightest level
    "uint32, above 2^31": np.linspace(2**31 - 5e8, 2**31 + 5e8, 64 * 64),
    "int8": np.linspace(-128, 127, 64 * 64),
    "int16": np.linspace(-20_000, 20_000, 64 * 64),
    "int32": np.linspace(-(2**30), 2**30, 64 * 64),
    "uint16": np.linspace(100, 60_000, 64 * 64),
    "float32": np.linspace(-0.5, 0.5, 64 * 64),
}


@pytest.mark.parametrize("kind", NUMBERS)
def test_numbers_mean_what_tifffile_has_written(kind, tmp_path):
    levels = NUMBERS[kind].reshape(64, 64).astype(kind.partition(",")[0])
    tifffile.imwrite(tmp_path / "a.tif", levels)
    image = read_one(tmp_path, (tmp_path / "a.tif").read_bytes()).images[0, 0].numpy()
    assert np.abs(image.astype(int) - RAMP).max() <= 1


def test_pages_are_images_in_one_window_and_smaller_copies_are_passed_over(tmp_path):
    stack = np.stack([RAMP * 4, RAMP * 8, np.full_like(RAMP, 3)]).astype(np.uint16)
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for page in stack:
            file.write(page)
        file.write(stack[0, ::2, ::2], subfiletype=1)
    found = read_one(tmp_path, (tmp_path / "a.tif").read_bytes())
    assert found.frames == (0, 1) and found.positions == (0, 0)
    (row,) = found.facts.itertuples()
    assert (row.frames, row.blank) == (2, 1) and row.patient
    assert np.abs(found.images[:, 0].numpy() - stack[:2] * (255 / stack.max())).max() <= 1


def test_pages_of_colour_and_of_several_sizes_are_read(tmp_path):
    colour = Image.merge("RGB", [GREY, GREY.rotate(90), GREY.rotate(180)])
    content = encoded(colour, "TIFF", save_all=True, append_images=[colour.resize((99, 33))])
    found = read_one(tmp_path, content, 32, 3)
    assert found.frames == (0, 1) and found.images.shape == (2, 3, 32, 32)


def test_pages_of_several_depths_are_set_aside(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write((RAMP * 9).astype(np.uint16))
        file.write(RAMP.astype(np.uint8))
    reason = why_not(tmp_path, (tmp_path / "a.tif").read_bytes())
    assert reason == "page 2 has another depth than the first"


def profile(name: str) -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(name)).tobytes()


def swapped_profile() -> bytes:
    """sRGB with the words changed and the columns of red and blue exchanged: a profile whose
    effect is seen at once."""
    content = bytearray(profile("sRGB"))
    tags = {
        bytes(content[at : at + 4]): at
        for at in range(132, 132 + 12 * int.from_bytes(content[128:132], "big"), 12)
    }
    red, blue = tags[b"rXYZ"], tags[b"bXYZ"]
    content[red : red + 4], content[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(content).replace("sRGB".encode("utf-16-be"), "mine".encode("utf-16-be"))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_a_colour_profile_is_applied(kind, tmp_path):
    image = Image.new("RGB", (16, 16), (200, 40, 90))
    options = {"quality": 95} if kind == "JPEG" else {}
    content = encoded(image, kind, icc_profile=swapped_profile(), **options)
    found = read_one(tmp_path, content, 16, 3)
    assert np.abs(found.images[0, :, 8, 8].int().numpy() - (90, 40, 200)).max() <= 3
    assert found.facts["levels"][0].startswith("colour profile applied: mine")


@pytest.mark.parametrize("clear", [False, True])
def test_the_colours_of_a_palette_have_the_profile_too(clear, tmp_path):
    image = Image.new("P", (16, 16), 1)
    image.putpalette([0, 0, 0, 200, 40, 90])
    options = {"transparency": 0} if clear else {}
    content = encoded(image, "PNG", icc_profile=swapped_profile(), **options)
    found = read_one(tmp_path, content, 16, 3)
    assert np.abs(found.images[0, :, 8, 8].int().numpy() - (90, 40, 200)).max() <= 3
    assert found.facts["levels"][0].startswith("colour profile applied: mine")


@pytest.mark.parametrize(("depth", "said"), [(8, "profile applied: mine"), (16, "not applied")])
def test_where_sixteen_bits_of_colour_keep_their_profile_it_is_said(depth, said, tmp_path):
    levels = np.full((16, 16, 3), (90, 40, 200), np.uint16) * 257  # blue, green, red
    plain = cv2.imencode(".png", levels)[1].tobytes()
    content = with_png_profile(plain, swapped_profile())
    found = read_one(tmp_path, content, 16, 3, reading=Reading(depth))
    assert said in found.facts["levels"][0]
    red, blue = found.images[0].int()[[0, 2], 8, 8] // 257 ** (depth // 16)
    assert (red > blue) == (depth == 16)


def with_png_profile(content: bytes, profile: bytes) -> bytes:
    """The same PNG with a colour profile after its header (PNG specification, iCCP)."""
    chunk = b"iCCP" + b"mine\0\0" + zlib.compress(profile)
    length, check = (n.to_bytes(4, "big") for n in (len(chunk) - 4, zlib.crc32(chunk)))
    return content[:33] + length + chunk + check + content[33:]


@pytest.mark.parametrize("content", [profile("sRGB"), b"no profile", profile("LAB")])
def test_the_usual_profile_and_unfit_ones_change_nothing(content, tmp_path):
    image = Image.new("RGB", (16, 16), (200, 40, 90))
    found = read_one(tmp_path, encoded(image, "PNG", icc_profile=content), 16, 3)
    assert found.images[0, :, 8, 8].tolist() == [200, 40, 90]
    assert found.facts["levels"][0] == "8 bits as stored"


def test_the_profile_of_a_screen_does_not_change_grey(tmp_path):
    found = read_one(tmp_path, encoded(GREY, "PNG", icc_profile=swapped_profile()))
    assert (found.images[0, 0].numpy() == np.asarray(GREY)).all()


def test_eight_bits_in_sixteen_are_the_same_shares(tmp_path):
    deep = read_one(tmp_path, encoded(GREY, "PNG"), reading=Reading(16)).images[0, 0].numpy()
    assert (deep == 257 * np.asarray(GREY).astype(int)).all()


def test_an_average_of_grey_levels_keeps_its_fraction_in_sixteen_bits(tmp_path):
    stripes = np.zeros((256, 256), np.uint8)
    stripes[:, ::4] = 1
    deep = read_one(tmp_path, encoded(Image.fromarray(stripes), "PNG"), 32, reading=Reading(16))
    inner = deep.images[0, 0].numpy()[4:-4, 4:-4]
    assert np.abs(inner / 257 - 0.25).max() <= 0.05
