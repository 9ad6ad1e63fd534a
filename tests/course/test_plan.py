"""What each notebook of a course needs and gets, and what makes it run again."""

import nbformat
import nbformat.v4
import pytest
from toy_course import first_screen, write_notebook

from utils.course import plan
from utils.course.plan import make_plan, needs_of, read_course
from utils.course.runner import widest


def keys(typed=None):
    return {name: job["key"] for name, job in make_plan("quick", typed or {}, []).items()}


def changed(before, after):
    return {name for name in after if before.get(name) != after[name]}


def test_a_chapter_needs_what_its_first_screen_says(root):
    write_notebook(root, "notebooks/museum", "SEED = 0")
    needs = needs_of(read_course())
    assert needs["resnet_atk"] == ["resnet"] and needs["museum"] == ["prepare_dataset"]
    assert set(needs["results"]) == set(needs) - {"results"} and list(needs)[-1] == "results"
    assert widest(make_plan("quick", {}, [])) == 2
    assert list(make_plan("quick", {}, ["resnet"])) == ["prepare_dataset", "resnet"]


def test_what_a_reader_should_know_first_is_no_need(root):
    screen = first_screen("A vote", "resnet", "resnet_atk")
    write_notebook(root, "notebooks/vote", "SEED = 0", screen=screen)
    assert read_course()["vote"].needs == ["resnet", "resnet_atk"]
    read = screen.replace("atk.ipynb)*", "atk.ipynb) · read [museum](museum.ipynb) first*")
    write_notebook(root, "notebooks/vote", "SEED = 0", screen=read)
    assert read_course()["vote"].needs == ["resnet", "resnet_atk"] and read != screen
    write_notebook(root, "notebooks/vote", "SEED = 0", screen=first_screen("A vote", "nothing"))
    with pytest.raises(ValueError, match="unknown notebook that vote needs: 'nothing'"):
        needs_of(read_course())


def test_a_parameter_changes_what_knows_it_and_what_follows(root):
    assert changed(keys(), keys({"EPSILONS": "[4]"})) == {"resnet_atk", "results"}
    assert changed(keys(), keys({"EPOCHS": "3"})) == {"resnet", "resnet_atk", "results"}
    assert changed(keys(), keys({"EPOCHS": "2", "RATE": "1e-1"})) == set()


def test_a_module_changes_the_key_wherever_the_notebooks_lie(root, monkeypatch):
    monkeypatch.setattr(plan, "HOME", root / "code")
    module = root / "code/utils/data/tool.py"
    module.parent.mkdir(parents=True)
    module.write_text("ONE = 1\n")
    (root / "utils").mkdir()
    before = keys()
    (root / "utils/tool.py").write_text("ONE = 1\n")  # not the code that runs
    assert changed(before, keys()) == set()
    module.write_text("ONE = 2\n")
    assert changed(before, keys()) == set(before)


def test_code_cells_and_raw_data_change_the_key_but_prose_and_outputs_do_not(root):
    before = keys()
    path = root / "notebooks/resnet.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell("prose"))
    notebook.cells[1].outputs = [nbformat.v4.new_output("stream", text="1")]
    nbformat.write(notebook, path)
    assert changed(before, keys()) == set()
    notebook.cells[-1].source += "\n# another line"
    nbformat.write(notebook, path)
    assert changed(before, after := keys()) == {"resnet", "resnet_atk", "results"}
    (root / "dataset/raw_dataset").mkdir()
    (root / "dataset/raw_dataset/image.png").write_text("")
    assert changed(after, later := keys()) == set(before)
    assert changed(later, keys()) == set()


def test_a_profile_may_speak_to_one_notebook(root):
    jobs = make_plan("full", {"SEED": "3"}, [])
    assert jobs["resnet"]["parameters"] == {"EPOCHS": 9}
    assert jobs["results"]["parameters"] == {"SEED": 3}
    assert make_plan("full", {"EPOCHS": "4"}, [])["resnet"]["parameters"] == {"EPOCHS": 4}


@pytest.mark.parametrize(
    ("typed", "parameters"),
    [
        ({"RATE": "1"}, {"RATE": 1.0}),
        ({"RATE": "1e-3"}, {"RATE": 1e-3}),
        ({"DATASET": "folder:/images"}, {"DATASET": "folder:/images"}),
        ({"DATASET": "7"}, {"DATASET": "7"}),
    ],
)
def test_text_becomes_the_type_of_the_default(root, typed, parameters):
    assert make_plan("quick", typed, [])["resnet"]["parameters"] == parameters


