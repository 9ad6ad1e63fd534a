"""The report: one HTML page that needs no network and no script, and the same facts as JSON."""

import base64
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

import numpy as np
import pandas as pd
from PIL import Image

from utils.audit.delivery import Delivery
from utils.audit.finding import SHOWN, Finding, exit_code, gravest
from utils.files import write_json, written_whole

PAGE, FACTS = "report.html", "findings.json"
ROWS = 20  # of a table on the page; the JSON has all
DISPLAYED = 128  # pixels on the screen
SAID = {
    "ok": "OK", "skipped": "NOT ASKED", "note": "NOTE", "warning": "WARNING", "alarm": "ALARM",
    "failed": "FAILED",
}  # fmt: skip

STYLE = """
body { font: 16px/1.5 Georgia, serif; color: #1a1a1a; background: #fff;
       max-width: 980px; margin: 2em auto; padding: 0 1em; overflow-wrap: anywhere; }
h1 { font-size: 1.7em; line-height: 1.2; margin-bottom: 0.2em; }
h2 { font-size: 1.2em; margin: 0 0 0.4em; }
table { border-collapse: collapse; margin: 0.8em 0; font-size: 0.9em; }
th, td { border-bottom: 1px solid #ccc; padding: 0.2em 1em 0.2em 0; text-align: left;
         vertical-align: top; }
section { border-top: 1px solid #999; padding: 1em 0 1.2em; }
.badge { font: bold 0.75em sans-serif; color: #fff; padding: 0.2em 0.6em; white-space: nowrap; }
.ok { background: #00684a; } .skipped { background: #595959; } .note { background: #0072b2; }
.warning { background: #8a5a00; } .alarm { background: #b3261e; }
.failed { background: #1a1a1a; }
.private { border: 2px solid #b3261e; padding: 0.5em 1em; }
.pictures { display: flex; flex-wrap: wrap; gap: 0.8em; }
figure { margin: 0; width: 148px; }
figcaption { font: 0.75em/1.3 sans-serif; }
img { display: block; image-rendering: pixelated; }
a { color: #0072b2; }
@media print { section { break-inside: avoid; } body { font-size: 10pt; } }
"""

