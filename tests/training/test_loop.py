"""The loop learns, resumes to the same bits, and shares one training between processes."""

import json
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from filelock import FileLock, Timeout
from forked import forked
from small import small_classifier, small_network, small_splits, weights_of

from utils.attacks.pgd import PGD
from utils.defences.losses.adversarial_training import AdversarialLoss
from utils.evaluation.inference import predict
from utils.run import ROOT
from utils.training.config import TrainConfig
from utils.training.loop import best_epoch, train_or_load
from utils.training.losses import CrossEntropy, ValidationScore
from utils.training.optimization import OPTIMIZERS, PLATEAU, SCHEDULES
from utils.training.trainer import Trainer

CONFIG = TrainConfig(epochs=4, batch_size=16, learning_rate=0.02, augment=False)
LOSSES = [CrossEntropy(), AdversarialLoss(PGD(2 / 255, steps=2), grow=2)]
WAYS = {
    "plateau": {"schedule": PLATEAU},
    "one cycle, averaged": {"schedule": "one_cycle", "ema": 0.9},
    "head first": {"warmup": 1, "head_epochs": 1, "head_rate": 5.0},
    "all of it": {"schedule": "one_cycle", "ema": 0.9, "head_epochs": 3, "head_rate": 5.0},
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("schedule", [*SCHEDULES, PLATEAU])
def test_every_optimizer_and_schedule_learns(tmp_path, optimizer, schedule):
    rate = {"sgd": 0.1, "rmsprop": 0.005}.get(optimizer, 0.02)
    config = replace(CONFIG, optimizer=optimizer, schedule=schedule, learning_rate=rate, epochs=8)
    model = small_network()
    history = train_or_load(model, small_splits(), config, tmp_path)
    assert history[-1]["train_loss"] < 0.8 * history[0]["train_loss"]
    assert predict(model, small_splits().test).accuracy > 0.6


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("way", WAYS)
def test_stopped_and_resumed_equals_never_stopped(tmp_path, loss, precision, way, monkeypatch):
    config = replace(CONFIG, augment=True, precision=precision, **WAYS[way])
    straight, resumed = small_classifier(), small_classifier()
    history = train_or_load(straight, small_splits(), config, tmp_path / "straight", loss)
    stop_after(2, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        train_or_load(small_classifier(), small_splits(), config, tmp_path / "resumed", loss)
    monkeypatch.undo()
    torch.manual_seed(99)  # whatever happened in between must not matter
    shown = epochs_passed(monkeypatch)
    again = train_or_load(resumed, small_splits(), config, tmp_path / "resumed", loss)
    assert shown == [2, 3]  # resumed, and not begun anew
    assert torch.equal(weights_of(straight), weights_of(resumed))
    assert [without_time(row) for row in again] == [without_time(row) for row in history]


@pytest.mark.parametrize("way", WAYS)
def test_the_weights_that_are_returned_are_those_that_were_scored(tmp_path, way):
    config, model = replace(CONFIG, precision="float32", **WAYS[way]), small_classifier()
    best = best_epoch(train_or_load(model, small_splits(), config, tmp_path))
    found = predict(model, small_splits().validation)
    confidence = found.probabilities[range(len(found.labels)), found.labels]
    assert best["validation_loss"] == pytest.approx(-np.log(confidence).mean(), rel=1e-5)


def stop_after(epochs: int, monkeypatch) -> None:
    """As if the user had pressed stop in the middle of the next epoch."""
    whole = Trainer._pass

    def one_pass(trainer, epoch, answers):
        row = whole(trainer, epoch, answers)
        if epoch == epochs:
            raise KeyboardInterrupt
        return row

    monkeypatch.setattr(Trainer, "_pass", one_pass)


def epochs_passed(monkeypatch) -> list[int]:
    """The epochs that are trained from now on."""
    passed, whole = [], Trainer._pass

    def one_pass(trainer, epoch, answers):
        passed.append(epoch)
        return whole(trainer, epoch, answers)

    monkeypatch.setattr(Trainer, "_pass", one_pass)
    return passed


def without_time(row: dict) -> dict:
    return {name: value for name, value in row.items() if name != "seconds"}


def train_long(folder, network=None) -> float:
    """The seconds of the first epoch, which no two trainings have in common."""
    config = TrainConfig(epochs=40, batch_size=16, learning_rate=0.02)
    return train_or_load(network or small_network(), small_splits(), config, folder)[0]["seconds"]


@pytest.mark.slow
def test_killed_at_random_moments_ends_with_the_same_weights(tmp_path):
    straight, resumed = small_network(), small_network()
    train_long(tmp_path / "straight", straight)
    started = time.monotonic()
    forked(train_long, tmp_path / "timed").join(120)
    whole = time.monotonic() - started  # the moments follow the machine, however fast it is
    moments, kills = random.Random(0), 0
    for _ in range(4):
        process = forked(train_long, tmp_path / "killed")
        time.sleep(moments.uniform(0.05, 0.4) * whole)
        process.kill()  # it may have ended just now
        process.join(60)
        kills += process.exitcode == -signal.SIGKILL
    assert kills > 0
    train_long(tmp_path / "killed", resumed)
    assert torch.equal(weights_of(straight), weights_of(resumed))


SCRIPT = """
import sys
from pathlib import Path
sys.path[:0] = [{tests!r}, {tests!r} + "/training"]
from test_loop import train_long
print("ready", flush=True)
print(train_long(Path({folder!r})))
"""


def test_two_that_want_the_same_training_share_it(tmp_path):
    script = SCRIPT.format(tests=str(ROOT / "tests"), folder=str(tmp_path))
    other = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert other.stdout.readline() == b"ready\n"
    seconds = train_long(tmp_path)
    assert float(other.communicate(timeout=120)[0]) == seconds  # one took that long, both read it
    assert len(list(tmp_path.glob("*/history.json"))) == 1


def test_a_finished_training_is_loaded_not_repeated(tmp_path):
    first, second = small_network(), small_network()
    history = train_or_load(first, small_splits(), CONFIG, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")}
    assert train_or_load(second, small_splits(), CONFIG, tmp_path) == history
    assert torch.equal(weights_of(first), weights_of(second))
    assert not first.training and not second.training  # looking at them must not train them
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")} == before
    assert not list(tmp_path.rglob("last.pt"))


def test_the_best_epoch_is_kept(tmp_path):
    model, splits = small_network(), small_splits()
    config = replace(CONFIG, learning_rate=0.3, epochs=6, precision="float32")
    history = train_or_load(model, splits, config, tmp_path)
    clean = predict(model, splits.validation)
    assert (
        ValidationScore()(model, splits.validation, clean)["score"] == best_epoch(history)["score"]
    )


def test_patience_stops_early(tmp_path):
    config = replace(CONFIG, epochs=30, patience=2)
    history = train_or_load(small_network(), small_splits(), config, tmp_path)
    assert len(history) == best_epoch(history)["epoch"] + 3 < 30


def test_a_training_that_runs_holds_its_folder(tmp_path):
    """Two processes in one folder would otherwise seal the weights of each other."""
    locked = []

    class Watched(CrossEntropy):
        def __call__(self, *batch):
            (lock,) = tmp_path.glob("*/lock")
            with pytest.raises(Timeout):
                FileLock(lock, timeout=0).acquire()
            locked.append(lock)
            return super().__call__(*batch)

    train_or_load(small_network(), small_splits(), CONFIG, tmp_path, Watched())
    assert locked and FileLock(locked[0], timeout=0).acquire()


def test_a_diverging_loss_is_an_error_and_earlier_epochs_are_kept(tmp_path):
    def diverges(model, images, labels, epoch):
        value = CrossEntropy()(model, images, labels, epoch)
        return value * float("nan") if epoch == 1 else value

    with pytest.raises(FloatingPointError, match="epoch 1; lower the learning rate"):
        train_or_load(small_network(), small_splits(), CONFIG, tmp_path, diverges)
    assert list(tmp_path.glob("*/best.safetensors"))


def test_the_callers_randomness_is_left_alone(tmp_path):
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    train_or_load(small_network(), small_splits(), CONFIG, tmp_path, LOSSES[1])
    assert torch.equal(torch.rand(3), expected)


def test_the_history_is_plain_json(tmp_path):
    train_or_load(small_network(), small_splits(), CONFIG, tmp_path)
    (file,) = tmp_path.glob("*/history.json")
    rows = json.loads(file.read_text())
    assert [row["epoch"] for row in rows] == list(range(4))