@pytest.mark.parametrize(
    ("profile", "typed", "names", "message"),
    [
        ("quick", {"EPOCS": "1"}, [], "'EPOCS'; did you mean EPOCHS[?]$"),
        ("quick", {"epochs": "1"}, [], "'epochs'; did you mean EPOCHS[?]$"),
        (
            "quick",
            {"LR": "1"},
            ["resnet"],
            "'LR'; known are DATASET, DATASETS, EPOCHS, RATE, SEED$",
        ),
        ("quick", {"FAIL": "True"}, ["resnet"], "no notebook of this run knows FAIL; resnet_atk w"),
        ("quick", {"EPOCHS": "abc"}, [], "resnet takes EPOCHS as int.*'abc'"),
        ("quick", {"EPOCHS": "True"}, [], "resnet takes EPOCHS as int"),
        ("quick", {"EPSILONS": "[1"}, [], "resnet_atk takes EPSILONS as list"),
        ("quick", {}, ["nothing"], "unknown notebook: 'nothing'; known are prepare_dataset"),
        ("quick", {}, ["resnett"], "unknown notebook: 'resnett'; did you mean resnet[?]$"),
        ("huge", {}, [], "unknown profile: 'huge'; known are full, quick"),
    ],
)
def test_a_mistake_is_named_before_anything_starts(root, profile, typed, names, message):
    with pytest.raises(ValueError, match=message):
        make_plan(profile, typed, names)


def test_a_refused_value_is_reported_of_a_notebook_that_was_typed(root):
    write_notebook(root, "notebooks/cervix", "EPOCHS = 4")
    for name in ("resnet", "cervix"):
        with pytest.raises(ValueError, match=f"^{name} takes EPOCHS as int"):
            make_plan("quick", {"EPOCHS": "three"}, [name])


def test_a_file_without_a_dot_and_an_image_of_a_table_change_the_key(root):
    folder = root / "images"
    folder.mkdir()
    (folder / "table.csv").write_text("path,label\nIM0002,a\n")
    (root / "elsewhere").mkdir()
    for table, image in (("other.csv", "x.png"), ("OTHER.CSV", "y.png")):
        (root / table).write_text(f"path,label\nelsewhere/{image},a\n")
    for typed, file in (
        ({"DATASET": str(folder)}, folder / "IM0001"),
        ({"DATASET": str(root / "other.csv")}, root / "elsewhere/x.png"),
        ({"DATASET": str(root / "OTHER.CSV")}, root / "elsewhere/y.png"),
    ):
        before = keys(typed)
        file.write_text("pixels")
        assert {"prepare_dataset", "resnet"} <= changed(before, keys(typed)), file


def test_an_image_of_a_table_by_the_name_of_a_data_set_changes_the_key(root, monkeypatch):
    image = root / "elsewhere/x.png"
    for folder in ("data", "elsewhere"):
        (root / folder).mkdir()
    (root / "data/chest_xray.csv").write_text(f"path,label\n{image},normal\n")
    monkeypatch.setenv("DATA_ROOT", str(root / "data"))
    before = keys({"DATASETS": "chest_xray"})
    image.write_text("pixels")
    assert "prepare_dataset" in changed(before, keys({"DATASETS": "chest_xray"}))


def test_a_profile_with_an_unknown_name_is_refused(root):
    (root / "env/profiles.yaml").write_text("quick: {EPOCS: 1}\n")
    with pytest.raises(ValueError, match="EPOCS"):
        make_plan("quick", {}, [])


def test_a_profile_may_speak_to_notebooks_that_do_not_run(root):
    (root / "env/profiles.yaml").write_text("quick: {FAIL: true}\n")
    assert list(make_plan("quick", {}, ["resnet"])) == ["prepare_dataset", "resnet"]


def test_what_a_run_needs_may_know_a_parameter_that_it_does_not(root):
    assert make_plan("quick", {"RATE": "1"}, ["resnet_atk"])["resnet"]["parameters"] == {"RATE": 1}


@pytest.mark.parametrize(
    ("typed", "prepared"),
    [
        ({}, "chest cells"),
        ({"DATASET": "folder:/mine"}, "folder:/mine"),
        ({"DATASET": "chest", "DATASETS": "chest brain"}, "chest brain"),
    ],
)
def test_the_data_set_of_the_chapters_is_what_is_prepared(root, typed, prepared):
    profile = "quick: {prepare_dataset: {DATASETS: chest cells}}\n"
    (root / "env/profiles.yaml").write_text(profile)
    for names in ([], ["prepare_dataset"]):
        jobs = make_plan("quick", typed, names)
        assert jobs["prepare_dataset"]["parameters"] == {"DATASETS": prepared}


def test_an_installation_without_notebooks_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "ROOT", tmp_path)
    with pytest.raises(ValueError, match="no notebooks in .*pip install -e"):
        read_course()


def test_a_derived_parameter_is_refused(root):
    write_notebook(root, "notebooks/museum", "EPSILON = 8 / 255")
    with pytest.raises(ValueError, match="must be a literal"):
        read_course()
