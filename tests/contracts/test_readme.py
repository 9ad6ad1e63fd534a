"""What the pages of the repository promise: links, commands, maps and examples are true."""

import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml
from contracts.test_layers import BANNED

from utils import HOME
from utils.course.claims import read_claims, refuse_undecided
from utils.course.course_map import mapped
from utils.course.plan import FIRST, LAST, needs_of, read_course
from utils.course.publish import written
from utils.course.real.page import read_results
from utils.data.datasets import DATASETS

README, MAP = HOME / "README.md", HOME / "notebooks/README.md"
CATALOGUE, MANUAL = HOME / "dataset/README.md", HOME / "utils/audit/README.md"
OTHERS = [HOME / folder / "README.md" for folder in ("env", "assets", "checkpoints")]
OTHERS += [HOME / folder / "README.md" for folder in ("assets/benchmarks", "utils/examine")]
PAGES = [README, MAP, CATALOGUE, MANUAL, *OTHERS]
EVERY = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(HOME)))
REPOSITORY = re.compile(r"(https?:|git@|ssh:)\S*(github|gitlab|bitbucket|codeberg)", re.I)
MAKEFILE = (HOME / "Makefile").read_text(encoding="utf-8")
TARGETS = re.findall(r"^([a-z-]+):", MAKEFILE, re.M)
VARIABLES = set(re.findall(r"\$\(([A-Z_]+)\)", MAKEFILE))
PROFILES = yaml.safe_load((HOME / "env/profiles.yaml").read_text(encoding="utf-8"))


def text(page) -> str:
    return page.read_text(encoding="utf-8")


def section(page, heading: str) -> str:
    """What stands below a heading, down to the next one as high."""
    marks = heading.split()[0]
    below = text(page).split(f"\n{heading}\n", 1)[1]
    return re.split(rf"^#{{1,{len(marks)}}} ", below, maxsplit=1, flags=re.M)[0]


def prose(page) -> str:
    return re.sub(r"^```.*?^```$", "", text(page), flags=re.M | re.S)


