"""A chapter's model reaches the next chapter as it was, or the chapter is run first."""

from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
import torch
from nbformat.v4 import new_code_cell, new_notebook
from small import small_split, small_splits

import utils.run
from utils.backbones import build
from utils.course import trained_models
from utils.course.plan import Notebook
from utils.course.trained_models import load_trained, save_trained
from utils.data.split import Splits
from utils.run import start_run
from utils.training.config import TrainConfig

ASKED = {"DATASET": "small", "SIZE": 16, "SEED": 0, "BACKBONE": "gru_rows", "EPOCHS": 3}
CONFIG = TrainConfig(epochs=3, learning_rate=0.02)
SPLITS = small_splits()


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr(utils.run, "ROOT", tmp_path)
    return start_run("toy", "small", 0)


@pytest.fixture
def chapters_run(monkeypatch):
    """The chapters that were run instead of being found, and the parameters they got."""
    calls = []
    monkeypatch.setattr(trained_models, "_run_chapter", lambda *given: calls.append(given))
    return calls


def model(seed=5):
    return build("gru_rows", 3, 16, seed=seed)


def test_the_model_arrives_as_it_was_left(run, chapters_run):
    save_trained(run, model(), CONFIG, SPLITS, ASKED)
    found = load_trained(run, SPLITS, {"SIZE": 16, "SEED": 0, "EPSILON": 4})
    before, after = model().state_dict(), found.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert found.config == CONFIG and not found.model.training and not chapters_run
    assert found.parameters == ASKED


def test_settings_that_are_not_those_of_the_chapter_are_named(run, monkeypatch):
    usual = Notebook(Path("toy.ipynb"), [], {**ASKED, "EPOCHS": 8})
    monkeypatch.setattr(trained_models, "read_course", lambda: {"toy": usual})
    save_trained(run, model(), CONFIG, SPLITS, ASKED)
    assert load_trained(run, SPLITS, {"SIZE": 16}).unusual == {"EPOCHS": 3}


OTHERS = {
    "another size": (SPLITS, {**ASKED, "SIZE": 32}),
    "another number of epochs": (SPLITS, {"EPOCHS": 9}),
    "other images": (
        Splits(small_split(seed=9), SPLITS.validation, SPLITS.test),
        {"SIZE": 16},
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_model_that_was_made_otherwise_is_not_taken(run, chapters_run, name, capsys):
    save_trained(run, model(), CONFIG, SPLITS, ASKED)
    splits, parameters = OTHERS[name]
    with pytest.raises(RuntimeError, match="the chapter toy ran, and still .* is .*, not"):
        load_trained(run, splits, parameters, data_root="/data")
    assert chapters_run == [("toy", {**parameters, "DATA_ROOT": "/data"})]
    assert "the chapter toy runs first, as " in capsys.readouterr().err


def test_a_chapter_that_runs_first_says_how_long_it_takes(run, chapters_run, monkeypatch, capsys):
    monkeypatch.setattr(trained_models, "read_minutes", lambda root: {"toy": 4, "other": 1})
    with pytest.raises(RuntimeError, match="left no model"):
        load_trained(run, SPLITS, ASKED)
    words = "toy runs first (about 4 minutes on one core as it is committed), as it left no model"
    assert words in capsys.readouterr().err
    assert trained_models._cost("other") == " (about 1 minute on one core as it is committed)"


def test_a_chapter_that_was_killed_while_leaving_has_left_nothing(run, chapters_run, monkeypatch):
    whole = trained_models.save_file
    monkeypatch.setattr(trained_models, "save_file", lambda w, p, metadata: whole(w, p) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save_trained(run, model(1), CONFIG, SPLITS, ASKED)
    with pytest.raises(RuntimeError, match="left no model"):
        load_trained(run, SPLITS, ASKED)
    monkeypatch.setattr(trained_models, "save_file", whole)
    save_trained(run, model(2), CONFIG, SPLITS, ASKED)
    assert load_trained(run, SPLITS, ASKED).config == CONFIG


def test_weights_of_another_network_are_not_loaded(run, chapters_run):
    save_trained(run, model(), CONFIG, SPLITS, ASKED)
    other = replace(CONFIG)
    save_trained(run, build("gru_rows", 3, 32), other, SPLITS, ASKED)
    with pytest.raises(RuntimeError, match="size mismatch"):
        load_trained(run, SPLITS, ASKED)


@pytest.mark.parametrize("damage", [b"", b"not a model", b"\x08" + 99 * b"\x00"], ids=str)
def test_a_damaged_model_counts_as_none(run, chapters_run, damage):
    save_trained(run, model(), CONFIG, SPLITS, ASKED)
    (path,) = run.checkpoints.glob("*/model.safetensors")
    path.write_bytes(damage)
    with pytest.raises(RuntimeError, match="left no model"):
        load_trained(run, SPLITS, ASKED)
    assert len(chapters_run) == 1


@pytest.mark.slow
def test_a_missing_model_is_made_by_running_its_chapter(run, tmp_path, monkeypatch):
    """A chapter that imports nothing: it takes its model from elsewhere."""
    parameters = new_code_cell("SIZE = 32\nSEED = 1", metadata={"tags": ["parameters"]})
    save_trained(run, model(), CONFIG, SPLITS, {"SIZE": 16, "SEED": 0, "BACKBONE": "gru_rows"})
    run.checkpoints.rename(tmp_path / "elsewhere")
    code = f"""import shutil
made = f"seed_{{SEED}}" if SIZE == 16 else "of another size"
place = f"{run.checkpoints}/seed_{{SEED}}"
shutil.copytree(f"{tmp_path}/elsewhere/{{made}}", place, dirs_exist_ok=True)"""
    path = tmp_path / "toy.ipynb"
    nbformat.write(new_notebook(cells=[parameters, new_code_cell(code)]), path)
    toy = Notebook(path, [code], {"SIZE": 32, "SEED": 1})
    monkeypatch.setattr(trained_models, "read_course", lambda: {"toy": toy})
    found = load_trained(run, SPLITS, {"SIZE": 16, "SEED": 0})
    assert found.config == CONFIG
    assert found.model(torch.rand(1, 1, 16, 16)).shape == (1, 3)


def test_a_chapter_that_does_not_exist_is_refused_by_name(run):
    with pytest.raises(ValueError, match="unknown chapter: 'toy'; known are .*resnet"):
        load_trained(run, SPLITS, {"SIZE": 16})
