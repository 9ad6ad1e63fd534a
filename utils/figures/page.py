"""HTML that needs no network and no script: pages with their images, tables behind one line."""

import base64
from dataclasses import dataclass
from html import escape
from io import BytesIO
from string import Template

import numpy as np
import pandas as pd
from IPython.display import HTML
from pandas.io.formats.style import Styler
from PIL import Image

STYLE = """
body { font: 17px/1.5 Georgia, serif; color: #1a1a1a; background: #fff;
       max-width: 940px; margin: 2em auto; padding: 0 1em; overflow-wrap: anywhere; }
h1 { font-size: 1.7em; line-height: 1.2; margin-bottom: 0.2em; }
h2 { font-size: 1.1em; margin: 0 0 0.4em; }
table { border-collapse: collapse; margin: 0.8em 0; }
th, td { border-bottom: 1px solid #ccc; padding: 0.25em 1.2em 0.25em 0; text-align: left;
         vertical-align: top; }
code { font: 0.9em monospace; background: #f2f2f2; padding: 0 0.25em; }
pre { background: #f2f2f2; padding: 0.5em 1em; white-space: pre-wrap; }
a { color: #0072b2; white-space: nowrap; }
section { border-top: 1px solid #999; padding: 1em 0 1.4em; }
.pictures { display: flex; flex-wrap: wrap; gap: 1em; }
figure { margin: 0; }
img { display: block; image-rendering: pixelated; }
@media (max-width: 40em) {
  a { white-space: normal; } section table { display: block; overflow-x: auto; }
  section th, section td { overflow-wrap: normal; padding-right: 0.8em; }
}
@media print { section { break-inside: avoid; } body { font-size: 11pt; } }
"""
DOCUMENT = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>$title</title>
<style>$style</style>
</head>
<body>
<h1>$title</h1>
$body
</body>
</html>
""")


@dataclass(frozen=True)
class Folded:
    """A table or source code behind one line, which opens it; without HTML the line alone."""

    line: str
    shown: pd.DataFrame | Styler | HTML

    def __repr__(self) -> str:
        return self.line

    def _repr_html_(self) -> str:
        return (
            f"<details><summary>{escape(self.line)}</summary>{self.shown._repr_html_()}</details>"
        )


class NotedTable(pd.DataFrame):
    """A table with a line below it, which stays when rows or columns are chosen."""

    _metadata = ["note"]
    note = ""

    @property
    def _constructor(self) -> type:
        return NotedTable

    def __repr__(self) -> str:
        return "\n".join(filter(None, (super().__repr__(), self.note)))

    def _repr_html_(self) -> str:
        below = f"<p>{escape(self.note)}</p>" if self.note else ""
        return f"{super()._repr_html_()}{below}"


def noted(table: pd.DataFrame, note: str) -> pd.DataFrame:
    """The table with this line below it; without a line as it is."""
    if not note:
        return table
    shown = NotedTable(table)
    shown.note = note
    return shown


def html_page(title: str, body: str, style: str = "") -> str:
    """A page under this title; `body` is HTML, `style` the CSS of this kind of page alone."""
    return DOCUMENT.substitute(title=escape(title), body=body, style=STYLE + style)


def embed_png(image: np.ndarray, compressed: bool = True) -> str:
    """An image, uint8 (channels, height, width), without loss as the address of an <img>.

    Without compression all images of one shape have the same length.
    """
    levels = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
    png = BytesIO()
    level = {} if compressed else {"compress_level": 0}
    Image.fromarray(np.ascontiguousarray(levels)).save(png, "png", **level)
    return f"data:image/png;base64,{base64.b64encode(png.getvalue()).decode()}"
