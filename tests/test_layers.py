"""What the modules may know of each other, and the few rules all of them keep."""

import ast
import re

import pytest

import utils
from utils.chapters import HOME

PATHS = {
    ".".join(path.relative_to(HOME / "utils").with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((HOME / "utils").glob("*/*.py")) + sorted((HOME / "utils").glob("[!_]*.py"))
}
LISTED = re.compile(r"^(\w+)  +\S", re.MULTILINE)
ORDER = LISTED.findall(utils.__doc__)
EVERY = pytest.mark.parametrize("name", PATHS)


def place(name):
    """Where a module stands; a package itself comes after its modules, which it may gather."""
    package, _, module = name.partition(".")
    assert package in ORDER, f"name {package} in the list of utils/__init__.py"
    inside = LISTED.findall(documentation(package)) if package in PATHS else []
    assert not module or module in inside, f"name {module} in the list of {package}/__init__.py"
    return ORDER.index(package), inside.index(module) if module else len(inside)


def documentation(name):
    return ast.get_docstring(ast.parse(PATHS[name].read_text(encoding="utf-8"))) or ""


def tree(name):
    return list(ast.walk(ast.parse(PATHS[name].read_text(encoding="utf-8"))))


def imported(name):
    """Everything a module imports, at its top or inside a function, with full names."""
    for node in tree(name):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name}: write `from utils.x import y`, not a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def needed(name):
    """The modules of ours that a module imports."""
    for full in imported(name):
        parts = full.removeprefix("utils.").split(".") if full.startswith("utils.") else []
        yield from [one for one in (".".join(parts[:2]), *parts[:1]) if one in PATHS][:1]


@EVERY
def test_imports_go_one_way(name):
    for other in needed(name):
        assert place(other) < place(name), f"{name} must not import {other}"


def test_training_and_defences_meet_only_in_notebooks():
    for name in PATHS:
        for other in needed(name):
            pair = {name.partition(".")[0], other.partition(".")[0]}
            assert pair != {"training", "defences"}, f"{name} imports {other}"


@EVERY
def test_imports_no_notebook_and_no_test(name):
    roots = {full.partition(".")[0] for full in imported(name)}
    assert not roots & {"notebooks", "dataset", "tests", "import_ipynb", "nbimporter"}


@EVERY
def test_fits_on_three_screens(name):
    assert len(PATHS[name].read_text(encoding="utf-8").splitlines()) <= 220


@EVERY
def test_says_in_one_sentence_what_it_is_for(name):
    assert documentation(name).split("\n")[0].endswith((".", ":", "?"))


@EVERY
def test_neither_prints_nor_moves_to_a_device_nor_swallows_errors(name):
    for node in tree(name):
        assert not (isinstance(node, ast.ExceptHandler) and node.type is None), "bare except"
        if isinstance(node, ast.Call):
            called = node.func
            assert getattr(called, "attr", None) != "cuda", f"line {node.lineno}: use .to(device)"
            prints = getattr(called, "id", None) == "print" and name != "course"
            assert not prints, f"line {node.lineno}: return it, and let the notebook show it"
