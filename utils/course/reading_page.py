"""The page of a reading kit: one HTML file for a browser without network or scripts."""

import base64
import io
import re
from collections.abc import Mapping
from html import escape
from string import Template

import numpy as np
from PIL import Image

from utils.figures.page import embed_png, html_page

DISPLAYED = 384  # pixels on the screen, to which an image is enlarged in whole steps

STYLE = """
.pictures { flex-wrap: nowrap; }
figure { flex: 0 1 auto; }
figcaption { font-weight: bold; text-align: center; }
img { max-width: 100%; height: auto; }
.kit { color: #595959; margin-top: 0; }
.paper { display: none; }
@media print {
  body { margin: 0; max-width: none; }
  img { width: 7cm; }
  .paper { display: block; margin: 0.5em 0 0; }
}
"""

BODY = Template("""<p class="kit">Reading kit <b>$kit</b> · $count pairs · not for clinical use</p>
<p>Every pair below shows one image twice. One of the two is the original. In the other, a computer
program has slightly changed the grey levels or colours, to mislead another program that predicts
the diagnosis. A coin toss decided which of the two it is, for every pair.</p>
<ol>
<li>Open <code>answers.csv</code> in a spreadsheet. It has one line for each pair.</li>
<li><b>Diagnosis first.</b> Write what A and B show in <code>diagnosis_A</code> and
<code>diagnosis_B</code>: a number or a name from the list, or <code>?</code> if you cannot tell.
The two may differ.</li>
<li><b>Then the change.</b> In <code>tampered</code>, write <code>A</code> or <code>B</code> for the
image that you think was changed, or <code>?</code> if you cannot tell.</li>
<li>Use your eyes, at any distance and zoom, and no other program. An empty cell counts as not
answered; nothing is guessed for you.</li>
<li>Save the sheet as CSV under its name. Leave <code>kit</code> and <code>pair</code> as they are:
they tie your answers to these images.</li>
</ol>
<table>
<tr><th>write</th><th>for</th></tr>
$classes
<tr><td><code>?</code></td><td>cannot tell</td></tr>
</table>
$pairs""")

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
    classes = (
        f"<tr><td><code>{escape(cell)}</code></td><td>{escape(name.replace('_', ' '))}</td></tr>"
        for cell, name in choices.items()
    )
    width = pairs.shape[-1] * max(1, round(DISPLAYED / pairs.shape[-1]))
    sections = (_section(number, pair, width) for number, pair in enumerate(pairs, 1))
    body = BODY.substitute(
        kit=kit, count=len(pairs), classes="\n".join(classes), pairs="\n".join(sections)
    )
    return html_page(title, body, STYLE)


def pictures_on(page: str) -> np.ndarray:
    """The pairs of a page, as `render_kit` took them; an error where there are none."""
    found = [base64.b64decode(text, validate=True) for text in EMBEDDED.findall(page)]
    levels = np.stack([np.array(Image.open(io.BytesIO(png))) for png in found])
    levels = levels[:, None] if levels.ndim == 3 else levels.transpose(0, 3, 1, 2)
    return levels.reshape(-1, 2, *levels.shape[1:])


def _section(number: int, pair: np.ndarray, width: int) -> str:
    """Images are not compressed: a changed one compresses badly, and its length would reveal it."""
    a, b = (embed_png(picture, compressed=False) for picture in pair)
    return PAIR.substitute(pair=number, a=a, b=b, width=width)
