"""The cell for Colab, the badge, and the tags for nbval."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from PIL import Image
from toy_course import first_screen, write_notebook

from utils import HOME
from utils.course import claims, upkeep
from utils.course.claims import found_in_words, read_claims
from utils.course.course_map import MAP, Place, places, read_minutes
from utils.course.plan import Notebook
from utils.course.upkeep import (
    COMPARED,
    EXPLORATORY,
    IGNORED,
    MEASURED,
    TEASER,
    bootstrap,
    copy_teasers,
    is_compared,
    notebook_files,
    repository,
    set_repository,
    tidy,
    tidy_notebooks,
)
from utils.evaluation.comparisons.claims import Claim
from utils.evaluation.intervals import Interval
from utils.run import start_run

URL = "https://github.com/somewhere/second-look"
PATHS, PLACES = notebook_files(), places()


def code_cell(*outputs, tags=()):
    cell = {"cell_type": "code", "metadata": {"tags": list(tags)}, "source": [], "outputs": []}
    return {**cell, "outputs": list(outputs)}


def printed(text):
    return {"output_type": "stream", "name": "stdout", "text": [text]}


def shown(**data):
    data = {name.replace("_", "/"): [text] for name, text in data.items()}
    return {"output_type": "execute_result", "data": data, "metadata": {}}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_notebook_is_as_the_rules_say(path):
    text = path.read_text(encoding="utf-8")
    name = path.relative_to(HOME).as_posix()
    facts = read_claims(HOME), PLACES[name], read_minutes(HOME).get(path.stem)
    assert tidy(text, name, repository(), *facts) == text, "run: make format"
    sources = ["".join(cell["source"]) for cell in json.loads(text)["cells"]]
    assert sum(bootstrap(repository()) in source for source in sources) == 1
    assert not re.search(r"# ?NBVAL_", "".join(sources)), "tags say it, not comments"
    assert ("colab-badge" in text) == repository().startswith("https://github.com/")


@pytest.mark.parametrize(
    ("cell", "compared"),
    [
        (code_cell(), True),
        (code_cell(printed("red flags: 0\n")), True),
        (code_cell(shown(text_plain="{'train': 1917}")), True),
        (code_cell(printed("images: 12\n"), printed("accuracy: 0.93\n")), False),
        (code_cell(printed("right: 93%\n")), False),
        (code_cell(printed("ready in 12 s\n")), False),
        (code_cell(shown(text_plain="a table", text_html="<table>")), False),
        (code_cell(shown(text_plain="<Figure>", image_png="...")), False),
        (code_cell(shown(text_plain="a table", text_html="<table>"), tags=[COMPARED]), True),
        (code_cell(printed("best epoch: 2\n"), tags=[MEASURED]), False),
    ],
)
def test_compares_text_without_measured_numbers(cell, compared):
    assert is_compared(cell) == compared


def test_a_tag_goes_when_the_output_becomes_a_fact():
    cell = code_cell(printed("red flags: 0\n"), tags=[IGNORED, "mine"])
    text = json.dumps({"cells": [{"cell_type": "markdown", "source": ["# T\n", "\n", "x"]}, cell]})
    assert json.loads(tidy(text, "notebooks/t.ipynb", ""))["cells"][1]["metadata"]["tags"] == [
        "mine"
    ]


FIRST_CELL = "# T\n\nIt gains <!-- claim:Leak -->nothing yet<!-- /claim --> in all."


def notebook(*sources):
    kinds = ["markdown", *["code"] * (len(sources) - 1)]
    cells = [
        {"cell_type": kind, "metadata": {}, "source": source, "outputs": []}
        for kind, source in zip(kinds, sources, strict=True)
    ]
    return json.dumps({"cells": cells})


AROUND = "Before this: [r](r.ipynb) · {}: [s](s.ipynb), which goes on · Words: [g](g.md)"


@pytest.mark.parametrize("word", ["Next", "After"])
def test_the_last_line_leads_to_the_next_chapter(word):
    first = f"# T\n\n{AROUND.format(word)}"
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": source}
        for source in (first, "## References\n\n- One 2020.\n")
    ]
    text = tidy(json.dumps({"cells": cells}), "notebooks/t.ipynb", "")
    last = "".join(json.loads(text)["cells"][-1]["source"])
    assert last == "## References\n\n- One 2020.\n\nNext: [s](s.ipynb), which goes on"
    assert tidy(text, "notebooks/t.ipynb", "") == text
    moved = tidy(text.replace("s.ipynb", "new.ipynb"), "notebooks/t.ipynb", "")
    assert moved.count("new.ipynb") == 2 and moved.count("Next: ") == 1 + (word == "Next")


def first_cell(text):
    return "".join(json.loads(text)["cells"][0]["source"])


def test_the_first_cell_states_what_its_own_claim_found():
    row = (
        Claim("Leak", "It gains.", "accuracy", "known", "new").evaluate(Interval(0.1, 0.0, 0.2)).row
    )
    claimed = [{"chapter": "t", **row}, {**row, "chapter": "u", "value": 0.9}]
    shown = first_cell(tidy(notebook(FIRST_CELL), "notebooks/t.ipynb", "", claimed))
    said = FIRST_CELL.replace("nothing yet", found_in_words(row))
    assert shown == f"{said}\n\n{EXPLORATORY}"
    assert first_cell(tidy(notebook(shown), "notebooks/t.ipynb", "", claimed)) == shown
    assert first_cell(tidy(notebook(shown), "notebooks/t.ipynb", "")) == said
    assert first_cell(tidy(notebook(FIRST_CELL), "notebooks/v.ipynb", "", claimed)) == FIRST_CELL


def test_a_title_has_the_number_of_its_chapter_in_the_map(tmp_path):
    fourth, nowhere = Place("4"), Place()
    shown = [
        first_cell(tidy(notebook("# T\n\nx"), "t.ipynb", "", (), p)) for p in (fourth, nowhere)
    ]
    assert shown == ["# 4 · T\n\nx", "# T\n\nx"]
    moved = tidy(notebook(shown[0]), "t.ipynb", URL, (), Place("12"))  # chapters came before it
    assert first_cell(moved).startswith("# 12 · T\n\n[![Open in Colab]")
    assert first_cell(tidy(moved, "t.ipynb", "")) == "# T\n\nx"


def test_the_way_to_both_neighbours_is_that_of_the_map(tmp_path):
    first = f"# T\n\n{AROUND.format('Next')}"
    same = Place(before="[r](r.ipynb)", after="[s](s.ipynb)")
    assert first_cell(tidy(notebook(first, "x = 1"), "t.ipynb", "", (), same)) == first
    new = Place(before="[r](r.ipynb)", after="[new](new.ipynb)")  # a remark is about its chapter
    shown = first_cell(tidy(notebook(first, "x = 1"), "t.ipynb", "", (), new))
    assert shown == first.replace("[s](s.ipynb), which goes on", "[new](new.ipynb)")
    last = Place(before="[q](../dataset/q.ipynb)")
    shown = first_cell(tidy(notebook(first, "x = 1"), "t.ipynb", "", (), last))
    assert shown == first.replace("[r](r.ipynb)", "[q](../dataset/q.ipynb)")


def test_map_and_notebooks_are_brought_in_line_together(tmp_path):
    write_notebook(tmp_path, "notebooks/a", "SEED = 0", screen=first_screen("A", before="b"))
    write_notebook(tmp_path, "notebooks/b", "SEED = 0", screen=first_screen("B", before="a"))
    (tmp_path / MAP).write_text("| 7 | [a](a.ipynb) | x | | | |\n")
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    tidy_notebooks(tmp_path)
    screens = [first_cell((tmp_path / f"notebooks/{name}.ipynb").read_text()) for name in "ab"]
    assert [screen.partition("\n")[0] for screen in screens] == ["# 0 · A", "# 1 · B"]
    assert "Next: [b](b.ipynb) ·" in screens[0] and "Before this: [a](a.ipynb) ·" in screens[1]


def test_the_first_screen_has_the_minutes_of_the_map():
    cell = "# T\n\n*Level \\* · 3 minutes on one CPU core · needs 3 minutes of yours*"
    shown = first_cell(tidy(notebook(cell), "t.ipynb", "", minutes=1))
    assert shown == cell.replace("3 minutes on", "1 minute on")
    assert first_cell(tidy(notebook(cell), "t.ipynb", "")) == cell


def test_lines_for_colab_may_stand_above_the_imports():
    before = notebook("# T\n\nx", bootstrap("") + "\n\nfrom utils import build")
    cell = json.loads(tidy(before, "notebooks/t.ipynb", URL))["cells"][1]
    assert "".join(cell["source"]) == bootstrap(URL) + "\n\nfrom utils import build"


def test_a_run_as_committed_brings_the_picture_of_its_chapter(assets, monkeypatch):
    defaults = {"DATASET": "brain_phantom", "EPOCHS": 7}
    course = {"leakage": Notebook(HOME, [], defaults), "resnet": Notebook(HOME, [], defaults)}
    monkeypatch.setattr(claims, "read_course", lambda: course)
    for name, epochs in (("leakage", 7), ("resnet", 1)):
        run = start_run(name, "brain_phantom")
        run.record(parameters={**defaults, "EPOCHS": epochs})
        Image.new("RGB", (8, 8), "red").save(run.assets / TEASER)
    (assets / "readme").mkdir()
    copy_teasers(assets.parent)
    assert [path.name for path in (assets / "readme").iterdir()] == ["leakage.png"]
    assert Image.open(assets / "readme/leakage.png").convert("RGB").getpixel((0, 0)) == (255, 0, 0)


def test_the_colour_of_a_few_letters_stays_beside_many_greys(assets, monkeypatch):
    course = {"results": Notebook(HOME, ["look()"], {"DATASET": "brain_phantom"})}
    monkeypatch.setattr(upkeep, "read_course", lambda: course)
    monkeypatch.setattr(claims, "read_course", lambda: course)
    picture = Image.radial_gradient("L").resize((512, 512)).convert("RGB")
    picture.paste((213, 94, 0), (0, 0, 6, 6))
    picture.save(start_run("results", "brain_phantom").assets / TEASER)
    (assets / "readme").mkdir()
    copy_teasers(assets.parent)
    small = Image.open(assets / "readme/results.png").convert("RGB")
    assert small.getpixel((2, 2)) == pytest.approx((213, 94, 0), abs=12)


def test_a_chapter_without_a_record_brings_the_picture_of_its_own_data(assets, monkeypatch):
    own = {"DATASET": "brain_phantom"}
    course = {"results": Notebook(HOME, ["look()"], own), "rnn": Notebook(HOME, ["record()"], own)}
    monkeypatch.setattr(upkeep, "read_course", lambda: course)
    monkeypatch.setattr(claims, "read_course", lambda: course)
    for name, dataset in (("results", "brain_phantom"), ("results", "other"), ("rnn", "other")):
        colour = "red" if dataset == "brain_phantom" else "blue"
        Image.new("RGB", (8, 8), colour).save(start_run(name, dataset).assets / TEASER)
    (assets / "readme").mkdir()
    copy_teasers(assets.parent)
    assert [path.name for path in (assets / "readme").iterdir()] == ["results.png"]
    assert Image.open(assets / "readme/results.png").convert("RGB").getpixel((0, 0)) == (255, 0, 0)


@pytest.fixture
def copy(tmp_path):
    """The notebooks of the course without an address, and its pyproject.toml."""
    for path in PATHS[:3]:
        target = tmp_path / path.relative_to(HOME)
        target.parent.mkdir(exist_ok=True)
        shutil.copy(path, target)
    shutil.copy(HOME / "pyproject.toml", tmp_path)
    set_repository("", tmp_path)
    return tmp_path


def contents(root):
    return {path.name: path.read_bytes() for path in root.rglob("*.*") if path.is_file()}


def test_the_address_can_be_set_twice_and_taken_away(copy):
    before = contents(copy)
    set_repository(URL, copy)
    once = contents(copy)
    assert repository(copy) == URL
    assert all((URL.encode() in text) for text in once.values())
    assert all(b"colab-badge" in text for name, text in once.items() if name.endswith("ipynb"))
    set_repository(URL, copy)
    assert contents(copy) == once
    set_repository(URL + "-2", copy)
    set_repository("", copy)
    assert contents(copy) == before and not repository(copy)


def test_a_badge_needs_github_and_a_cell_does_not(copy):
    set_repository("https://host.example/a/b", copy)
    for path in notebook_files(copy):
        text = path.read_text(encoding="utf-8")
        assert "colab-badge" not in text and "git clone -q https://host.example/a/b" in text


@pytest.mark.parametrize("url", ["second-look", 'https://a/b"; import os', "https://a b"])
def test_what_is_no_address_is_refused(copy, url):
    with pytest.raises(ValueError, match="is no address"):
        set_repository(url, copy)


def test_no_address_is_made_up():
    tracked = subprocess.run(["git", "ls-files"], cwd=HOME, capture_output=True, text=True).stdout
    for name in tracked.splitlines():
        if name.endswith((".ipynb", ".toml", ".py", "Makefile", ".yml", ".yaml")):
            text = (HOME / name).read_text(encoding="utf-8")
            assert not re.search(r"second-look[-]course", text), name


@pytest.fixture
def published(tmp_path):
    """A small repository that has what the cell for Colab needs."""
    home = tmp_path / "published"
    for name in ("env", "utils", "notebooks"):
        (home / name).mkdir(parents=True)
    shutil.copy(HOME / "utils/__init__.py", home / "utils")
    (home / "env/requirements.txt").write_text("psutil>=6")  # pip is slow to find all of ours here
    (home / "notebooks/resnet.ipynb").write_text("{}")
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for arguments in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "course"]):
        subprocess.run(["git", *arguments], cwd=home, check=True)
    return home


def on_colab(folder, cell, **variables):
    """Run the cell as Colab would, in a folder that holds no course, without a network."""
    folder.mkdir(exist_ok=True)
    script = folder.parent / "cell.ipy"
    script.write_text(cell + "\nimport utils\nprint(os.getcwd(), utils.HOME)\n")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment |= {"PIP_NO_INDEX": "1", "COLAB_RELEASE_TAG": "release", **variables}
    return subprocess.run(
        [sys.executable, "-m", "IPython", "--no-banner", str(script)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.slow
def test_the_cell_fetches_the_course_from_its_address(tmp_path, published):
    content = tmp_path / "content"
    done = on_colab(content, bootstrap(published.as_uri()))
    home = content / "second-look"
    assert done.stdout.split()[-2:] == [str(home / "notebooks"), str(home)], done.stderr


@pytest.mark.slow
def test_the_cell_opens_an_uploaded_archive(tmp_path, published):
    content = tmp_path / "content"
    content.mkdir()
    makefile = (HOME / "Makefile").read_text(encoding="utf-8").splitlines()
    (recipe,) = (line for line in makefile if "git archive" in line)
    subprocess.run(recipe.split(), cwd=published, check=True)
    shutil.move(published / "second-look.zip", content)
    done = on_colab(content, bootstrap(""))
    home = content / "second-look"
    assert done.stdout.split()[-2:] == [str(home / "notebooks"), str(home)], done.stderr


def test_the_cell_asks_for_the_archive_where_there_is_neither(tmp_path):
    done = on_colab(tmp_path / "content", bootstrap(""))
    assert "upload second-look.zip" in done.stdout + done.stderr


def test_the_cell_does_nothing_elsewhere(tmp_path):
    done = on_colab(tmp_path / "content", bootstrap(URL), COLAB_RELEASE_TAG="")
    assert not list((tmp_path / "content").iterdir()), done.stdout
