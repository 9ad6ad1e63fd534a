"""What a run writes is whole, has the same bytes every time, and lies in a folder of its own."""

import gzip
import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from forked import FORK, forked
from small import finished, random_predictions
from torch import nn

import utils.run
from utils.course.records import Record
from utils.evaluation.conditions import CLEAN, Condition
from utils.run import PREDICTIONS, RECORD, Run, autocast, device_of, folder_of, start_run

PGD_4 = Condition("pgd", 4 / 255, 2)


def test_data_set_names_make_safe_folders_that_differ(assets):
    names = [f"folder:{path}" for path in ("/my images", "/my_images", "C:\\x", "/數據", "/腦")]
    folders = {start_run("resnet", name, device="cpu").assets for name in names}
    assert len(folders) == len(names)
    assert all(path.relative_to(assets).parts[1:] == ("resnet", "seed_0") for path in folders)


def test_a_data_set_with_a_plain_name_keeps_it():
    assert folder_of("brain_phantom") == "brain_phantom"


def test_a_name_of_the_catalogue_keeps_it_beside_a_folder_of_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("chest_xray", "mine"):
        (tmp_path / name).mkdir()
    assert folder_of("chest_xray") == "chest_xray"
    assert folder_of("./chest_xray") == folder_of("folder:chest_xray") != "chest_xray"
    assert folder_of("mine") == folder_of("./mine") != "mine"


def test_predictions_are_one_table_with_a_row_per_image(assets):
    run = finished("resnet", conditions={CLEAN: random_predictions(), PGD_4: random_predictions(1)})
    lines = gzip.decompress((run.assets / PREDICTIONS).read_bytes()).decode().splitlines()
    assert lines[0] == (
        "variant,attack,epsilon,restarts,image,patient,training,label,p(mild),p(none),p(severe)"
    )
    assert len(lines) == 1 + 2 * 60
    assert lines[1].startswith("standard,clean,,0,0,0,,mild,")
    assert lines[61].startswith(f"standard,pgd,{4 / 255!r},2,0,0,,mild,")


def test_the_same_predictions_have_the_same_bytes(assets):
    first, second = (finished("resnet", seed, clean=random_predictions()) for seed in (0, 1))
    one, two = ((run.assets / PREDICTIONS).read_bytes() for run in (first, second))
    assert one == two


def test_single_precision_is_written_with_its_own_digits(assets):
    predictions = random_predictions()
    single = predictions.probabilities.astype(np.float32)
    object.__setattr__(predictions, "probabilities", single)
    run = finished("resnet", conditions={CLEAN: predictions, "blurred": random_predictions(1)})
    row = gzip.decompress((run.assets / PREDICTIONS).read_bytes()).decode().splitlines()[1]
    assert row.split(",")[-1] == str(single[0, -1])


def test_predictions_with_other_classes_are_refused(assets):
    other = random_predictions()
    object.__setattr__(other, "class_names", ("a", "b", "c"))
    run = start_run("resnet", "brain_phantom", device="cpu")
    with pytest.raises(ValueError, match="need the same classes"):
        run.save_predictions(
            {"standard": {"clean": random_predictions()}, "other": {"clean": other}}
        )


def contents(run: Run) -> dict:
    return {path.name: path.read_bytes() for path in run.assets.iterdir()}


def test_an_earlier_record_stays_whole_until_the_next_is_complete(assets):
    run = finished("resnet", conditions={CLEAN: random_predictions(0)})
    before = contents(run)
    run.save_predictions(
        {"standard": {PGD_4: random_predictions(1)}}
    )  # interrupted before it is recorded
    after = contents(run)
    assert {name: after[name] for name in before} == before
    assert list(Record(run.assets).predictions["standard"]) == [CLEAN]
    run.record(flags=[], parameters={})
    assert list(Record(run.assets).predictions["standard"]) == [PGD_4]


@pytest.mark.parametrize("step", ["save_predictions", "record"])
def test_a_full_disk_leaves_the_earlier_record(assets, monkeypatch, step):
    run = finished("resnet", conditions={CLEAN: random_predictions(0)})
    before = contents(run)

    def full(*_, **__):
        raise OSError("no space left on device")

    if step == "record":
        run.save_predictions({"standard": {PGD_4: random_predictions(1)}})
        monkeypatch.setattr(utils.run, "write_json", full)
    else:
        monkeypatch.setattr(utils.run.gzip.GzipFile, "write", full)
    with pytest.raises(OSError, match="no space"):
        run.save_predictions({"standard": {PGD_4: random_predictions(1)}})
        run.record(flags=[], parameters={})
    after = contents(run)
    assert {name: after[name] for name in before} == before


