"""The report as one HTML page without network and script, and as a model card in Markdown."""

import base64
from html import escape
from io import BytesIO
from string import Template

import pandas as pd
from matplotlib.figure import Figure

from utils.audit.finding import by_gravity, exit_code_in_words
from utils.audit.page import STYLE as BADGES
from utils.audit.page import badge, overview, paragraph
from utils.audit.verdict import first_steps
from utils.evaluation.intervals import Interval
from utils.examine.reporting.regulation import duties
from utils.examine.reporting.report import ModelReport
from utils.examine.section import Section
from utils.examine.subject import Subject
from utils.figures.page import html_page

PIXELS = 110  # per inch, of a figure

BODY = Template("""\
<p class="verdict">$severity <b>May we use it?</b> $verdict</p>
$first
<h2>How far the figures reach</h2>
$trust
<h2>All questions</h2>
<table class="overview"><tr><th>question</th><th></th><th>found</th></tr>
$overview
</table>
<p>Model: <code>$model</code>. Images: <code>$images</code>, $count of them, in $classes classes.
Exit code $code. $over
Numbers in brackets are 95 % intervals over $units. A fault that is found is a
reason to look, not a proof; no fault found is no proof of quality. Not for clinical use.</p>
<p class="private"><b>This page contains images.</b> Treat it, and the files beside it, like the
images themselves. Nothing has left this computer.</p>
$sections
<section><h2>For those who write the technical file</h2>
<p>What these findings say about questions that regulators ask. An aid to writing, not a statement
of conformity.</p>$duties</section>
""")

SECTION = Template("""<section id="check$number">
<h2>$title $badge</h2>
<p>$measured</p>
$meaning
$advice
$table
$figures
</section>""")
# A figure is shrunk smoothly, or its letters break; only images alone keep their pixels.
WIDE = """
figure.wide { width: auto; max-width: 100%; }
figure.wide img { max-width: 100%; image-rendering: auto; }
"""


def render_page(report: ModelReport) -> str:
    """The page; the gravest findings come first."""
    ordered, subject = by_gravity(report.sections), report.subject
    body = BODY.substitute(
        severity=badge(report.severity), verdict=escape(report.verdict),
        first=_first(report, ordered), trust=_table(trust_table(report)),
        overview=overview(ordered),
        model=escape(report.model_name), images=escape(report.data_name),
        count=_count(subject), classes=subject.images.classes,
        units="patients" if subject.patients_known else "images, whose patients are not known",
        code=exit_code_in_words(report.sections), over=report.over,
        duties=_table(duties(report.sections)),
        sections="\n".join(_section(*pair) for pair in enumerate(ordered)),
    )  # fmt: skip
    title = f"Examination of {report.model_name}"
    return html_page(title, body, BADGES + WIDE)


def _count(subject: Subject) -> str:
    some = f"{len(subject.images):,}"
    if subject.at_hand <= len(subject.images):
        return some
    return f"{some} of {subject.at_hand:,} (drawn at random, as the minutes allow no more)"


def trust_table(report: ModelReport) -> pd.DataFrame:
    """The numbers that have an interval, as text."""
    rows = [
        (_called(name, report.subject), found.text(digits=0), section.title)
        for section in report.sections
        for name, found in section.numbers.items()
        if isinstance(found, Interval) and name in HEADLINES
    ]
    return pd.DataFrame(rows, columns=["on these images", "% or points", "more under"])


def _called(name: str, subject: Subject) -> str:
    """Nothing names the healthy class, so the share is called by what it counts."""
    if subject.several:
        return HEADLINES[name].replace("score", ALL_RIGHT)
    return HEADLINES[name].replace(MISSED, OTHERS.format(subject.images.class_names[0]))


ALL_RIGHT = "all findings right"  # the score under an attack, where an image may have several
MISSED = "called healthy, of the images with a finding"
OTHERS = "taken for {}, of the images of other classes"
# The numbers at the head of the page, and what a reader calls them.
HEADLINES = {
    **{name: name for name in ("balanced accuracy", "AUC", "calibration error")},
    "worst class": "images of its worst class that are right",
    "missed disease": MISSED,
    "selective accuracy": "accuracy of its surest answers",
    "coverage": "sets of classes that contain the truth",
    "noise": "score under noise",
    "PGD": "score under PGD",
    "worst case": "score under the strongest attack",
    "questions": "score under an attack by questions alone",
    "a hostile square": "score under a painted square",
}


def model_card(report: ModelReport) -> str:
    """The section on evaluation of a model card (Mitchell 2019)."""
    lines = [f"## Evaluation of {report.model_name}", "",
             f"On {report.data_name}. {report.verdict}", "",
             "| measured | value (95 % interval) |", "| --- | --- |"]  # fmt: skip
    lines += [f"| {row[0]} | {row[1]} |" for row in trust_table(report).itertuples(index=False)]
    lines += ["", "| question | | found |", "| --- | --- | --- |"]
    lines += [f"| {s.title} | {s.severity} | {_cell(s.measured)} |" for s in report.sections]
    return "\n".join([*lines, ""])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _first(report: ModelReport, ordered: list[Section]) -> str:
    numbers = {section.title: number for number, section in enumerate(ordered)}
    steps = "".join(
        f'<li><a href="#check{numbers[step.title]}">{escape(step.title)}</a> '
        f"{escape(step.advice)}</li>"
        for step in first_steps(report.sections)
    )
    return f"<p><b>Do this first:</b></p><ol>{steps}</ol>" if steps else ""


def _section(number: int, section: Section) -> str:
    return SECTION.substitute(
        number=number, title=escape(section.title), badge=badge(section.severity),
        measured=escape(section.measured), meaning=paragraph("What it means", section.meaning),
        advice=paragraph("What to do", section.advice), table=_table(section.table),
        figures="".join(_figure(*pair) for pair in section.figures.items()),
    )  # fmt: skip


def _table(table: pd.DataFrame) -> str:
    return table.to_html(index=False, border=0, escape=True, na_rep="–") if len(table) else ""


def _figure(title: str, figure: Figure) -> str:
    png = BytesIO()
    figure.savefig(png, format="png", dpi=PIXELS)
    source = f"data:image/png;base64,{base64.b64encode(png.getvalue()).decode()}"
    return (
        f'<figure class="wide"><img src="{source}" alt="{escape(title)}">'
        f"<figcaption>{escape(title)}</figcaption></figure>"
    )
