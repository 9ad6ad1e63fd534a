"""An executed notebook as HTML: prose, code, and of each output the richest form that lasts."""

import base64
import json
import re
from collections.abc import Iterator
from html import escape, unescape

from nbconvert.filters import Highlight2HTML, ansi2html

from utils.course.site.markdown import markdown_to_html

WIDGET = "application/vnd.jupyter.widget-view+json"
NO_WIDGET = "<p class='note'>Here is a control to play with. It works in JupyterLab only.</p>"
COLAB = "COLAB_RELEASE_TAG"  # stands in the cell that fetches the course there
SVG_TITLE = re.compile(r"<title>([^<]*)</title>")  # the figure's own comes first
SVG_WIDTH = re.compile(r"<svg\b[^>]*?\bwidth=\"([\d.]+)")


def notebook_to_html(text: str) -> str:
    """The cells of a notebook file, one below the other."""
    return "\n".join(_cell(cell) for cell in json.loads(text)["cells"])


def code_to_html(code: str, language: str = "python") -> str:
    return Highlight2HTML(pygments_lexer=language)(code)


def _cell(cell: dict) -> str:
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        return markdown_to_html(source)
    if cell["cell_type"] != "code" or not source.strip():
        return ""
    outputs = "\n".join(_output(output) for output in cell["outputs"])
    return _code(cell, source) + (f'\n<div class="output">{outputs}</div>' if outputs else "")


def _code(cell: dict, source: str) -> str:
    """The code, folded where the notebook folds it and where it is for Colab alone."""
    html = code_to_html(source, "ipython3")
    hidden = cell["metadata"].get("jupyter", {}).get("source_hidden")
    if COLAB in source or hidden:
        title = "Set-up on Colab" if COLAB in source else "Code"
        return f"<details class='folded'><summary>{title}</summary>{html}</details>"
    return html


def _output(output: dict) -> str:
    if output["output_type"] == "stream":
        return _plain("".join(output["text"]))
    if output["output_type"] == "error":
        return _plain("\n".join(output["traceback"]))
    return next(_forms(output), "")


def _forms(output: dict) -> Iterator[str]:
    """What a page can show of an output, the best first."""
    data = {kind: part for kind, part in output["data"].items() if kind != WIDGET}
    texts = {kind: "".join(part) for kind, part in data.items() if isinstance(part, str | list)}
    alternative = texts.get("text/plain", "")
    if svg := texts.get("image/svg+xml"):
        drawn = base64.b64encode(svg.encode()).decode()
        named = SVG_TITLE.search(svg)
        yield _picture("svg+xml", drawn, _svg_width(svg), unescape(named[1]) if named else "")
    for kind in ("png", "jpeg"):
        if picture := texts.get(f"image/{kind}"):
            facts = output["metadata"].get(f"image/{kind}", {})
            shown = picture.replace("\n", "")
            yield _picture(kind, shown, facts.get("width"), facts.get("alt", ""))
    if WIDGET in output["data"]:
        yield NO_WIDGET
    if html := texts.get("text/html"):
        yield html
    if text := texts.get("text/markdown"):
        yield markdown_to_html(text)
    if alternative:
        yield _plain(alternative)


def _picture(kind: str, data: str, width: float | None, alt: str) -> str:
    """As an <img>: the styles and names in an SVG must not meet those of the page."""
    size = f' style="--width: {float(width):g}px"' if width else ""
    alt = escape(alt or "Figure")
    return f'<img class="figure" alt="{alt}"{size} src="data:image/{kind};base64,{data}">'


def _svg_width(svg: str) -> float | None:
    found = SVG_WIDTH.search(svg)
    return float(found[1]) if found else None


def _plain(text: str) -> str:
    return f'<pre class="text">{ansi2html(text) if text.strip() else escape(text)}</pre>'
