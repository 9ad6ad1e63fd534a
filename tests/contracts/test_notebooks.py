"""What a reader may rely on in every notebook."""

import ast
import importlib
import re
from functools import cache
from importlib.util import find_spec

import nbformat
import pytest
import yaml
from contracts.test_layers import BANNED

from utils import HOME
from utils.backbones.catalogue import BACKBONES
from utils.course.claims import found_in_words, read_claims
from utils.course.plan import FIRST, needs_of, parameters_of, read_course
from utils.course.upkeep import FOUND, bootstrap, repository

PATHS = sorted([*HOME.glob("dataset/*.ipynb"), *HOME.glob("notebooks/*.ipynb")])
HEADINGS = ("Take-aways", "Try it yourself", "References")
MACHINE_PATH = re.compile(r"(?<![\w.:/])/(home|root|Users|tmp|work|mnt|content|var)/|[A-Z]:\\\\")
EVERY = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
CLAIMING = pytest.mark.parametrize(
    "path",
    [path for path in PATHS if "**Claim.**" in path.read_text(encoding="utf-8")],
    ids=lambda path: path.stem,
)
AUTHORS = re.compile(r"\bHe(?= et al\.)")
PROFILES = yaml.safe_load((HOME / "env/profiles.yaml").read_text(encoding="utf-8"))


@cache
def read(path):
    return nbformat.read(path, as_version=4)


def code_cells(path, tag=None):
    cells = [cell for cell in read(path).cells if cell.cell_type == "code"]
    return [cell for cell in cells if tag is None or tag in cell.metadata.get("tags", [])]


def prose(path):
    return "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")


def outputs(path):
    return [output for cell in code_cells(path) for output in cell.outputs]


def without_magics(source):
    """The Python in a cell: lines of the shell and of IPython left out."""
    return "\n".join(re.sub(r"^(\s*)[%!].*", r"\1pass", line) for line in source.split("\n"))


@EVERY
def test_what_it_imports_is_there(path):
    """Found in seconds, before a run of half an hour finds it."""
    nodes = (
        n for cell in code_cells(path) for n in ast.walk(ast.parse(without_magics(cell.source)))
    )
    for node in (n for n in nodes if isinstance(n, ast.ImportFrom) and n.module):
        for name in (each.name for each in node.names):
            package = importlib.import_module(node.module)
            assert hasattr(package, name) or find_spec(f"{node.module}.{name}"), name


@EVERY
def test_is_valid_and_small(path):
    nbformat.validate(read(path))
    assert path.stat().st_size < 1_000_000
    assert read(path).metadata.kernelspec.name == "python3"


@EVERY
def test_parameters_are_literals_one_per_line(path):
    (cell,) = code_cells(path, tag="parameters")
    lines = ast.parse(cell.source).body
    assert lines and len({line.lineno for line in lines}) == len(lines)
    for line in lines:
        assert isinstance(line, ast.Assign) and line.lineno == line.end_lineno
        assert line.targets[0].id.isupper()
        ast.literal_eval(line.value)  # a derived value would ignore what the runner sets


def test_a_parameter_is_of_one_type_in_all_notebooks():
    """One value typed for the runner reaches every notebook that knows the name."""
    types: dict[str, set[type]] = {}
    for notebook in read_course().values():
        for name, value in notebook.defaults.items():
            types.setdefault(name, set()).add(type(value))
    assert {name: found for name, found in types.items() if len(found) > 1} == {}


@EVERY
def test_cells_are_short_and_define_nothing(path):
    for cell in code_cells(path):
        listed = "parameters" in cell.metadata.get("tags", [])  # no harder for its length
        lines = cell.source.replace(bootstrap(repository()), "").split("\n")
        listed |= all(re.match("from|import| |[)]|$", line) for line in lines)
        assert listed or len(lines) <= 12, cell.source
        for node in ast.walk(ast.parse(without_magics(cell.source))):
            assert not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef), (
                f"move {node.name} into utils/"
            )
            named = isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr)
            assert not (named and isinstance(node.value, ast.Lambda)), "move it into utils/"


@EVERY
def test_asks_its_packages_for_few_things_of_the_right_size(path):
    sources = [without_magics(cell.source) for cell in code_cells(path)]
    found = [node for source in sources for node in ast.walk(ast.parse(source))]
    ours = [n.module for n in found if isinstance(n, ast.ImportFrom) and "utils" in n.module]
    assert len(ours) <= 8 and len(set(ours)) <= 10, ours


