"""The page of a reading kit: one HTML file for a browser without network or scripts."""

import base64
import io
import re
from collections.abc import Mapping
from html import escape
from string import Template

import numpy as np
from PIL import Image

DISPLAYED = 384  # pixels on the screen that a picture is enlarged to, in whole steps

STYLE = """
body { font: 17px/1.5 Georgia, serif; color: #1a1a1a; background: #fff;
       max-width: 900px; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.7em; line-height: 1.2; margin-bottom: 0.2em; }
h2 { font-size: 1.1em; margin: 0 0 0.4em; }
table { border-collapse: collapse; margin: 0.8em 0; }
th, td { border-bottom: 1px solid #ccc; padding: 0.25em 1.2em 0.25em 0; text-align: left; }
code { font: 0.9em monospace; background: #f2f2f2; padding: 0 0.25em; }
section { border-top: 1px solid #999; padding: 1em 0 1.4em; break-inside: avoid; }
.pictures { display: flex; gap: 1.2em; }
figure { margin: 0; flex: 0 1 auto; }
figcaption { font-weight: bold; text-align: center; }
img { display: block; max-width: 100%; height: auto; image-rendering: pixelated; }
.kit { color: #595959; margin-top: 0; }
.paper { display: none; }
@media print {
  body { font-size: 11pt; margin: 0; max-width: none; }
  img { width: 7cm; }
  .paper { display: block; margin: 0.5em 0 0; }
}
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
<p class="kit">Reading kit <b>$kit</b> · $count pairs · not for clinical use</p>
<p>Every pair below shows one image twice. One of the two is the original. In the other, a computer
program has changed the grey or colour levels a little, in order to mislead another program that
names the diagnosis. Which of the two it is was decided by a coin for every pair.</p>
<ol>
<li>Open <code>answers.csv</code> in a spreadsheet. It has one line for each pair.</li>
<li><b>Diagnosis first.</b> Say for A and for B what the picture shows, in <code>diagnosis_A</code>
and <code>diagnosis_B</code>: a number or a name from the list, or <code>?</code> if you cannot
tell. They may differ.</li>
<li><b>Then the change.</b> In <code>tampered</code>, write <code>A</code> or <code>B</code> for the
picture that you think was changed, or <code>?</code> if you cannot tell.</li>
<li>Use your eyes, at any distance and zoom, and no other program. What you leave empty counts as
not answered; nothing is guessed for you.</li>
<li>Save the sheet as CSV under its name. Leave <code>kit</code> and <code>pair</code> as they are:
they tie your answers to these pictures.</li>
</ol>
<table>
<tr><th>write</th><th>for</th></tr>
$classes
<tr><td><code>?</code></td><td>cannot tell</td></tr>
</table>
$pairs
</body>
</html>
""")

PAIR = Template("""<section>
<h2>Pair $pair</h2>
<div class="pictures">
<figure><img src="$a" alt="Pair $pair, picture A" width="$width"><figcaption>A</figcaption></figure>
<figure><img src="$b" alt="Pair $pair, picture B" width="$width"><figcaption>B</figcaption></figure>
</div>
<p class="paper">A shows ____________ &nbsp; B shows ____________ &nbsp; changed ____</p>
</section>""")


EMBEDDED = re.compile(r'"data:image/png;base64,([^"]*)"')


def render_kit(kit: str, title: str, choices: Mapping[str, str], pairs: np.ndarray) -> str:
    """The page; `pairs` are uint8 (pairs, A and B, channels, height, width)."""
    rows = (
        f"<tr><td><code>{escape(cell)}</code></td><td>{escape(name.replace('_', ' '))}</td></tr>"
        for cell, name in choices.items()
    )
    enlarged = pairs.shape[-1] * max(1, round(DISPLAYED / pairs.shape[-1]))
    drawn = (
        PAIR.substitute(pair=number, a=_embedded(a), b=_embedded(b), width=enlarged)
        for number, (a, b) in enumerate(pairs, 1)
    )
    return DOCUMENT.substitute(
        title=escape(title), style=STYLE, kit=kit, count=len(pairs),
        classes="\n".join(rows), pairs="\n".join(drawn),
    )  # fmt: skip


def pictures_on(page: str) -> np.ndarray:
    """The pairs of a page, as `draw_page` took them; an error where they are none."""
    found = [base64.b64decode(text, validate=True) for text in EMBEDDED.findall(page)]
    levels = np.stack([np.array(Image.open(io.BytesIO(png))) for png in found])
    levels = levels[:, None] if levels.ndim == 3 else levels.transpose(0, 3, 1, 2)
    return levels.reshape(-1, 2, *levels.shape[1:])


def _embedded(picture: np.ndarray) -> str:
    """As PNG, not compressed: a change compresses badly, and its length would give it away."""
    grey = len(picture) == 1
    levels = np.ascontiguousarray(picture[0] if grey else picture.transpose(1, 2, 0))
    buffer = io.BytesIO()
    Image.fromarray(levels).save(buffer, "png", compress_level=0)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
