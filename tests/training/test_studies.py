"""A study of any objective: it finds the best setting, ends what lags, and goes on where it was."""

import multiprocessing
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import optuna
import pytest

from utils.training import studies
from utils.training.studies import Between, explore, importances, trial_rows

SPACE = {"size": Between(0.1, 10.0), "kind": ("low", "high")}


@dataclass(frozen=True)
class Known:
    """A score with a known best: the larger kind, at a size of 1."""

    stages: int = 2
    version: int = 0
    tried: list = field(default_factory=list)

    @property
    def facts(self) -> dict:
        return {"version": self.version}

    def __call__(self, settings, report):
        self.tried.append(settings)
        score = (settings["kind"] == "high") + 1 / (1 + abs(settings["size"] - 1))
        for stage in range(self.stages):
            report({"score": score, "stage": stage})
        return score


def test_draws_inside_the_space_and_finds_the_better_kind(tmp_path):
    known = Known()
    study = explore(known, SPACE, tmp_path / "journal", 16)
    assert all(0.1 <= each["size"] <= 10 and each["kind"] in SPACE["kind"] for each in known.tried)
    assert study.best_params["kind"] == "high" and len(known.tried) == 16
    assert importances(study)["kind"] > importances(study)["size"]


def test_what_a_trial_reports_stands_in_its_row(tmp_path):
    rows = trial_rows(explore(Known(), SPACE, tmp_path / "journal", 8))
    assert [row["number"] for row in rows] == list(range(8))
    for row in rows:
        assert set(row) == {"number", "state", "value", "size", "kind", "stage"}
        assert row["stage"] == (1 if row["state"] == "COMPLETE" else 0)


def test_a_lagging_trial_ends_and_shows_its_last_score(tmp_path):
    rows = trial_rows(explore(Known(), SPACE, tmp_path / "journal", 16))
    ended = [row for row in rows if row["state"] == "PRUNED"]
    best = max(row["value"] for row in rows)
    assert ended and all(0 < row["value"] < best for row in ended)


def test_a_stopped_study_goes_on_and_equals_one_that_was_never_stopped(tmp_path):
    first, second, whole = Known(), Known(), Known()
    explore(first, SPACE, tmp_path / "journal", 5)
    explore(second, SPACE, tmp_path / "journal", 9)
    explore(whole, SPACE, tmp_path / "whole", 9)
    assert first.tried + second.tried == whole.tried


@pytest.mark.parametrize(
    "other",
    [
        {"objective": Known(version=1)},
        {"space": {**SPACE, "size": Between(0.1, 5.0)}},
        {"seed": 1},
    ],
    ids=str,
)
def test_other_facts_another_space_or_another_seed_are_another_study(other, tmp_path):
    usual = {"objective": Known(), "space": SPACE, "storage": tmp_path / "journal", "trials": 2}
    assert explore(**usual).study_name != explore(**{**usual, **other}).study_name


def test_a_trial_that_diverges_counts_as_ended(tmp_path):
    @dataclass(frozen=True)
    class Diverges(Known):
        def __call__(self, settings, report):
            raise FloatingPointError("the loss is not a number")

    study = explore(Diverges(), SPACE, tmp_path / "journal", 3)
    assert [trial.state for trial in study.trials] == [optuna.trial.TrialState.PRUNED] * 3


@dataclass(frozen=True)
class Noted(Known):
    """Each process notes in a file of its own what it tried, and waits for a second process."""

    notes: Path = Path()

    def __call__(self, settings, report):
        (own := self.notes / str(os.getpid())).touch()
        patience = time.monotonic() + 30  # else a quick worker is done before the second begins
        while len(list(self.notes.iterdir())) < 2 and time.monotonic() < patience:
            time.sleep(0.02)
        score = super().__call__(settings, report)
        with own.open("a") as file:
            file.write(f"{settings['size']!r}\n")
        return score


@pytest.mark.parametrize("alive", [True, False])
def test_a_trial_that_ends_while_trials_are_counted_counts(alive, tmp_path, monkeypatch):
    """Its worker goes on, or is gone by then; either way no trial more than wanted is begun."""
    study = explore(Known(), SPACE, tmp_path / "journal", 3)
    monkeypatch.setattr(studies, "is_alive", lambda worker: alive)
    trial, read = study.ask(), study.get_trials

    def read_just_before_it_ends(**options):
        seen = read(**options)
        study.tell(trial, 0.5, skip_if_finished=True)
        return seen

    monkeypatch.setattr(study, "get_trials", read_just_before_it_ends)
    assert studies._next(study, SPACE, trials=4, seed=0) == (None, {})
    assert [each.state.name for each in read()] == ["COMPLETE"] * 4


def test_a_worker_that_waits_long_says_once_for_whom(tmp_path, monkeypatch):
    study = explore(Known(), SPACE, tmp_path / "journal", 3)
    (trial := study.ask()).set_user_attr("worker", "here:7:1.0")
    naps = []

    def sleep(seconds):
        naps.append(seconds)
        if len(naps) == 2 * studies.PATIENCE:
            study.tell(trial, 0.5)

    monkeypatch.setattr(studies, "is_alive", lambda worker: True)
    monkeypatch.setattr(studies, "time", SimpleNamespace(sleep=sleep))
    with pytest.warns(UserWarning) as said:
        explore(Known(), SPACE, tmp_path / "journal", 4)
    words = [str(each.message) for each in said if "waiting" in str(each.message)]
    assert words == ["all trials have begun; waiting for trial 3 of process 7 on here"]


@pytest.mark.skipif(os.name == "nt", reason="forks")
@pytest.mark.parametrize("storage", ["journal", "sqlite:///{}/study.db"])
def test_workers_that_start_at_once_share_one_study_and_lose_no_trial(
    storage, tmp_path, monkeypatch
):
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")  # where the lock of a URL lies
    place = storage.format(tmp_path) if "://" in storage else tmp_path / storage
    (notes := tmp_path / "notes").mkdir()
    objective, fork = Noted(stages=1, notes=notes), multiprocessing.get_context("fork")
    task = (objective, SPACE, place, 12)
    workers = [fork.Process(target=explore, args=task) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    trials = explore(*task).trials
    assert len(trials) == 12 and {trial.state.name for trial in trials} == {"COMPLETE"}
    tried = [float(line) for file in notes.iterdir() for line in file.read_text().split()]
    assert sorted(tried) == sorted(trial.params["size"] for trial in trials)
    assert len(list(notes.iterdir())) > 1 and len(set(tried)) == 12
