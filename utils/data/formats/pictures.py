"""JPEG, PNG, BMP and TIFF: one image, or each page of a TIFF.

- turned upright as the EXIF entry says; transparent parts become black;
- colour profiles other than sRGB are applied; those of grey images describe a screen, and are not;
  nor are those of colour of which 16 bits are kept, because Pillow turns 8 bits into sRGB;
- pages of a TIFF that are smaller copies or masks of another page are passed over.
"""

import math
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from functools import partial
from io import BytesIO

import cv2
import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from utils.data.formats.intact import check_jpeg, check_tiff
from utils.data.formats.levels import AS_STORED, DeepImage, Frames, deep_frames, range_of
from utils.data.formats.limits import PIXEL_LIMIT, check_frames, check_size
from utils.data.formats.reading import Reading, Unreadable

FORMATS = ("JPEG", "PNG", "BMP", "TIFF")
KIND, BITS, WHITE_IS_ZERO, NUMBERS = 254, 258, 262, 339  # entries of a TIFF
SMALLER_COPY, MASK = 1, 4  # of KIND
UNSIGNED, SIGNED = 1, 2  # of NUMBERS
PNG_BITS, PNG_KIND = 24, 25  # places in the file
PNG_CHANNELS = {4: 2, 2: 3, 6: 4}  # by kind: grey with transparency, colour, both
COLOUR_16, UNAPPLIED = "16 bits of colour as stored", ", its colour profile not applied"
ORIENTATION = 274  # in EXIF; each of 2 to 8 is undone by:
UPRIGHT = {
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: np.rot90(image, -1),
    7: lambda image: image[::-1, ::-1].swapaxes(0, 1),
    8: lambda image: np.rot90(image),
}


def picture(content: bytes, size: int, channels: int, reading: Reading, turn: ExitStack) -> Frames:
    """What a picture file holds; large JPEGs are unpacked at least twice as large as `size`."""
    image = _opened(content)
    full = image.size
    check_size(*full)
    pages, largest = _pages(image)
    if image.format in ("JPEG", "MPO"):
        grey = channels == 1 and not _profile(image)
        image.draft("L" if grey else "RGB", (2 * size, 2 * size))  # 1/2, 1/4 or 1/8
        largest = image.size
    check_frames(len(pages), *largest, turn)
    _check_intact(content, image, full, pages)
    if (deep := _deep_by_opencv(content, image, pages, reading)) is not None:
        return _deep_or_colour(deep, reading, bool(_profile(image)))
    if _is_deep(image):
        again = partial(_deep_pages, image, pages)
        return deep_frames(len(pages), again, reading, lambda: range_of(_deep(image).levels.dtype))
    return Frames(len(pages), _shallow_pages(image, pages), _name_of(image))


def _opened(content: bytes) -> Image.Image:
    try:
        return Image.open(BytesIO(content), formats=FORMATS)  # reads the header only
    except UnidentifiedImageError:
        known = f"{', '.join(FORMATS)}, DICOM or NIfTI"
        raise Unreadable(f"not an image ({known})") from None
    except Image.DecompressionBombError:
        raise Unreadable(f"too many pixels, the limit is {PIXEL_LIMIT:,}") from None


def _check_intact(content: bytes, image: Image.Image, full, pages: list[int]) -> None:
    if image.format in ("JPEG", "MPO"):
        check_jpeg(content, image, full)
    elif image.format == "TIFF":
        check_tiff(content, image, pages)


def _pages(image: Image.Image) -> tuple[list[int], tuple[int, int]]:
    """The pages to read, all of a TIFF and otherwise the only one, and the size of the largest."""
    count = getattr(image, "n_frames", 1)
    # MPO files of phones are JPEGs whose further frames are previews of the first.
    if count == 1 or image.format == "MPO":
        return [0], image.size
    if image.format != "TIFF":
        raise Unreadable(f"holds {count} frames; save the one you mean by itself")
    check_frames(count, *image.size)
    kinds, sizes = [], []
    for page in range(count):
        image.seek(page)
        kinds.append(int(image.tag_v2.get(KIND, 0)))
        sizes.append(image.size)
    image.seek(0)
    pages = [page for page, kind in enumerate(kinds) if not kind & (SMALLER_COPY | MASK)] or [0]
    return pages, max((sizes[page] for page in pages), key=math.prod)


