"""The results of a run as one page: it holds its pictures, and its links lead to files here."""

import base64
import mimetypes
import posixpath
import sys
from html import escape
from pathlib import Path
from string import Template

from utils import ROOT
from utils.course.site.contents import title_of
from utils.course.site.fragment import make_fragment
from utils.course.site.notebook import notebook_to_html

CHAPTERS = "notebooks"  # the folder of the committed chapters, and that of those executed
PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>$title</title>
<style>$style</style>
</head>
<body>
<main>
<article>
$body
</article>
<footer>Not for clinical use.</footer>
</main>
</body>
</html>
""")


def write_result_page(executed: Path, page: Path, root: Path = ROOT) -> None:
    """Write the page of an executed chapter.

    Links lead to chapters that were executed beside it, and otherwise to the committed files.
    """
    source = posixpath.join(CHAPTERS, executed.name)

    def address(target: str) -> str:
        if target == source:
            return page.relative_to(root).as_posix()
        beside = executed.with_name(posixpath.basename(target))
        ran = target.endswith(".ipynb") and beside.exists()
        return beside.relative_to(root).as_posix() if ran else target

    html = notebook_to_html(executed.read_text(encoding="utf-8"))
    body = make_fragment(html, source, root, (), address).body
    for picture in body("img", src=True):
        if not picture["src"].startswith("data:"):
            picture["src"] = _embedded(root / CHAPTERS / picture["src"])
    style = (Path(__file__).parent / "site.css").read_text(encoding="utf-8")
    title = escape(title_of(executed))
    page.write_text(PAGE.substitute(title=title, style=style, body=body), encoding="utf-8")


def _embedded(path: Path) -> str:
    kind, _ = mimetypes.guess_type(path.name)
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


if __name__ == "__main__":
    write_result_page(*(Path(argument).resolve() for argument in sys.argv[1:]))
