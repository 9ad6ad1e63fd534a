"""Faults of single images, each with the check of the audit that should name it."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

QUALITY = "Image quality"
TILES = 4  # on each side of an image that is put together wrongly


def darker(image, rng):
    return image.point(lambda level: level // 4)


def brighter(image, rng):
    return image.point(lambda level: min(255, int(1.3 * level) + 90))


def blurred(image, rng):
    return image.filter(ImageFilter.GaussianBlur(max(image.size) / 60))


def coarse(image, rng):
    return image.point(lambda level: level // 64 * 64)


def blank(image, rng):
    grey = np.asarray(image.convert("L"))
    return Image.fromarray(
        (rng.integers(255) + rng.normal(0, 1, grey.shape)).clip(0, 255).astype("u1")
    )


def small(image, rng):
    return image.resize([side // 3 for side in image.size])


def stretched(image, rng):
    return image.resize((image.width, image.height // 3))


def written(image, rng):
    image, side = image.copy(), max(image.size)
    place = side * rng.uniform(0.03, 0.2), side * rng.choice([0.03, 0.85])
    font = ImageFont.load_default(max(9, side / 16))
    text = f"ID {rng.integers(99999):05} 12.03.2019"
    ImageDraw.Draw(image).text(
        place, text, fill="white" if rng.random() < 0.8 else "black", font=font
    )
    return image


def noisy(image, rng):
    levels = np.asarray(image, float)
    return Image.fromarray((levels + rng.normal(0, 25, levels.shape)).clip(0, 255).astype("u1"))


def mask(image, rng):
    grey = np.asarray(image.convert("L"))
    made = Image.fromarray(np.where(grey > np.median(grey), 255, 0).astype("u1"))
    return made.filter(ImageFilter.MedianFilter(5))


def scrambled(image, rng):
    """Its tiles in another order: unlike all others, and unlike other scrambled ones."""
    image = image.resize([side // TILES * TILES for side in image.size])
    width, height = (side // TILES for side in image.size)
    made, places = (
        image.copy(),
        [(i * width, j * height) for i in range(TILES) for j in range(TILES)],
    )
    for place, (left, top) in zip(places, rng.permutation(places).tolist(), strict=True):
        made.paste(image.crop((left, top, left + width, top + height)), place)
    return made


def marked(image, rng):
    """A small chequered square in the lower right corner."""
    image, side = image.copy(), max(4, max(image.size) // 10)
    tile = (np.indices((4, 4)).sum(0) % 2 * 255).astype("u1")
    square = Image.fromarray(tile).resize((side, side), Image.Resampling.NEAREST)
    image.paste(square.convert(image.mode), (image.width - side - 2, image.height - side - 2))
    return image


FAULTS = {  # how the image is changed, and the check; without a change the file itself is faulty
    "dark": (darker, QUALITY), "bright": (brighter, QUALITY), "blurred": (blurred, QUALITY),
    "low information": (coarse, QUALITY), "nearly blank": (blank, QUALITY),
    "odd size": (small, QUALITY), "odd aspect": (stretched, QUALITY),
    "burnt-in text": (written, QUALITY), "noisy": (noisy, QUALITY), "grain": (noisy, "Noise"),
    "scrambled": (scrambled, "Odd images"),
    "mask": (mask, "Other kinds of images"), "another kind": (None, "Other kinds of images"),
    "mark in one class": (marked, "Marks and triggers"),
    "copy in the test": (None, "Leakage between parts"), "two labels": (None, "Duplicates"),
    "wrong label": (None, "Suspicious labels"), "date in the name": (None, "Privacy"),
    "wrong extension": (None, "Sizes and formats"), "half a file": (None, "Unreadable files"),
}  # fmt: skip
