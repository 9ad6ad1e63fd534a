"""A repository of a few short files with everything that a page can hold."""

import nbformat.v4 as v4

SVG = '<svg width="300" viewBox="0 0 3 3"><style>*{fill: red}</style><path d="M0 0h3"/></svg>'
TABLE = "<style scoped>td {color: red}</style><table border='1'><tr><td>shown</td></tr></table>"
SOURCE = (
    '<style>pre {x: y}</style><div class="highlight"><pre style="font-family: x">def f</pre></div>'
)
MAP = """# The course

[glossary](#glossary) · [recipe](../utils/tool.py) · [start](../README.md#two-commands)

| | chapter | what it shows |
| --- | --- | --- |
| | **I · Can you trust the data?** | |
| 1 | [prepare_dataset](../dataset/prepare_dataset.ipynb) | reading |
| | **II · Four networks** | |
| 2 | [resnet](resnet.ipynb) | training |

## Glossary

Overfitting: to learn by heart. [How sure?](resnet.ipynb#How-sure-are-we?)
"""
README = """# Second Look

![curve](assets/curve.png) ![badge](https://example.org/badge.svg)

## Two commands

[map](notebooks/README.md#glossary) · [data](dataset/) · [curve](assets/curve.png) ·
[away](https://example.org) · [private](../secret.txt) · [missing](gone.md)
"""


def code(source, *outputs, **metadata):
    return v4.new_code_cell(source, outputs=list(outputs), metadata=metadata)


def shown(**data):
    named = {kind.replace("__", "/"): part for kind, part in data.items()}
    return v4.new_output("display_data", data=named)


def notebook(*cells):
    return v4.new_notebook(cells=list(cells))


def text_of(made):
    return v4.writes(made)


def write_repository(root):
    private = (
        '<a href="../assets/private.png">p</a><script src="https://example.org/x.js"></script>'
    )
    resnet = notebook(
        v4.new_markdown_cell("# 2 · ResNet: a network\n\n$$x + f(x)$$\n\n[before](../README.md)"),
        code("picture()", shown(**{"image/svg+xml": SVG, "text/plain": "<Figure>"})),
        code("show_source(f)", shown(text__html=SOURCE, text__plain="f")),
        v4.new_markdown_cell("## How sure are we?\n\nWithin the bootstrap."),
        code("table", shown(text__html=TABLE + private)),
        code("print(1)", v4.new_output("stream", name="stdout", text="unindexed")),
    )
    files = {
        "README.md": README,
        "notebooks/README.md": MAP,
        "dataset/README.md": "# Data\n",
        "dataset/prepare_dataset.ipynb": text_of(notebook(v4.new_markdown_cell("# Data"))),
        "notebooks/resnet.ipynb": text_of(resnet),
        "utils/tool.py": "def tool():\n    return 1\n",
        "assets/RESULTS.md": "# Results\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n",
        "assets/curve.png": "not a picture",
        "assets/private.png": "a patient",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
