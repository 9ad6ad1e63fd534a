"""What a run writes down can be read again, whole, and says what it should."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from small import finished, said

import utils.course.records
import utils.run
from utils.attacks.pgd import PGD
from utils.course import tables
from utils.course.plan import Notebook
from utils.course.records import chapters, missing_runs, overview, read_records
from utils.course.results import pool_records
from utils.files import atomic_write, read_tensors, write_json
from utils.run import start_run


def test_a_run_can_be_read_again(assets):
    clean, attacked = said(0), said(1, skill=0)
    finished("resnet", clean=clean, pgd_4=attacked)
    (record,) = read_records(assets)
    found = record.predictions["standard"]
    assert list(found) == ["clean", "pgd_4"]
    assert np.array_equal(found["pgd_4"].right, attacked.right)
    assert found["clean"].class_names == clean.class_names
    assert record.name == "resnet" and record.facts["hardware"] and record.red == []


def test_conditions_of_an_earlier_run_do_not_stay(assets):
    finished("resnet", clean=said(), pgd_8=said())
    finished("resnet", clean=said(), pgd_4=said())
    (record,) = read_records(assets)
    assert list(record.predictions["standard"]) == ["clean", "pgd_4"]


def test_seeds_are_pooled_over_the_same_patients(assets):
    for seed in (0, 1):
        finished("resnet", seed, clean=said(seed))
    together = pool_records(read_records(assets))["resnet"]["standard"]["clean"]
    assert len(together.labels) == 120 and len(np.unique(together.groups)) == 20
    assert together.accuracy == pytest.approx((said(0).accuracy + said(1).accuracy) / 2)


def test_other_settings_are_not_pooled(assets):
    for seed, size in ((0, 64), (1, 128)):
        run = finished("resnet", seed, clean=said(seed))
        run.record(conditions=["clean"], flags=[], parameters={"SEED": seed, "SIZE": size})
    assert list(pool_records(read_records(assets))) == ["resnet", "resnet SIZE=128"]


def test_a_chapter_is_missed_where_it_is_at_home(monkeypatch):
    homes = {"resnet": {"DATASET": "brain"}, "cervix": {"DATASET": "cervix"}, "first": {}}
    course = {name: Notebook(Path(name), [], defaults) for name, defaults in homes.items()}
    course["results"] = Notebook(Path("results"), [], {"DATASET": "brain"})
    monkeypatch.setattr(utils.course.records, "read_course", lambda: course)
    assert chapters("brain") == ["resnet"] and chapters("cervix") == ["cervix"]
    assert chapters("folder:mine") == ["cervix", "resnet"]


def test_red_flags_and_missing_runs_are_named(assets):
    finished("resnet", red=True, clean=said())
    records = read_records(assets)
    assert overview(records)["red flags"].tolist() == ["planted"]
    assert missing_runs(records, ["resnet", "resnet_atk"]) == ["resnet_atk"]


def test_data_set_names_make_safe_folders_that_differ(assets):
    names = [f"folder:{path}" for path in ("/my images", "/my_images", "C:\\x", "/數據", "/腦")]
    folders = {start_run("resnet", name, device="cpu").assets for name in names}
    assert len(folders) == len(names)
    assert all(path.relative_to(assets).parts[1:] == ("resnet", "seed_0") for path in folders)


def test_a_record_vouches_only_for_its_own_rows(assets):
    run = finished("resnet", clean=said())
    run.save_predictions({"standard": {"clean": said(1)}})  # killed before it could record
    assert read_records(assets) == []


def test_an_interrupted_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "facts.json"
    write_json(path, {"old": 1})
    with pytest.raises(KeyboardInterrupt), atomic_write(path) as unfinished:
        unfinished.write_text("half")
        raise KeyboardInterrupt
    assert json.loads(path.read_text()) == {"old": 1}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 cut"])
@pytest.mark.parametrize("name", ["w.pt", "w.safetensors"])
def test_a_damaged_file_is_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{name}.*delete it"):
        read_tensors(tmp_path / name)


def test_tensors_survive(tmp_path):
    torch.save({"images": torch.arange(3), "names": ["a"]}, tmp_path / "x.pt")
    assert read_tensors(tmp_path / "x.pt")["names"] == ["a"]


def test_settings_are_the_parameters_of_a_notebook():
    names = {"SEED": 1, "DATASET": "brain", "run": 3, "TABLE": pd.DataFrame(), "_x": 1}
    assert tables.settings(names) == {"SEED": 1, "DATASET": "brain"}


def test_tables_read_well():
    conditions = {"clean": said(), "pgd_4": said(1, skill=-9)}
    scores, drops = tables.score_table(conditions), tables.drop_table(conditions)
    assert list(scores.index) == ["clean", "pgd_4"] and list(drops.index) == ["pgd_4"]
    assert scores.loc["pgd_4", "accuracy (%)"].startswith("0.0 (0.0 to ")
    assert drops.loc["pgd_4", "drop of combined (%)"] == "100.0 (83.2 to 100.0)"  # of 20 patients
    assert "class PGD" in str(tables.show_source(PGD).data)


def test_a_red_flag_says_why():
    flags = pd.DataFrame([{"flag": "a", "red": True, "reason": "why"}, {"flag": "b", "red": False}])
    table = tables.flag_table(flags.fillna(""))
    assert table["verdict"].tolist() == ["RED: why", "no"]
