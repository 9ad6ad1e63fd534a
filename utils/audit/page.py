"""The report as one HTML page that needs no network and no script: the verdict first."""

import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template

import pandas as pd

from utils.audit.finding import (
    EXAMPLES,
    FACTS,
    Finding,
    by_gravity,
    exit_code_in_words,
    most_severe,
)
from utils.audit.folder import ImageFolder
from utils.audit.patients.table import as_parameter
from utils.audit.tables import IMAGES
from utils.audit.verdict import first_steps, verdict
from utils.figures.page import embed_png, html_page

ROWS = 20  # of a table on the page; the files beside it have all
DISPLAYED = 128  # pixels on the screen
# The README has the same list; a test compares them.
BLIND_SPOTS = (
    "faint or moving triggers, attacks of a few grey levels, fakes, wrong labels on hard images, "
    "smooth shading, mirrored, turned or cropped copies and patients who moved between two "
    "pictures"
)

STYLE = """
body { font-size: 16px; max-width: 980px; }
table { font-size: 0.9em; }
.badge { font: bold 0.75em sans-serif; color: #fff; padding: 0.2em 0.6em; white-space: nowrap;
         text-transform: uppercase; }
.ok { background: #00684a; } .applicable { background: #767676; } .note { background: #0072b2; }
.skipped { background: #595959; }
.warning { background: #8a5a00; } .alarm { background: #b3261e; }
.failed { background: #1a1a1a; }
.verdict { font-size: 1.25em; margin: 0.6em 0; }
.private { border: 2px solid #b3261e; padding: 0.5em 1em; }
figure { width: 148px; }
figcaption { font: 0.75em/1.3 sans-serif; }
@media (max-width: 40em) {
  .overview th { display: none; } .overview td { display: block; border: 0; padding: 0.15em 0; }
  .overview tr { display: block; border-bottom: 1px solid #ccc; padding: 0.5em 0; }
}
@media print { body { font-size: 10pt; } }
"""

BODY = Template("""\
<p class="verdict">$badge <b>May we train on it?</b> $verdict</p>
$first
<table class="overview"><tr><th>check</th><th></th><th>measured</th></tr>
$overview
</table>
<p>$images images read, $refused files set aside, $classes classes. Exit code $code.
No network was trained. Images were compared at $size x $size pixels, and their quality at their own
size. All scores are in <code>$table</code> beside this page, a row for each image; paths start at
<code>$base</code>.</p>
<p>A finding is a reason to look, not a proof, and no finding is no proof of quality: $blind_spots
are mostly missed. Not for clinical use.</p>
<p class="private"><b>This page contains images and file names of the folder.</b> Treat it, and the
files beside it, like the images themselves. Nothing has left this computer. Small copies of the
images are kept, which makes the next audit fast: in the folder of <code>--cache</code>, or in
<code>dataset/dataset_variables/files</code> of the course.</p>
$findings
""")

SECTION = Template("""<section id="check$number">
<h2>$title $badge</h2>
<p>$measured</p>
$meaning
$advice
$patients
$files
$table
$pictures
</section>""")


def render_report(folder: ImageFolder, findings: Sequence[Finding]) -> str:
    """The page; the most severe findings come first."""
    ordered = by_gravity(findings)
    body = BODY.substitute(
        badge=badge(most_severe(finding.severity for finding in findings)),
        verdict=escape(verdict(findings)), first=_first(findings, ordered),
        images=f"{len(folder):,}", refused=f"{len(folder.refused):,}",
        classes=len(folder.class_names) or "no", code=exit_code_in_words(findings),
        size=folder.pixels.shape[-1], blind_spots=BLIND_SPOTS, overview=overview(ordered),
        table=IMAGES, base=escape(folder.base),
        findings="\n".join(_section(folder, *pair) for pair in enumerate(ordered)),
    )  # fmt: skip
    return html_page(f"Audit of {folder.name}", body, STYLE)


def overview(ordered: Sequence[Finding]) -> str:
    """A row of the table of findings for each, with a link to its section."""
    return "\n".join(
        f'<tr><td><a href="#check{number}">{escape(found.title)}</a></td>'
        f"<td>{badge(found.severity)}</td><td>{escape(found.measured)}</td></tr>"
        for number, found in enumerate(ordered)
    )


def _first(findings: Sequence[Finding], ordered: Sequence[Finding]) -> str:
    """The first steps, each with a link to its finding."""
    numbers = {found.title: number for number, found in enumerate(ordered)}
    steps = "".join(
        f'<li><a href="#check{numbers[step.title]}">{escape(step.title)}</a>: '
        f"{_with_code(step.advice)}</li>"
        for step in first_steps(findings)
    )
    return f"<p><b>Do this first:</b></p><ol>{steps}</ol>" if steps else ""


def badge(severity: str) -> str:
    return f'<span class="badge {severity}">{severity}</span>'


def _section(folder: ImageFolder, number: int, found: Finding) -> str:
    return SECTION.substitute(
        number=number, title=escape(found.title), badge=badge(found.severity),
        measured=escape(found.measured), meaning=paragraph("What it means", found.meaning),
        advice=paragraph("What to do", found.advice), patients=_patients(folder, found),
        files=_files(found), table=_table(found.table), pictures=_pictures(folder, found),
    )  # fmt: skip


def paragraph(what: str, text: str) -> str:
    """A paragraph with a heading."""
    return f"<p><b>{what}.</b> {_with_code(text)}</p>" if text else ""


def _with_code(text: str) -> str:
    """Text between backticks is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _files(found: Finding) -> str:
    """The tables beside the page that list everything."""
    rows = (f"<code>{name}</code>, {len(table):,} rows" for name, table in found.files.items())
    named = "; ".join(rows)
    return f"<p><b>All of them.</b> {named}.</p>" if named else ""


def _patients(folder: ImageFolder, found: Finding) -> str:
    if not found.patient_table:
        return ""
    path, parameter = escape(str(found.patient_table)), escape(as_parameter(found.patient_table))
    return (
        f"<p><b>To split by patient.</b> <code>{path}</code> has the patient of each labelled "
        f"image; the groups are {folder.group_description}. The course splits by them with:</p>"
        f"<pre>second-look run resnet {parameter}</pre>"
    )


def _table(table: pd.DataFrame) -> str:
    if not len(table):
        return ""
    html = table.head(ROWS).to_html(index=False, border=0, escape=True, na_rep="–")
    more = len(table) - ROWS
    return html + (f"<p>{more:,} more rows in {FACTS}.</p>" if more > 0 else "")


def _pictures(folder: ImageFolder, found: Finding) -> str:
    shown = found.flagged[:EXAMPLES]
    captions = [*found.captions, *[""] * EXAMPLES]
    figures = (_figure(folder, *pair) for pair in zip(shown, captions, strict=False))
    return f'<div class="pictures">{"".join(figures)}</div>' if shown else ""


def _figure(folder: ImageFolder, place: int, caption: str) -> str:
    file = escape(Path(folder.files[place]).name)
    return (
        f'<figure><img src="{embed_png(folder.pixels[place])}" alt="{file}" '
        f'width="{DISPLAYED}"><figcaption>{escape(caption)}<br>{file}</figcaption></figure>'
    )