def anchors(page) -> set[str]:
    """The names by which a browser finds the headings."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.M)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


def commands(page) -> list[list[str]]:
    """Every command of ours, in a block or between backticks, cut into words."""
    blocks = "".join(re.findall(r"^```\w*\n(.*?)^```$", text(page), re.M | re.S)).split("\n")
    lines = [*blocks, *re.findall(r"`([^`\n]+)`", prose(page))]
    lines = [line.strip().removeprefix(".venv/bin/") for line in lines]
    return [shlex.split(s, comments=True) for s in lines if re.match("(second-look|make) ", s)]


def test_readme_is_read_in_five_minutes():
    assert len(text(README).splitlines()) <= 150
    assert len(text(README).split()) <= 2200


@EVERY
def test_speaks_the_words_of_the_field(page):
    assert sorted(set(BANNED.findall(text(page)))) == []


@EVERY
def test_every_link_leads_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", text(page)):
        path, _, anchor = link.partition("#")
        found = page.parent / path if path else page
        assert "://" not in link and found.exists(), f"{link} leads nowhere"
        assert not anchor or anchor in anchors(found), f"no heading of {found} is #{anchor}"


@EVERY
def test_names_no_address_of_a_repository(page):
    assert not REPOSITORY.search(text(page))


@pytest.fixture(scope="module")
def subcommands() -> list[str]:
    """As a reader sees them who asks the command for help."""
    call = [sys.executable, "-m", "utils.course", "--help"]
    shown = subprocess.run(call, cwd=HOME, capture_output=True, text=True, check=True).stdout
    return re.split("[|,]", re.search(r"\brun[|,][\w|,]+", shown)[0])


@EVERY
def test_every_command_exists(page, subcommands):
    for program, command, *words in commands(page):
        assert command in (TARGETS if program == "make" else subcommands), command
        if program == "make":
            variables = dict(word.split("=", 1) for word in words)
            assert set(variables) <= VARIABLES, words
            assert variables.get("PROFILE", "quick") in PROFILES, words
            words = shlex.split(variables.get("ARGS", ""))
        if command in ("run", "list"):
            check_words(words[: words.index("--")] if "--" in words else words)


def check_words(words: list[str]) -> None:
    """Parameters and profiles that exist; other words are notebooks, or stand in for one."""
    course = read_course()
    parameters = {name for notebook in course.values() for name in notebook.defaults}
    for before, word in zip(["", *words], words, strict=False):
        if before == "-p":
            assert word.partition("=")[0] in parameters | {"NAME"}, word
        elif before == "--profile":
            assert word in PROFILES, word
        elif not word.startswith("-") and not word.isupper():
            assert word in course, word


@pytest.mark.parametrize(
    "page, heading", [(README, "## The course in six parts"), (MAP, "## The map")]
)
def test_every_chapter_is_in_the_map_once(page, heading):
    listed = re.findall(r"\[(\w+)\]\(\S*?(\w+)\.ipynb\)", section(page, heading))
    assert all(name == file for name, file in listed)
    assert sorted(name for name, _ in listed) == sorted(read_course())


def test_the_map_says_what_each_chapter_needs():
    rows = [row.split("|") for row in section(MAP, "## The map").split("\n") if ".ipynb" in row]
    stated = {re.search(r"\[(\w+)\]", row[2])[1]: row[6].strip() for row in rows}
    for name, needs in needs_of(read_course()).items():
        needs = [need for need in needs if need != FIRST]
        expected = "all" if name == LAST else ", ".join(sorted(needs)) or "–"
        assert ", ".join(sorted(stated[name].split(", "))) == expected, name


@pytest.mark.parametrize("page", [README, MAP])
def test_numbers_levels_minutes_and_parts_are_those_of_the_chapters(page):
    assert text(page) == mapped()[page.relative_to(HOME).as_posix()], "run: make format"


def test_the_catalogue_lists_every_data_set_with_its_licence():
    rows = re.findall(r"^\| `(\w+)` \| .* \| (.+) \| .* \|$", text(CATALOGUE), re.M)
    facts = {name: dataset.licence for name, dataset in DATASETS.items()}
    assert sorted(name for name, _ in rows if name in facts) == sorted(facts)
    assert {name: licence for name, licence in rows if name in facts} == facts


# The examples for contributors: each runs in the module that its recipe tells to copy.

RECIPES = re.split(r"^### ", section(MAP, "## Contributing"), flags=re.M)[1:]
RECIPES = {recipe.partition("\n")[0]: recipe for recipe in RECIPES}


def example(recipe: str, page=MAP) -> dict:
    """What is defined after the example has run in a copy of its module."""
    path = (page.parent / re.search(r"\]\((\S+?\.py)\)", recipe)[1]).resolve()
    module = importlib.import_module(".".join(path.relative_to(HOME).with_suffix("").parts))
    names = {
        name: dict(value) if isinstance(value, dict) and name.isupper() else value
        for name, value in vars(module).items()
    }
    code = re.search(r"^```python\n(.*?)^```$", recipe, re.M | re.S)[1]
    if code.startswith('"'):  # an entry of a dictionary
        names |= {"entry": eval(f"{{{code}}}", names)}
    else:
        exec(code, names)
    return names


@pytest.mark.parametrize("name", RECIPES)
def test_the_example_of_each_recipe_runs(name):
    assert example(RECIPES[name])


def test_the_example_of_the_audit_runs():
    assert "Aspect ratio" in example(section(MANUAL, "## A new check"), MANUAL)["CHECKS"]


def test_the_attack_of_the_example_raises_the_loss_within_epsilon():
    names, images = example(RECIPES["An attack"]), torch.rand(6, 1, 8, 8)
    model, labels = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3)), torch.ones(6)
    attacked = names["GradientStep"](0.1)(model, images, labels.long())
    before, after = (names["cross_entropy"](model(x), labels.long()) for x in (images, attacked))
    assert (attacked - images).abs().max() <= 0.1 + 1e-6 and (after > before).all()
    assert attacked.min() >= 0 and attacked.max() <= 1 and model[1].weight.grad is None


def test_the_figure_of_the_example_draws_both_kinds_of_images():
    draw = example(RECIPES["A figure"])["score_histogram"]
    [axis] = draw(np.array([0.1, 0.2, 0.2]), np.array([0.4, 0.9])).axes
    assert sum(bar.get_height() for bar in axis.patches) == 5
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["clean", "changed"]


def test_the_data_set_of_the_example_finds_the_patient_in_the_path():
    [entry] = example(RECIPES["A data set"])["entry"].values()
    assert entry.patient_of(Path("stone/p7_2.png")) == "p7"


def test_the_metric_of_the_example_counts_normal_images():
    metric = example(RECIPES["A metric"])["RATES"]["false alarm"]
    assert metric(np.array([[3, 1, 0], [2, 2, 0], [0, 0, 5]])) == pytest.approx(0.25)


def test_the_defence_of_the_example_lowers_cross_entropy_by_a_share_of_the_entropy():
    logits, labels = torch.randn(6, 3), torch.arange(6) % 3
    names = example(RECIPES["A defence"])
    plain, penalised = names["CrossEntropy"]().of, names["ConfidencePenalty"]
    assert torch.equal(penalised(strength=0.0).of(logits, labels), plain(logits, labels))
    undecided = penalised(strength=0.25).of(torch.zeros(6, 3), labels)
    assert undecided.item() == pytest.approx(0.75 * np.log(3))


def test_the_noise_of_the_example_grows_with_the_brightness():
    noise = example(RECIPES["A corruption"])["Speckle"](3)
    for brightness in (0.2, 0.8):
        flat = torch.full((4, 1, 100, 100), brightness)
        shown = noise.noisy(flat, torch.Generator().manual_seed(0))
        assert shown.std().item() == pytest.approx(noise.level * brightness, rel=0.02)


def test_the_red_flag_of_the_example_is_raised_by_what_is_no_number():
    raised = example(RECIPES["A red flag"])["CLEAN_FLAGS"]["undefined predictions"]
    sound = SimpleNamespace(probabilities=np.full((4, 2), 0.5))
    broken = SimpleNamespace(probabilities=np.array([[0.5, 0.5], [np.nan, 0.5]]))
    assert raised(SimpleNamespace(clean=sound)) is None
    assert raised(SimpleNamespace(clean=broken)).startswith("1 of 2")


# What `make results` writes.


def test_the_tables_are_those_of_the_records():
    for name, page in written(HOME, read_claims(HOME), read_results(HOME)).items():
        assert text(HOME / name) == page, f"{name}: run: make results"


def test_every_committed_claim_is_decided_and_declared_in_its_chapter():
    claims, course = read_claims(HOME), read_course()
    refuse_undecided(claims)
    declared = {name: "\n".join(notebook.code) for name, notebook in course.items()}
    stale = [row["name"] for row in claims if f'"{row["name"]}"' not in declared[row["chapter"]]]
    assert claims and not stale, "run these chapters, then: make results"
    with_claims = {name for name, code in declared.items() if "Claim(" in code}
    assert with_claims == {row["chapter"] for row in claims}, "run: make results"