@EVERY
def test_was_executed_from_top_to_bottom_without_complaint(path):
    cells = [cell for cell in code_cells(path) if cell.source.strip()]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for output in outputs(path):
        assert output.output_type != "error", output
        assert output.get("name") != "stderr", output.text


@EVERY
def test_outputs_name_no_folder_of_a_machine(path):
    for output in outputs(path):
        shown = [output.get("text", ""), *output.get("data", {}).values()]
        for text in (text for text in shown if isinstance(text, str) and len(text) < 100_000):
            assert not (found := MACHINE_PATH.search(text)), text[found.start() - 40 :][:120]


@EVERY
def test_leads_on(path):
    text = prose(path)
    local = [link for link in re.findall(r"\]\(([^)#\s]+)", text) if "://" not in link]
    others = [link for link in local if link.endswith(".ipynb")]
    assert others, "link the notebook before and the one after"
    for link in local:
        target = (path.parent / link).resolve()
        assert target.exists(), f"{link} leads nowhere"
        assert target.is_relative_to(HOME), f"{link} leads out of what JupyterLab shows"


@EVERY
def test_ends_with_what_to_keep_what_to_try_and_what_to_read(path):
    found = re.findall(r"^#+ (.+?)\s*$", prose(path), re.MULTILINE)
    assert [heading for heading in found if heading in HEADINGS] == list(HEADINGS)


@EVERY
def test_prose_stands_before_almost_every_cell(path):
    kinds = [cell.cell_type for cell in read(path).cells]
    bare = sum(pair == ("code", "code") for pair in zip(kinds, kinds[1:], strict=False))
    assert kinds[0] == "markdown" and bare <= max(2, kinds.count("code") // 5)


@EVERY
def test_the_claim_on_the_first_screen_is_the_committed_one(path):
    found = {
        row["name"]: found_in_words(row) for row in read_claims(HOME) if row["chapter"] == path.stem
    }
    for _, name, sentence, _ in FOUND.findall(prose(path)):
        assert sentence == found.get(name), "run the chapter, then: make results, make format"


@CLAIMING
def test_the_cells_that_only_prepare_or_record_are_folded(path):
    for cell in code_cells(path):
        if bootstrap(repository()) in cell.source or ".record(" in cell.source:
            assert "hide-input" in cell.metadata.tags and cell.metadata.jupyter.source_hidden


@CLAIMING
def test_the_first_screen_leads_to_the_glossary(path):
    first = read(path).cells[0].source
    assert re.search(r"Words: \[glossary\]\((\.\./notebooks/)?README\.md#glossary\)", first)


@EVERY
def test_speaks_the_words_of_the_field(path):
    assert not sorted(set(BANNED.findall(AUTHORS.sub("", prose(path)))))


@EVERY
def test_no_check_is_raised_in_the_committed_run(path):
    """But where a mistake is made on purpose, and its flags are the lesson."""
    lines = re.findall(r"\d+ checks?, .* raised", path.read_text(encoding="utf-8"))
    if path.stem not in ("museum", "defences"):
        assert all(line.endswith("none raised") for line in lines)


@EVERY
def test_the_picture_on_the_first_screen_is_small(path):
    for picture in re.findall(r"!\[.*?\]\((\S+?)\)", read(path).cells[0].source):
        assert (path.parent / picture).stat().st_size < 60_000, picture


def test_the_course_can_be_ordered():
    assert not PATHS or FIRST in needs_of(read_course())


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.skipif(not PATHS, reason="no notebook yet")
def test_every_name_in_a_profile_is_known(profile):
    assert set(parameters_of(read_course(), profile, {})) == {path.stem for path in PATHS}


def test_the_full_profile_asks_only_for_weights_that_are_published():
    course = read_course()
    for name, given in parameters_of(course, "full", {}).items():
        asked = course[name].defaults | given
        if asked.get("WEIGHTS") == "pretrained":
            names = [asked[who] for who in ("BACKBONE", "JUDGE", "SECOND") if who in asked]
            assert all(BACKBONES[n].published or BACKBONES[n].ours for n in names), name