def save_and_record(run, seed, all_have_saved):
    run.save_predictions({"standard": {CLEAN: random_predictions(seed)}})
    all_have_saved.wait(60)
    run.record(flags=[], parameters={}, drawn=seed)


def test_two_runs_of_one_chapter_at_once_leave_the_rows_of_the_last_one(assets):
    """Each process saves its predictions before any of them has its record."""
    run, all_have_saved = start_run("resnet", "brain_phantom", device="cpu"), FORK.Barrier(2)
    both = [forked(save_and_record, run, seed, all_have_saved) for seed in (0, 1)]
    for process in both:
        process.join(60)
        assert process.exitcode == 0
    found = Record(run.assets)
    kept = found.predictions["standard"][CLEAN].probabilities
    each = [np.allclose(kept, random_predictions(seed).probabilities) for seed in (0, 1)]
    assert each == [found.facts["drawn"] == 0, found.facts["drawn"] == 1]


def test_killed_while_it_records_a_run_has_no_record_of_other_predictions(assets, monkeypatch):
    run = finished("resnet", conditions={CLEAN: random_predictions(0)})
    run.save_predictions({"standard": {PGD_4: random_predictions(1)}})
    replace, names = os.replace, []

    def kill(source, target):
        if Path(target).name == RECORD:
            raise KeyboardInterrupt
        names.append(Path(target).name)
        replace(source, target)

    monkeypatch.setattr(os, "replace", kill)
    with pytest.raises(KeyboardInterrupt):
        run.record(flags=[], parameters={})
    assert PREDICTIONS in names and not (run.assets / RECORD).exists()


def test_what_a_stopped_evaluation_kept_goes_when_the_run_has_its_record(assets):
    run = start_run("resnet", "brain_phantom", device="cpu")
    run.unrecorded.mkdir()
    (run.unrecorded / "batch.pt").write_text("logits")
    run.save_predictions({"standard": {CLEAN: random_predictions()}})
    assert run.unrecorded.exists()
    run.record(flags=[], parameters={})
    assert not run.unrecorded.exists()


def test_a_record_holds_facts_and_machine(assets):
    run = finished("resnet", conditions={PGD_4: random_predictions()})
    facts = json.loads((run.assets / "record.json").read_text())
    assert facts["run"] == "resnet" and facts["hardware"] and facts["versions"]["python"]
    assert facts["conditions"] == ["pgd 4, 2 restarts"]


def test_the_device_is_that_of_weights_or_buffers():
    assert device_of(nn.Linear(1, 1)) == device_of(nn.Flatten()) == torch.device("cpu")
    assert device_of(nn.Linear(1, 1, device="meta")) == torch.device("meta")
    assert device_of(nn.BatchNorm1d(1, affine=False, device="meta")) == torch.device("meta")


def test_an_unknown_precision_is_refused():
    with pytest.raises(ValueError, match="unknown precision 'half'; choose from auto"):
        autocast(torch.device("cpu"), "half")
    with autocast(torch.device("cpu"), "bfloat16"):
        assert (torch.ones(1, 1) @ torch.ones(1, 1)).dtype == torch.bfloat16


@pytest.mark.parametrize("feature, quicker", [("avx512_bf16", False), ("amx_bf16", True)])
def test_a_cpu_computes_in_bfloat16_only_where_that_is_quicker(feature, quicker, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {feature: True})
    with autocast(torch.device("cpu"), "auto"):
        assert ((torch.ones(1, 1) @ torch.ones(1, 1)).dtype == torch.bfloat16) == quicker
    with autocast(torch.device("cpu"), "auto", depth=16):
        assert (torch.ones(1, 1) @ torch.ones(1, 1)).dtype == torch.float32


def test_the_seed_decides_every_generator():
    drawn = []
    for _ in range(2):
        start_run("resnet", "brain_phantom", seed=3, device="cpu")
        drawn.append((np.random.rand(), torch.rand(1).item()))
    assert drawn[0] == drawn[1]
