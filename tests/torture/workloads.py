"""What is killed, starved and run twice at once: small, seeded, with an outcome to compare.

Each takes a folder and returns a text that an undisturbed run would return as well, to the bit.
"""

import json
from functools import partial
from pathlib import Path

import torch
from folders import two_classes
from small import (
    finished,
    random_predictions,
    small_network,
    small_split,
    small_splits,
    trained_network,
    weights_of,
)
from utils.examine.report import ModelReport

import utils.run
from utils.attacks.pgd import PGD
from utils.audit import audit
from utils.contamination.generators.gan import train_generators
from utils.contamination.generators.gan_trainer import GANConfig
from utils.course.records import Record
from utils.data import loading, reader
from utils.evaluation.attack_suite import AttackSuite
from utils.evaluation.conditions import CLEAN, Condition
from utils.examine.examination import examine
from utils.files import digest
from utils.training import journal
from utils.training.config import TrainConfig
from utils.training.loop import train_or_load
from utils.training.tuning import SearchSpace, tune

GAN = GANConfig(snapshots=(1, 2), batch_size=16, width=4, latent=8)
SEARCH = SearchSpace(trials=3, images=96, epochs=2, batch_size=(16,), validation=24)
QUESTIONS_THAT_KEEP = (
    "How good is it?",
    "What can an attacker do?",
    "What can a sticker do?",
    "Can one change turn every image?",
)
WAYS = [(o, s) for o in ("adamw", "sgd") for s in ("cosine", "one_cycle", "plateau")]


def training(folder: Path, seed: int) -> str:
    optimizer, schedule = WAYS[seed % len(WAYS)]
    config = TrainConfig(
        epochs=3, batch_size=16, learning_rate=0.01, optimizer=optimizer, schedule=schedule
    )
    model = small_network(seed)
    history = train_or_load(model, small_splits(), config, folder / "training")
    rows = [{name: value for name, value in row.items() if name != "seconds"} for row in history]
    return _text(weights_of(model), rows)


def gan(folder: Path, seed: int) -> str:
    several, history = train_generators(small_split(32, 32, seed), GAN, folder / "gan")
    return _text(*map(weights_of, several.values()), [row["epoch"] for row in history])


def tuning(folder: Path, seed: int) -> str:
    """A dead lock of Optuna's journal is waited for one second here, and not thirty."""
    lock = journal.JournalFileSymlinkLock
    if not isinstance(lock, partial):
        journal.JournalFileSymlinkLock = partial(lock, grace_period=1)
    path = folder / "tuning" / "study.log"
    study = tune(small_network, small_splits(), TrainConfig(augment=False), path, SEARCH)
    found = [trial for trial in study.trials if trial.state.name != "FAIL"]
    return _text(sorted((str(trial.params), trial.value) for trial in found))


def store(folder: Path, seed: int) -> str:
    loading.VARIABLES, reader.PIECE = folder / "variables", 6
    splits = loading.load(str(pictures(folder)), 16, seed=seed)
    return _text([split.content_hash() for _, split in splits.items()])


def audited(folder: Path, seed: int) -> str:
    loading.VARIABLES, reader.PIECE = folder / "variables", 6
    found = audit(str(pictures(folder)), size=32, out=folder / "report")
    report = folder / "report"
    files = sorted(path for path in report.rglob("*") if path.is_file() and path.name[0] != ".")
    return _text(found.exit_code, *(path.name for path in files), *map(Path.read_bytes, files))


def evaluation(folder: Path, seed: int) -> str:
    suite = AttackSuite(PGD(8 / 255, steps=2), restarts=1, factors=(1,))
    found = suite.predict(small_network(seed), small_split(60, seed=seed), folder / "batches")
    return _text(*(torch.from_numpy(each.probabilities) for each in found.values()))


def examined(folder: Path, seed: int) -> str:
    """Whatever was finished before a kill, the report is the same."""
    found = examine(
        trained_network(seed), small_split(24, seed=seed + 7), minutes=600, attacked=3,
        keep=folder / "kept", questions=QUESTIONS_THAT_KEEP,
    )  # fmt: skip
    report = ModelReport(found)
    written = report.save(folder / "report").parent
    assert report.severity != "failed", report.table["found"].to_dict()
    return _text(report.exit_code, *(path.read_bytes() for path in sorted(written.glob("*.*"))))


def record(folder: Path, seed: int) -> str:
    """A second run takes the place of the first; at every moment they are of one run."""
    utils.run.ROOT = folder
    whole = []
    for number in (0, 1):
        condition = Condition("pgd", (number + 1) / 255)
        conditions = {CLEAN: random_predictions(number), condition: random_predictions(2)}
        run = finished("resnet", conditions=conditions)
        whole.append(_record_facts(run.assets))
    return _text(*whole)


def record_is_whole(folder: Path) -> None:
    """Between the runs: no record, or one whose conditions are those of its predictions."""
    for path in folder.rglob("record.json"):
        _record_facts(path.parent)


def _record_facts(assets: Path) -> list:
    found = Record(assets)
    stated, kept = found.facts["conditions"], map(str, found.predictions["standard"])
    assert sorted(map(str, stated)) == sorted(kept), "the record is of other predictions"
    return sorted(stated)


def pictures(folder: Path) -> Path:
    """Made before any round begins."""
    place = folder.parent / "pictures"
    return place if place.exists() else two_classes(place, 40)


def _text(*parts) -> str:
    values = (
        part if isinstance(part, bytes)
        else part.contiguous().numpy() if isinstance(part, torch.Tensor)
        else json.dumps(part).encode()
        for part in parts
    )  # fmt: skip
    return digest(*values)


WORKLOADS = {
    "training": training,
    "tuning": tuning,
    "gan": gan,
    "store": store,
    "audit": audited,
    "evaluation": evaluation,
    "examine": examined,
    "record": record,
}
CHECKS = {"record": record_is_whole}
