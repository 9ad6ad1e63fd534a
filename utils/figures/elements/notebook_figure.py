"""Figures in the house style that show themselves in a notebook, sharp and small."""

import base64
import inspect
import re
from collections.abc import Callable
from functools import wraps
from html import escape
from io import BytesIO

import numpy as np
from IPython.display import display
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image
from scipy.spatial import cKDTree

SCREEN = 80  # pixels of a screen per inch of a figure
DENSITIES = (2, 1.5, 1)  # pixels of a PNG per pixel of a screen, the best that fits
BUDGET = 400_000  # bytes of a figure; an executed notebook stays below 1 MB
STYLE = {
    "figure.dpi": SCREEN,
    "font.size": 11,
    "font.sans-serif": ["DejaVu Sans", "Verdana", "sans-serif"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "image.composite_image": False,  # an SVG holds each image with its own pixels
    "svg.hashsalt": "second look",  # the same figure is the same file
    "svg.fonttype": "none",
}
WITHOUT_DATE = dict.fromkeys(("Date", "Creator", "Format", "Type"))
SIZE = re.compile(r'width="([\d.]+)pt" height="([\d.]+)pt"')
EMBEDDED = re.compile(r'"data:image/png;base64,\s*([^"]*)"')
ATTRIBUTE = re.compile(r'="(?!data:)[^"]*"')
OPENING = re.compile(r"<svg\b([^>]*)>")
BETWEEN_TAGS = re.compile(r">\s*(?:<!--[^>]*-->)?\s*<(?!g )")
DECIMALS = re.compile(r"(\d+\.\d\d)\d+")
SPOKEN = 400  # letters that stand for a figure where it cannot be seen


class NotebookFigure(Figure):
    """A figure that a notebook shows as SVG, or as PNG in 256 colours where that is smaller.

    A figure without images is always SVG. A PNG has twice the resolution of a screen, or less
    where the images are so large that the notebook would grow too much.
    """

    subject = ""  # in words: by the function that draws it

    @property
    def alt(self) -> str:
        """What stands for the figure where it cannot be seen: subject, titles, axes and lines."""
        legends = filter(None, [*self.legends, *(axis.get_legend() for axis in self.axes)])
        parts = {
            "": [self.subject, self.get_suptitle()],
            "Titles: ": [axis.get_title() for axis in self.axes],
            "Axes: ": [text for a in self.axes for text in (a.get_xlabel(), a.get_ylabel())],
            "Legend: ": [text.get_text() for legend in legends for text in legend.get_texts()],
        }
        words = {kind: ", ".join(filter(None, dict.fromkeys(each))) for kind, each in parts.items()}
        spoken = ". ".join(f"{kind}{text}".rstrip(".") for kind, text in words.items() if text)
        spoken = " ".join(f"{spoken}.".split()) if spoken else "Figure"
        return spoken if len(spoken) <= SPOKEN else f"{spoken[:SPOKEN]}..."

    def savefig(self, *args, **options) -> None:
        with rc_context(STYLE):  # ticks are made late, with the settings of that moment
            super().savefig(*args, **options)

    def mime_bundle(self) -> tuple[dict, dict]:
        """What a notebook stores: data and metadata by MIME type."""
        svg = self._svg()
        if any(axis.images for axis in self.axes):
            for density in DENSITIES:
                png, size = self._png(density)
                if len(svg) <= min(len(png), BUDGET):
                    break
                if len(png) <= BUDGET or density == DENSITIES[-1]:
                    return {"image/png": png}, {"image/png": size}
        return {"image/svg+xml": svg}, {}

    def quick_bundle(self) -> tuple[dict, dict]:
        """A larger PNG in half the time, for a figure that follows a slider."""
        drawn = self._drawn("png", DENSITIES[0])
        with Image.open(BytesIO(drawn)) as image:
            size = {"width": image.width // DENSITIES[0], "height": image.height // DENSITIES[0]}
        size["alt"] = self.alt
        return {"image/png": base64.b64encode(drawn).decode()}, {"image/png": size}

    def _ipython_display_(self) -> None:
        data, metadata = self.mime_bundle()
        display(data, metadata=metadata, raw=True)

    def _drawn(self, kind: str, density: float, **options) -> bytes:
        drawn = BytesIO()
        dpi = density * SCREEN
        self.savefig(drawn, format=kind, dpi=dpi, bbox_inches="tight", **options)
        return drawn.getvalue()

    def _svg(self) -> str:
        text = self._drawn("svg", DENSITIES[0], metadata=WITHOUT_DATE).decode()
        text = SIZE.sub(_in_screen_pixels, text[text.find("<svg") :], count=1)
        text = ATTRIBUTE.sub(_short, EMBEDDED.sub(_with_few_colours, text))
        title = f"<title>{escape(self.alt)}</title>"
        text = BETWEEN_TAGS.sub("><", text)
        return OPENING.sub(lambda found: f'<svg role="img"{found[1]}>{title}', text, count=1)

    def _png(self, density: float) -> tuple[str, dict]:
        image = Image.open(BytesIO(self._drawn("png", density)))
        size = {"width": round(image.width / density), "height": round(image.height / density)}
        size["alt"] = self.alt
        return _few_colours(image), size


def house_style(draw: Callable) -> Callable:
    """Draw in the style of the course, and leave matplotlib's settings as they were.

    What the function says of itself in its first paragraph becomes the subject of its figure.
    """
    subject = (inspect.getdoc(draw) or "").partition("\n\n")[0]

    @wraps(draw)
    def in_style(*args, **options):
        with rc_context(STYLE):
            drawn = draw(*args, **options)
        if isinstance(drawn, NotebookFigure):
            drawn.subject = subject
        return drawn

    return in_style


def panel(width: float, height: float) -> tuple[Figure, Axes]:
    """One pair of axes; inches."""
    figure, axes = panels(1, 1, width, height)
    return figure, axes[0, 0]


def panels(
    rows: int, columns: int, width: float, height: float, **options
) -> tuple[Figure, np.ndarray]:
    """A table of axes; inches of the whole figure."""
    figure = NotebookFigure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def small_png(picture: Image.Image, budget: int) -> bytes:
    """A PNG in a palette, a third of the bytes; in fewer colours where it exceeds the budget."""
    for colours in (256, 192, 128, 96):
        small = BytesIO()
        with_palette(picture, colours).save(small, format="png", optimize=True)
        if small.tell() <= budget:
            break
    return small.getvalue()


def with_palette(picture: Image.Image, colours: int) -> Image.Image:
    """In so few colours. Half are the commonest, which stay as they are: a palette that only
    covers the rest breaks the scale of a heat map. The others cover it, so that rare ones stay.
    """
    found, places, counts = np.unique(
        np.asarray(picture).reshape(-1, 3), axis=0, return_inverse=True, return_counts=True
    )
    common = found[np.argsort(-counts, kind="stable")[: colours // 2]]
    covering = picture.quantize(colours - len(common), Image.Quantize.MAXCOVERAGE).getpalette()
    palette = np.concatenate([common, np.reshape(covering, (-1, 3))])[:colours]
    nearest = cKDTree(palette.astype(float)).query(found.astype(float))[1]  # pillow's is rough
    levels = nearest[places].reshape(picture.height, picture.width)
    kept = Image.fromarray(levels.astype(np.uint8), "P")
    kept.putpalette(palette.astype(np.uint8).tobytes())
    return kept


def _in_screen_pixels(found: re.Match) -> str:
    width, height = (float(points) * SCREEN / 72 for points in found.groups())
    return f'width="{width:.0f}" height="{height:.0f}"'


def _short(found: re.Match) -> str:
    """An attribute on one line, to a hundredth of a point: a notebook stores line by line."""
    return DECIMALS.sub(r"\1", " ".join(found[0].split()))


def _with_few_colours(found: re.Match) -> str:
    """An image within an SVG: matplotlib writes four channels, even where all are one grey."""
    image = Image.open(BytesIO(base64.b64decode(found[1])))
    opaque = image.mode != "RGBA" or image.getextrema()[3] == (255, 255)
    return f'"data:image/png;base64,{_few_colours(image)}"' if opaque else found[0]


def _few_colours(image: Image.Image) -> str:
    """A PNG in at most 256 colours, without loss where the image is grey."""
    red, green, blue = np.moveaxis(np.asarray(image.convert("RGB")), -1, 0)
    grey = (red == green).all() and (green == blue).all()
    image = image.convert("L") if grey else image.convert("RGB").quantize(256)
    small = BytesIO()
    image.save(small, format="png", optimize=True)
    return base64.b64encode(small.getvalue()).decode()
