"""Optuna decides what the training loop leaves open; every trial sees equally many images."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import optuna
from optuna.trial import TrialState
from torch import nn

from utils.data.split import Split, Splits
from utils.evaluation.predictions import Predictions
from utils.files import locked, scratch_folder
from utils.training.checkpoints import identity, short_name
from utils.training.config import TrainConfig
from utils.training.journal import is_url, journal_storage, lock_folder
from utils.training.loop import best_epoch, train_or_load
from utils.training.losses import CrossEntropy, EpochScore, Loss, ValidationScore
from utils.training.workers import is_alive, this_worker

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, AssertionError)  # by Optuna
POLL = 0.2  # seconds between two looks at the trials of other workers


@dataclass(frozen=True)
class SearchSpace:
    """The settings to try. The budget counts images, so that no batch size gets more of them."""

    trials: int = 12
    images: int = 3000  # shown in each trial, over all its epochs
    epochs: int = 3
    validation: int = 200  # images that judge each epoch, as many of each class; 0 means all
    learning_rate: tuple[float, float] = (2e-4, 5e-3)  # searched on a logarithmic scale
    optimizer: tuple[str, ...] = ("adamw",)
    batch_size: tuple[int, ...] = (32, 64)
    schedule: tuple[str, ...] = ("cosine", "one_cycle")
    seed: int = 0

    def __post_init__(self):
        if self.trials < 1 or self.epochs < 1 or self.images < 2 * self.epochs:
            raise ValueError(f"needs trials, epochs and at least 2 images per epoch, got {self}")

    def suggest(self, trial: optuna.Trial) -> dict:
        """One point of the search space, as settings of a TrainConfig."""
        return {
            "learning_rate": trial.suggest_float("learning_rate", *self.learning_rate, log=True),
            "optimizer": trial.suggest_categorical("optimizer", self.optimizer),
            "batch_size": trial.suggest_categorical("batch_size", self.batch_size),
            "schedule": trial.suggest_categorical("schedule", self.schedule),
        }


@dataclass
class _ReportedScore:
    """A score that also goes to Optuna, which may end the trial here, unless it is over anyway."""

    trial: optuna.Trial
    score: EpochScore
    epochs: int
    epoch: int = 0

    def __call__(self, model: nn.Module, validation: Split, clean: Predictions) -> dict:
        found = self.score(model, validation, clean)
        self.trial.report(found["score"], self.epoch)
        self.epoch += 1
        if self.epoch < self.epochs and self.trial.should_prune():
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
    """The study after `search.trials` trials, including those of earlier calls and other workers.

    `storage` is a journal file, or the URL of any Optuna storage that a team shares.
    The n-th trial draws from (seed, n): a resumed study equals one that was never stopped.
    Workers of one machine share the trials; one that finds none left waits for the others.
    Median pruning: after 4 trials, a trial below the median of its epoch ends.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    facts = {name: value for name, value in asdict(search).items() if name != "trials"}
    facts.update(identity(build(), splits, config, loss, score))
    study = _open_study(f"tuning-{short_name(facts)}", storage)
    few, judged = search.images // search.epochs, splits.validation.balanced(search.validation)
    budgeted = replace(splits, train=splits.train.limit(few), validation=judged)

    while len(_finished(study)) < search.trials:
        trial, settings = _next(study, search, lock_folder(storage, study.study_name))
        if trial is None:
            time.sleep(POLL)
            continue
        chosen = replace(config, epochs=search.epochs, **settings)
        try:
            with scratch_folder() as folder:
                reported = _ReportedScore(trial, score, search.epochs)
                history = train_or_load(build(), budgeted, chosen, folder, loss, reported)
            study.tell(trial, best_epoch(history)["score"])
        except (optuna.TrialPruned, FloatingPointError):  # below the median, or diverged
            study.tell(trial, state=TrialState.PRUNED)
    return study


def best_config(study: optuna.Study, config: TrainConfig) -> TrainConfig:
    """`config` with the settings of the best trial."""
    if not study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        raise ValueError("no trial was completed; lower the learning rates of the SearchSpace")
    return replace(config, **study.best_params)


def trial_rows(study: optuna.Study) -> list[dict]:
    """Number, state, value and settings of every finished trial."""
    return [
        {"number": t.number, "state": t.state.name, "value": t.value, **t.params}
        for t in _finished(study)
    ]


def importances(study: optuna.Study) -> dict[str, float]:
    """The share of the differences between complete trials that each setting explains.

    A setting that had one value explains nothing, and is left out. Empty below four different
    values.
    """
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len({trial.value for trial in complete}) < 4:
        return {}
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    shares = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return {
        name: share
        for name, share in shares.items()
        if len({trial.params[name] for trial in complete}) > 1
    }


def _open_study(name: str, storage: Path | str) -> optuna.Study:
    try:
        return optuna.create_study(
            study_name=name,
            storage=journal_storage(storage),
            direction="maximize",
            pruner=optuna.pruners.MedianPruner(n_startup_trials=4),
            load_if_exists=True,
        )
    except UNREADABLE as error:
        if is_url(storage):
            raise
        raise ValueError(
            f"the journal {storage} holds a line that cannot be read ({error}); "
            "remove that line, or give another file to begin a new study"
        ) from error


def _next(
    study: optuna.Study, search: SearchSpace, folder: Path
) -> tuple[optuna.Trial | None, dict]:
    """A trial that no other worker of this machine has, and its settings; none if none is left."""
    with locked(folder):
        number = len(_finished(study)) + _running(study)
        if number >= search.trials:
            return None, {}
        study.sampler = optuna.samplers.TPESampler(
            seed=_trial_seed(search.seed, number), n_startup_trials=4
        )
        trial = study.ask()
        trial.set_user_attr("worker", this_worker())
        return trial, search.suggest(trial)


def _finished(study: optuna.Study) -> list:
    return study.get_trials(deepcopy=False, states=FINISHED)


def _running(study: optuna.Study) -> int:
    """Trials that other live workers of this machine have begun.

    A worker that was killed, or this one when it was interrupted, left a trial that would run
    for ever: it is ended here.
    """
    count = 0
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        alive = is_alive(trial.user_attrs.get("worker", ""))
        if alive is False:
            study.tell(trial.number, state=TrialState.FAIL)
        count += alive is True
    return count


def _trial_seed(seed: int, number: int) -> int:
    return int(hashlib.sha256(f"{seed}/{number}".encode()).hexdigest()[:8], 16)