def _shallow_pages(image: Image.Image, pages: list[int]) -> Iterator[Image.Image]:
    for page in pages:
        _seek(image, page)
        profile = _profile(image)
        upright = ImageOps.exif_transpose(image)
        if upright.has_transparency_data:
            black = Image.new("RGBA", upright.size, "black")
            upright = Image.alpha_composite(black, upright.convert("RGBA"))
        yield _in_srgb(upright, profile) if profile else upright


def _deep_pages(image: Image.Image, pages: list[int]) -> Iterator[DeepImage]:
    for page in pages:
        _seek(image, page)
        if not _is_deep(image):
            raise Unreadable(f"page {page + 1} has another depth than the first")
        yield _deep(image)


def _seek(image: Image.Image, page: int) -> None:
    if page != image.tell():
        image.seek(page)


def _is_deep(image: Image.Image) -> bool:
    """More than 8 bits or fractions; also 8 bits with a sign, which Pillow does not see."""
    tags = getattr(image, "tag_v2", {})
    return image.mode[0] in "IF" or (image.mode == "L" and tags.get(NUMBERS, (1,))[0] == SIGNED)


def _deep(image: Image.Image) -> DeepImage:
    """One page, upright, with the numbers that the file means."""
    tags = getattr(image, "tag_v2", {})
    inverted, kind = tags.get(WHITE_IS_ZERO) == 0, tags.get(NUMBERS, (UNSIGNED,))[0]
    image.load()  # turns a TIFF upright
    levels = np.asarray(image)
    if image.format == "TIFF" and image.mode == "I" and kind == UNSIGNED:
        levels = levels.view(np.uint32) if tags.get(BITS, (0,))[0] == 32 else levels
    elif image.mode == "L":
        levels = levels.view(np.int8)
    return DeepImage(_upright(levels, image), inverted=inverted)


def _upright(levels: np.ndarray, image: Image.Image) -> np.ndarray:
    turned = UPRIGHT.get(image.getexif().get(ORIENTATION))
    return levels if turned is None else np.ascontiguousarray(turned(levels))


def _deep_by_opencv(content, image, pages: list[int], reading: Reading) -> np.ndarray | None:
    """16 bits of colour, or of grey with transparency, of which Pillow keeps the upper 8."""
    deep, channels = content[PNG_BITS] == 16, PNG_CHANNELS.get(content[PNG_KIND], 1)
    if image.format == "TIFF":
        bits = image.tag_v2.get(BITS, (8,))[0]
        deep, channels = bits == 16 and image.mode == "RGB" and len(pages) == 1, 3
    elif image.format != "PNG":
        return None
    if not deep or channels == 1 or (channels > 2 and reading.depth == 8):
        return None
    image.load()  # refuses what is damaged
    levels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if levels is None or levels.dtype != np.uint16:
        return None
    return _upright(levels[:, :, [0, -1]] if channels == 2 else levels, image)


def _deep_or_colour(levels: np.ndarray, reading: Reading, has_profile: bool) -> Frames:
    """Grey is stretched like all deep grey; colour keeps its range."""
    cover = levels[:, :, -1] / np.float32(65535) if levels.shape[2] in (2, 4) else None
    if levels.shape[2] == 2:
        grey = DeepImage(levels[:, :, 0], cover)
        return deep_frames(1, lambda: iter([grey]), reading, lambda: range_of(levels.dtype))
    share = levels[:, :, 2::-1] / np.float32(65535)
    share = share if cover is None else share * cover[:, :, None]
    return Frames(1, [share], COLOUR_16 + UNAPPLIED * has_profile)


def _profile(image: Image.Image) -> ImageCms.ImageCmsProfile | None:
    """The colour profile to apply: none if it is broken, or that of grey or of sRGB."""
    content = image.info.get("icc_profile")
    if not content or image.mode in ("1", "L", "LA"):
        return None
    with suppress(ImageCms.PyCMSError, OSError, ValueError):
        profile = ImageCms.ImageCmsProfile(BytesIO(content))
        space = "CMYK" if image.mode == "CMYK" else "RGB"
        if profile.profile.xcolor_space.strip() == space and "sRGB" not in _title(profile):
            return profile
    return None


def _title(profile: ImageCms.ImageCmsProfile) -> str:
    return ImageCms.getProfileDescription(profile).strip()


def _in_srgb(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    image = image if image.mode == "CMYK" else image.convert("RGB")
    srgb = ImageCms.createProfile("sRGB")
    return ImageCms.profileToProfile(image, profile, srgb, outputMode="RGB")


def _name_of(image: Image.Image) -> str:
    profile = _profile(image)
    return f"colour profile applied: {_title(profile)}" if profile else AS_STORED
