"""Optuna decides what the training loop leaves open; every trial sees equally many images."""

import hashlib
import os
import socket
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import optuna
import psutil
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import TrialState
from torch import nn

from utils.data.split import Split, Splits
from utils.evaluation.predictions import Predictions
from utils.training.checkpoints import identity, locked, short_name
from utils.training.loop import TrainConfig, best_epoch, fit
from utils.training.losses import CrossEntropy, EpochScore, Loss, ValidationScore

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)


@dataclass(frozen=True)
class SearchSpace:
    """What is tried. The budget counts images shown, so no batch size gets more than another."""

    trials: int = 6
    images: int = 3000  # shown in each trial, over all its epochs
    epochs: int = 2
    learning_rate: tuple[float, float] = (2e-4, 5e-3)  # searched on a logarithmic scale
    optimizer: tuple[str, ...] = ("adam", "adamw", "sgd", "rmsprop")
    batch_size: tuple[int, ...] = (32, 64)
    schedule: tuple[str, ...] = ("cosine", "step")
    seed: int = 0

    def __post_init__(self):
        if self.trials < 1 or self.epochs < 1 or self.images < 2 * self.epochs:
            raise ValueError(f"needs trials, epochs and at least 2 images an epoch, got {self}")

    def suggest(self, trial: optuna.Trial) -> dict:
        """One point of the search space, as settings of a TrainConfig."""
        return {
            "learning_rate": trial.suggest_float("learning_rate", *self.learning_rate, log=True),
            "optimizer": trial.suggest_categorical("optimizer", self.optimizer),
            "batch_size": trial.suggest_categorical("batch_size", self.batch_size),
            "schedule": trial.suggest_categorical("schedule", self.schedule),
        }


@dataclass
class _Reported:
    """A score that also tells Optuna, which may end the trial here."""

    trial: optuna.Trial
    score: EpochScore
    epoch: int = 0

    def __call__(self, model: nn.Module, validation: Split, clean: Predictions) -> dict:
        found = self.score(model, validation, clean)
        self.trial.report(found["score"], self.epoch)
        self.epoch += 1
        if self.trial.should_prune():
            raise optuna.TrialPruned
        return found


def tune(
    build: Callable[[], nn.Module],
    splits: Splits,
    config: TrainConfig,
    storage: Path | str,
    search: SearchSpace = SearchSpace(),
    loss: Loss = CrossEntropy(),
    score: EpochScore = ValidationScore(),
) -> optuna.Study:
    """The study after `search.trials` trials, with those of earlier calls and other workers.

    `storage` is a journal file, or the URL of any Optuna storage that a team shares.
    The n-th trial draws from (seed, n): a resumed study goes on as if never stopped. Workers
    of one machine share the trials; who finds none left waits for the last of the others.
    Median pruning: after 4 trials, one that lags the median of its epoch ends.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    asked = {k: v for k, v in asdict(search).items() if k != "trials"}
    asked.update(identity(build(), splits, config, loss, score))
    study = optuna.create_study(
        study_name=f"tuning-{short_name(asked)}",
        storage=_storage(storage),
        direction="maximize",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=4),
        load_if_exists=True,
    )
    budgeted = replace(splits, train=splits.train.limit(search.images // search.epochs))

    while len(_finished(study)) < search.trials:
        trial, chosen = _next(study, search)
        if trial is None:
            time.sleep(0.2)
            continue
        chosen = replace(config, epochs=search.epochs, **chosen)
        try:
            with tempfile.TemporaryDirectory() as folder:
                reported = _Reported(trial, score)
                history = fit(build(), budgeted, chosen, Path(folder), loss, reported)
            study.tell(trial, best_epoch(history)["score"])
        except (optuna.TrialPruned, FloatingPointError):  # it lags, or it diverged
            study.tell(trial, state=TrialState.PRUNED)
    return study


def best_config(study: optuna.Study, config: TrainConfig) -> TrainConfig:
    """`config` with what the best trial found."""
    if not study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        raise ValueError("no trial was completed; lower the learning rates of the Search")
    return replace(config, **study.best_params)


def trial_rows(study: optuna.Study) -> list[dict]:
    """Number, state, value and settings of every finished trial."""
    return [
        {"number": t.number, "state": t.state.name, "value": t.value, **t.params}
        for t in _finished(study)
    ]


def importances(study: optuna.Study) -> dict[str, float]:
    """How much of the differences between the trials each setting explains; empty for too few."""
    values = {trial.value for trial in _finished(study)}
    if len(values) < 4:
        return {}
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    return dict(optuna.importance.get_param_importances(study, evaluator=evaluator))


def _next(study: optuna.Study, search: SearchSpace) -> tuple[optuna.Trial | None, dict]:
    """A trial that no other worker of this machine has, and its settings; none if none is left."""
    with locked(Path(tempfile.gettempdir(), study.study_name)):
        number = len(_finished(study)) + _at_work(study)
        if number >= search.trials:
            return None, {}
        study.sampler = optuna.samplers.TPESampler(
            seed=_stream(search.seed, number), n_startup_trials=4
        )
        trial = study.ask()
        trial.set_user_attr("worker", f"{socket.gethostname()}:{os.getpid()}")
        return trial, search.suggest(trial)


def _storage(storage: Path | str):
    if "://" in str(storage):
        return str(storage)
    Path(storage).parent.mkdir(parents=True, exist_ok=True)
    lock = JournalFileOpenLock(str(storage)) if os.name == "nt" else None  # no symlinks there
    return JournalStorage(JournalFileBackend(str(storage), lock_obj=lock))


def _finished(study: optuna.Study) -> list:
    return study.get_trials(deepcopy=False, states=FINISHED)


def _at_work(study: optuna.Study) -> int:
    """Trials that other workers of this machine have begun. A worker that was killed, or this
    one when it was interrupted, left a trial that would run for ever: it is ended here."""
    alive = 0
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        host, _, process = trial.user_attrs.get("worker", "").rpartition(":")
        if host != socket.gethostname():
            continue
        if int(process) != os.getpid() and psutil.pid_exists(int(process)):
            alive += 1
        else:
            study.tell(trial.number, state=TrialState.FAIL)
    return alive


def _stream(seed: int, number: int) -> int:
    return int(hashlib.sha256(f"{seed}/{number}".encode()).hexdigest()[:8], 16)
