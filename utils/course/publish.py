"""Writes the tables of README and assets, and assets/RESULTS.md, from records (`make results`)."""

import re
import sys
from pathlib import Path

from utils import HOME
from utils.course.claims import claim_table, collect_claims, refuse_undecided
from utils.course.course_map import collect_minutes, write_map
from utils.course.real.findings import findings, summary
from utils.course.real.page import read_results, real_section
from utils.course.real.score_table import markdown_table
from utils.course.real.steps import Results
from utils.course.upkeep import copy_teasers

README, GUIDE, PAGE = "README.md", "assets/README.md", "assets/RESULTS.md"
BEYOND = ("A minus B", "claimed (points)", "patients")  # columns of the page of all claims alone

HEAD = """# Claims and results

`make results` writes this page from the records in this folder, and a test compares the two.
"""
CLAIMS_HEAD = """## Claims

A chapter fixes its claims after trials and before its run, which confirms and does not discover:
a pair, a metric, a direction, a margin. The 95 % interval of the difference decides, over
patients and, for a method, over trainings as well; the claims of a chapter share Holm's
correction. A difference between -x and x is no effect larger than x.
"""


def publish(home: Path = HOME) -> None:
    """Bring the pages of `written`, the map and the pictures up to date with the records.

    Undecided claims are written as well, and then refused.
    """
    copy_teasers(home)
    collect_minutes(home)
    write_map(home)
    claims, real = collect_claims(home), read_results(home)
    for name, page in written(home, claims, real).items():
        (home / name).write_text(page, encoding="utf-8")
    refuse_undecided(claims)


def written(home: Path, claims: list[dict], real: Results) -> dict[str, str]:
    """Every page that depends on the records, by name, as it should be."""
    pages = {name: (home / name).read_text(encoding="utf-8") for name in (README, GUIDE)}
    shown = claims_block(headlines(claims), without=BEYOND)
    readme = filled(filled(pages[README], "claims", shown), "real", summary(real, claims))
    return {
        README: readme,
        GUIDE: filled(pages[GUIDE], "real", findings(real)),
        PAGE: results_page(claims, real),
    }


def results_page(claims: list[dict], real: Results) -> str:
    """All claims on drawn images, then the real sets."""
    parts = [HEAD, CLAIMS_HEAD, claims_block(claims), real_section(real, claims)]
    return "\n".join(part for part in parts if part)


def filled(page: str, mark: str, text: str) -> str:
    """A page with new text between its marks <!-- NAME --> and <!-- /NAME -->."""
    start, end = f"<!-- {mark} -->\n", f"<!-- /{mark} -->"
    block = re.compile(f"{start}.*?{end}", re.DOTALL)
    if not block.search(page):
        raise ValueError(f"a page lacks the lines {start.strip()} and {end}")
    return block.sub(lambda _: f"{start}{text}{end}", page)


def claims_block(rows: list[dict], without: tuple[str, ...] = ()) -> str:
    """A line for each claim; some columns can be left out."""
    table = claim_table(rows).drop(columns=list(without)).astype(str)
    return markdown_table(table.columns, table.to_numpy().tolist())


def headlines(rows: list[dict]) -> list[dict]:
    """The first claim of each chapter."""
    return list({row["chapter"]: row for row in reversed(rows)}.values())[::-1]


def main(home: Path = HOME) -> None:
    """The command: an undecided claim ends it with an error."""
    try:
        publish(home)
    except ValueError as error:
        sys.exit(f"results: {error}")


if __name__ == "__main__":
    main()
