"""What the packages may know of each other, and the few rules all modules keep."""

import ast
import importlib
import re
from functools import cache

import pytest

import utils
from utils import HOME

UTILS = HOME / "utils"
PATHS = {
    ".".join(path.relative_to(UTILS).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(UTILS.rglob("*.py"))
    if path != UTILS / "__init__.py"
}
ORDER = re.findall(r"^(\w+)  +\S", utils.__doc__, re.MULTILINE)
PRINTS = {"audit.command_line", "examine.command_line", "course.__main__", "course.runner"}
PRINTS |= {"course.real.__main__"}
CONSTANTS = {"exports", "HOME", "ROOT", "ALIAS", "NAMES", "MEDMNIST_NAMES", "PHANTOM_NAMES"}
# Words of a private language, which no reader should have to learn.
WORDS = "guilty innocents? accused? accuses whoever whom nobody somebody he his him himself"
WORDS += " strangers? asked told said heard suspects?"
NO_NOUN = r"[.;:!?(\"'=]|\b(?:at|by|for|from|if|in|of|than|that|to|with)"
ANYONE = rf"(?:{NO_NOUN})\s*\bwho\b"  # "attackers who know" is fine, "who knows" is not
BANNED = re.compile(rf"(\b(?:{WORDS.replace(' ', '|')})\b|{ANYONE})", re.I)


def documentation(name):
    return ast.get_docstring(tree(name)[0]) or ""


@cache
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
    """The packages of ours that a module imports from."""
    ours = (full.split(".") for full in imported(name) if full.startswith("utils."))
    return {parts[1] for parts in ours} - CONSTANTS


# One test for each rule and not for each module: three hundred files are parsed once.
def test_imports_go_one_way():
    packages = {name: name.partition(".")[0] for name in PATHS}
    assert not set(packages.values()) - set(ORDER), "name them in the list of utils/__init__.py"
    upwards = {
        name: {other for other in needed(name) if ORDER.index(other) > ORDER.index(package)}
        for name, package in packages.items()
    }
    assert not {name: others for name, others in upwards.items() if others}


def imported_first(name):
    """What a module imports before it does anything."""
    for node in ast.parse(PATHS[name].read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def libraries_first(*waiting):
    """The libraries that these modules, and all that they import first, load."""
    waiting, known, libraries = list(waiting), set(), set()
    while waiting:
        known.add(name := waiting.pop())
        for full in imported_first(name):
            ours = full.removeprefix("utils.")
            ours = {ours, ours.rpartition(".")[0]} & set(PATHS) if full != ours else set()
            waiting += ours - known
            libraries |= set() if ours else {full.partition(".")[0]}
    return libraries


AUDIT = ("audit.command_line", "audit.report", "audit.registry")


def test_an_audit_waits_for_no_library_of_networks_and_figures():
    libraries = libraries_first(
        *AUDIT, *(name for name in PATHS if name.startswith("audit.checks"))
    )
    assert "torch" in libraries and not libraries & {"timm", "torchvision", "matplotlib", "optuna"}


def test_checks_of_files_copies_and_quality_wait_for_neither_tensors_nor_trees():
    checks = ("files", "duplicates", "quality", "images")
    libraries = libraries_first(*AUDIT, *(f"audit.checks.{name}" for name in checks))
    assert "pandas" in libraries and not libraries & {"torch", "safetensors", "sklearn"}


def test_imports_no_notebook_no_test_and_no_star():
    foreign = {"notebooks", "dataset", "tests", "import_ipynb", "nbimporter"}
    for name in PATHS:
        for full in imported(name):
            assert full.partition(".")[0] not in foreign and not full.endswith(".*"), (name, full)


def test_fits_on_three_screens():
    lines = {n: len(p.read_text(encoding="utf-8").splitlines()) for n, p in PATHS.items()}
    assert not {name: count for name, count in lines.items() if count > 220}


def test_the_listing_is_short():
    names = [path for path in UTILS.iterdir() if path.name != "__pycache__"]
    assert len(set(names) - {UTILS / "__init__.py"}) <= 15
    for package in {path.parent for path in PATHS.values()} - {UTILS}:
        assert len(list(package.glob("*.py"))) <= 18, package


def test_says_in_one_sentence_what_it_is_for():
    first = {name: documentation(name).split("\n")[0] for name in PATHS}
    assert not [name for name, line in first.items() if not line.endswith((".", ":", "?"))]


def test_neither_prints_nor_moves_to_a_device_nor_swallows_errors():
    for name, node in ((each, node) for each in PATHS for node in tree(each)):
        place = f"{name}, line {getattr(node, 'lineno', 0)}"
        assert not (isinstance(node, ast.ExceptHandler) and node.type is None), place
        if isinstance(node, ast.Call):
            called = node.func
            assert getattr(called, "attr", None) != "cuda", f"{place}: use .to(device)"
            prints = getattr(called, "id", None) == "print" and name not in PRINTS
            assert not prints, f"{place}: return it, and let the notebook show it"


def test_every_module_has_its_test_at_the_mirrored_path():
    paths = [path.relative_to(UTILS) for path in PATHS.values() if path.stem != "__init__"]
    tests = {path: HOME / "tests" / path.parent / f"test_{path.stem}.py" for path in paths}
    assert not [str(path) for path, test in tests.items() if not test.exists()]


@pytest.mark.parametrize(
    "text", ["Each is asked.", "what one aims at who knows", "Who cares, wins."]
)
def test_a_private_language_is_noticed(text):
    assert BANNED.search(f'"""{text}"""')
    assert not BANNED.search('"""Attackers who know the filter, and patients\nwho moved."""')


def test_speaks_the_words_of_the_field():
    paths = [*sorted(UTILS.rglob("*.py")), HOME / "README.md"]
    found = {path: BANNED.findall(path.read_text(encoding="utf-8")) for path in paths}
    assert not {str(path): sorted(set(words)) for path, words in found.items() if words}


@pytest.mark.parametrize("package", [name for name in ORDER if (UTILS / name).is_dir()])
def test_what_a_package_exports_is_there_and_hides_no_module(package):
    """`from utils.attacks import PGD` must not find a module of that name instead."""
    calls = [n for n in tree(package) if isinstance(n, ast.Call) and n.func.id == "exports"]
    for home, names in (each for call in calls for each in homes(call)):
        module = importlib.import_module(f"utils.{package}.{home}")
        for name in names.split():
            assert hasattr(module, name), f"{home} has no {name}"
            assert f"{package}.{name}" not in PATHS, f"{name} is a module, too"


def homes(call):
    """The modules that a call of `exports` names, as keywords or by their dotted names."""
    for keyword in call.keywords:
        value = ast.literal_eval(keyword.value)
        yield from value.items() if keyword.arg is None else [(keyword.arg, value)]
