"""The map follows from the notebooks, but for its order and what a chapter shows."""

import pytest
from toy_course import first_screen, write_notebook

from utils.course.course_map import (
    MAP,
    README,
    Place,
    collect_minutes,
    mapped,
    places,
    read_minutes,
    write_map,
)

ROWS = """| | chapter | what it shows | level | minutes | needs |
| --- | --- | --- | --- | --- | --- |
| | **I · Data** | | | | |
| 1 | [prepare_dataset](../dataset/prepare_dataset.ipynb) | reading | | 4 | |
| | **II · Networks** | | | | |
| 9 | [resnet](resnet.ipynb) | training, 5 tables | \\* | 3 | x |
"""
ABOUT = "\nAll: <!-- minutes -->an hour<!-- /minutes -->.\n"
PARTS = """| I · Data | [prepare_dataset](dataset/prepare_dataset.ipynb): a game |
| II · Networks | [old](notebooks/old.ipynb) · [resnet](notebooks/resnet.ipynb) |
"""


@pytest.fixture
def home(tmp_path):
    """Two chapters, and pages that are out of date."""
    screen = first_screen("Data", minutes=1)
    write_notebook(tmp_path, "dataset/prepare_dataset", "SEED = 0", screen=screen)
    screen = first_screen("ResNet", "prepare_dataset", before="prepare_dataset")
    write_notebook(tmp_path, "notebooks/resnet", "SEED = 0", screen=screen)
    (tmp_path / MAP).write_text(ROWS + ABOUT)
    (tmp_path / README).write_text(PARTS + ABOUT)
    return tmp_path


def rows(page) -> list[str]:
    return [line for line in page.split("\n") if ".ipynb)" in line]


def test_a_row_has_its_number_and_what_the_first_screen_says(home):
    data, network = rows(mapped(home)[MAP])
    link = "[prepare_dataset](../dataset/prepare_dataset.ipynb)"
    assert data == rf"| 0 | {link} | reading | \*\* | 1 | – |"
    assert network == r"| 1 | [resnet](resnet.ipynb) | training, 5 tables | \*\* | 2 | – |"


def test_what_is_written_stays(home):
    write_map(home)
    pages = {name: (home / name).read_text() for name in (MAP, README)}
    assert pages == mapped(home) and pages[MAP] != ROWS + ABOUT


def test_a_new_chapter_gets_a_row_below_the_one_that_it_names(home):
    for name, above in (("rnn_atk", "rnn"), ("rnn", "resnet")):  # found in either order
        needs = ("rnn", "resnet") if name == "rnn_atk" else ("prepare_dataset",)
        screen = first_screen(f"RNN: what {name} shows", *needs, before=above)
        write_notebook(home, f"notebooks/{name}", "SEED = 0", screen=screen)
    pages = mapped(home)
    assert rows(pages[MAP])[2:] == [
        r"| 2 | [rnn](rnn.ipynb) | what rnn shows | \*\* | 2 | – |",
        r"| 3 | [rnn_atk](rnn_atk.ipynb) | what rnn_atk shows | \*\* | 2 | rnn, resnet |",
    ]
    links = " · ".join(f"[{n}](notebooks/{n}.ipynb)" for n in ("resnet", "rnn", "rnn_atk"))
    assert f"| II · Networks | {links} |" in pages[README]


def test_a_part_lists_its_chapters_and_keeps_what_stands_behind_them(home):
    first, second, *_ = mapped(home)[README].split("\n")
    assert first == PARTS.partition("\n")[0] and first.endswith(": a game |")
    assert second == "| II · Networks | [resnet](notebooks/resnet.ipynb) |"


def test_the_last_chapter_needs_all_others(home):
    screen = first_screen("Results", before="resnet")
    write_notebook(home, "notebooks/results", "SEED = 0", screen=screen)
    assert rows(mapped(home)[MAP])[2].endswith("| 2 | all |")


def test_a_chapter_without_a_place_or_a_level_and_a_row_without_a_chapter_are_named(home):
    write_notebook(home, "notebooks/rnn", "SEED = 0", screen=first_screen("RNN", before="nowhere"))
    with pytest.raises(ValueError, match="rnn is not in notebooks/README.md.*`Before this"):
        mapped(home)
    write_notebook(home, "notebooks/rnn", "SEED = 0", screen="# RNN\n\nBefore this: [resnet](r)")
    with pytest.raises(ValueError, match="rnn: the first screen lacks a line"):
        mapped(home)
    (home / "notebooks/rnn.ipynb").unlink()
    (home / MAP).write_text(ROWS + "| 2 | [rnn](rnn.ipynb) | gone | | | |")
    with pytest.raises(ValueError, match="a row for rnn, and there is no such notebook"):
        mapped(home)


def test_each_chapter_stands_between_its_neighbours(home, tmp_path_factory):
    assert places(tmp_path_factory.mktemp("empty")) == {}
    write_map(home)
    assert places(home) == {
        "dataset/prepare_dataset.ipynb": Place("0", "", "[resnet](../notebooks/resnet.ipynb)"),
        "notebooks/resnet.ipynb": Place(
            "1", "[prepare_dataset](../dataset/prepare_dataset.ipynb)", ""
        ),
    }


def test_the_minutes_are_those_of_the_last_full_run(home):
    logs = home / "assets/course/quick/logs"
    logs.mkdir(parents=True)
    (logs / "resnet.cost.json").write_text('{"cpu_seconds": 400.0}')
    (logs / "prepare_dataset.cost.json").write_text('{"cpu_seconds": 0}')  # not counted there
    assert collect_minutes(home) == read_minutes(home) == {"resnet": 7}
    pages = mapped(home)
    assert rows(pages[MAP])[1].endswith("| 7 | – |") and pages[MAP].endswith(ABOUT)
    (logs / "resnet.cost.json").unlink()
    assert collect_minutes(home) == {"resnet": 7}, "what was measured stays"


def test_the_minutes_of_all_chapters_on_two_cores_are_rounded(home):
    (home / "assets").mkdir()
    (home / "assets/course_minutes.json").write_text('{"prepare_dataset": 30, "resnet": 34}')
    for page in mapped(home).values():
        assert page.endswith("All: <!-- minutes -->30 minutes<!-- /minutes -->.\n")
