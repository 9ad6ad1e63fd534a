"""Markdown as HTML, with formulas as MathML, which browsers draw by themselves."""

import re
from html import escape

import latex2mathml.converter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

BARE = re.compile(r"\\(math[a-z]+) +([A-Za-z0-9])")  # \mathbb E, which is read only with braces


def markdown_to_html(text: str) -> str:
    """HTML of a text; HTML within it stays."""
    renderer = _Renderer(escape=False, exclude_anchor_links=True)
    return MarkdownWithMath(renderer=renderer).render(text)


def formula_to_html(tex: str, display: str = "inline") -> str:
    """A formula as MathML; the TeX itself where that cannot be read."""
    braced = BARE.sub(r"\\\1{\2}", tex.strip())
    try:
        made = latex2mathml.converter.convert(braced, display=display)
    except Exception:  # its parser has no common class of errors
        made = ""
    return f"<code>{escape(tex.strip())}</code>" if not made or "\\" in made else made


class _Renderer(IPythonRenderer):
    def block_math(self, body: str) -> str:
        return f'<span class="formula">{formula_to_html(body, "block")}</span>'

    def inline_math(self, body: str) -> str:
        return formula_to_html(body)

    def latex_environment(self, name: str, body: str) -> str:
        return self.block_math(f"\\begin{{{name}}}{body}\\end{{{name}}}")