DOCUMENT = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Audit of $name</title>
<style>$style</style>
</head>
<body>
<h1>Audit of $name</h1>
<p><span class="badge $severity">$said</span> $images images read, $refused files set aside,
$classes classes. Exit code $code. Not for clinical use.</p>
<p class="private"><b>This page contains pictures and file names of the folder.</b> Treat it like
the images themselves. Nothing has left this computer; small copies of the images are kept
in <code>checkpoints/audit</code> of the course, so that a next audit is quick.</p>
<p>No network was trained. Images were compared at $size x $size pixels. A finding is a reason to
look, not a verdict, and what no check asks is not innocent: faint or moving triggers, images
attacked by a few grey levels, fakes, wrong labels on hard images, mirrored, turned or
cropped copies and patients who moved between two pictures are mostly not seen here.</p>
<table><tr><th>check</th><th></th><th>measured</th></tr>
$overview
</table>
$findings
</body>
</html>
""")

SECTION = Template("""<section id="check$number">
<h2>$title <span class="badge $severity">$said</span></h2>
<p>$measured</p>
$meaning
$advice
$table
$pictures
</section>""")


@dataclass(frozen=True, eq=False)
class Audit:
    """What was found in a folder, and where the report lies."""

    delivery: Delivery
    findings: Sequence[Finding]
    page: Path

    @property
    def exit_code(self) -> int:
        return exit_code(self.findings)

    @property
    def table(self) -> pd.DataFrame:
        """One row per check."""
        rows = [(f.title, f.severity, f.measured) for f in self.findings]
        return pd.DataFrame(rows, columns=["check", "severity", "measured"]).set_index("check")

    def __getitem__(self, title: str) -> Finding:
        return next(finding for finding in self.findings if finding.title == title)


def write_report(delivery: Delivery, findings: Sequence[Finding], folder: Path) -> Path:
    """Page and facts side by side; returns where the page lies."""
    page = draw_page(delivery, findings)
    write_json(folder / FACTS, facts_of_audit(delivery, findings))
    with written_whole(folder / PAGE) as unfinished:
        unfinished.write_text(page, encoding="utf-8", errors="backslashreplace")
    return folder / PAGE


def facts_of_audit(delivery: Delivery, findings: Sequence[Finding]) -> dict:
    """The report without pictures; the same folder always gives the same."""
    return {
        "audited": _plain(delivery.name),
        "severity": gravest(finding.severity for finding in findings),
        "exit code": exit_code(findings),
        "images": len(delivery),
        "set aside": len(delivery.refused),
        "classes": [_plain(name) for name in delivery.class_names],
        "compared at": delivery.images.shape[-1],
        "findings": [_facts(delivery, finding) for finding in findings],
    }


def _facts(delivery: Delivery, finding: Finding) -> dict:
    table = finding.table.map(lambda cell: cell if isinstance(cell, int) else _plain(cell))
    return {
        "title": finding.title,
        "severity": finding.severity,
        "measured": _plain(finding.measured),
        "meaning": finding.meaning,
        "what to do": finding.advice,
        "table": table.to_dict("records"),
        "accused": [_plain(file) for file in delivery.files[list(finding.accused)]],
    }


def _plain(text) -> str:
    """Names of files may hold bytes that are no text."""
    return str(text).encode("utf-8", "backslashreplace").decode()


def draw_page(delivery: Delivery, findings: Sequence[Finding]) -> str:
    severity = gravest(finding.severity for finding in findings)
    rows = (
        f'<tr><td><a href="#check{number}">{escape(found.title)}</a></td>'
        f"<td>{_badge(found.severity)}</td><td>{escape(found.measured)}</td></tr>"
        for number, found in enumerate(findings)
    )
    return DOCUMENT.substitute(
        name=escape(delivery.name), style=STYLE, severity=severity, said=SAID[severity],
        images=f"{len(delivery):,}", refused=f"{len(delivery.refused):,}",
        classes=len(delivery.class_names) or "no", code=exit_code(findings),
        size=delivery.images.shape[-1], overview="\n".join(rows),
        findings="\n".join(_section(delivery, *pair) for pair in enumerate(findings)),
    )  # fmt: skip


def _badge(severity: str) -> str:
    return f'<span class="badge {severity}">{SAID[severity]}</span>'


def _section(delivery: Delivery, number: int, found: Finding) -> str:
    return SECTION.substitute(
        number=number, title=escape(found.title), severity=found.severity,
        said=SAID[found.severity], measured=escape(found.measured),
        meaning=_said("What it means", found.meaning), advice=_said("What to do", found.advice),
        table=_table(_shortened(found.table, delivery)), pictures=_pictures(delivery, found),
    )  # fmt: skip


def _said(what: str, text: str) -> str:
    return f"<p><b>{what}.</b> {escape(text)}</p>" if text else ""


def _shortened(table: pd.DataFrame, delivery: Delivery) -> pd.DataFrame:
    """Files as they are called within the folder; the JSON has their full names."""
    folders = {os.path.dirname(file) for file in (*delivery.files, *delivery.refused["file"])}
    mixed = len({os.path.isabs(folder) for folder in folders}) > 1  # a table may name both kinds
    base = "" if mixed else os.path.join(os.path.commonpath(folders), "")
    return table.map(lambda cell: cell.removeprefix(base) if isinstance(cell, str) else cell)


def _table(table: pd.DataFrame) -> str:
    if not len(table):
        return ""
    html = table.head(ROWS).to_html(index=False, border=0, escape=True)
    more = len(table) - ROWS
    return html + (f"<p>{more:,} more rows in {FACTS}.</p>" if more > 0 else "")


def _pictures(delivery: Delivery, found: Finding) -> str:
    shown = found.accused[:SHOWN]
    captions = [*found.captions, *[""] * SHOWN]
    figures = (_figure(delivery, *pair) for pair in zip(shown, captions, strict=False))
    return f'<div class="pictures">{"".join(figures)}</div>' if shown else ""


def _figure(delivery: Delivery, place: int, caption: str) -> str:
    file = escape(Path(delivery.files[place]).name)
    return (
        f'<figure><img src="{_embedded(delivery.images[place].numpy())}" alt="{file}" '
        f'width="{DISPLAYED}"><figcaption>{escape(caption)}<br>{file}</figcaption></figure>'
    )


def _embedded(picture: np.ndarray) -> str:
    levels = picture[0] if len(picture) == 1 else picture.transpose(1, 2, 0)
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(levels)).save(buffer, "png")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
