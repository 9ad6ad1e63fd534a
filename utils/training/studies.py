"""Studies: Optuna chooses what to try next, ends what lags, and keeps every trial on disk."""

import hashlib
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Protocol

import optuna
from optuna.trial import TrialState

from utils.files import locked
from utils.training.checkpoints import short_name
from utils.training.journal import is_url, journal_storage, lock_folder, opening
from utils.training.workers import is_alive, this_worker

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, AssertionError)  # by Optuna
POLL = 0.2  # seconds between two looks at the trials of other workers
PATIENCE = 50  # looks after which a worker names those that it waits for


@dataclass(frozen=True)
class Between:
    """A number between two others, searched on a logarithmic scale."""

    low: float
    high: float


Space = Mapping[str, Between | tuple]  # a tuple lists the options
Report = Callable[[dict], None]  # "score", higher is better, and what else deserves a column


@dataclass
class _ReportTo:
    """Reports go to Optuna, which may end the trial there, unless it is over anyway."""

    trial: optuna.Trial
    stages: int
    stage: int = 0

    def __call__(self, found: dict) -> None:
        self.trial.report(found["score"], self.stage)
        for name in found.keys() - {"score"}:
            self.trial.set_user_attr(name, found[name])
        self.stage += 1
        if self.stage < self.stages and self.trial.should_prune():
            raise optuna.TrialPruned


class Objective(Protocol):
    """What a study maximises: the final score of a trial, which reports after each stage.

    A report may end the trial by an exception. `facts` are all that decides a score beside the
    settings: only a study with the same facts is continued.
    """

    stages: int
    facts: dict

    def __call__(self, settings: dict, report: Report) -> float: ...


def explore(
    objective: Objective, space: Space, storage: Path | str, trials: int = 12, seed: int = 0
) -> optuna.Study:
    """The study after so many trials, including those of earlier calls and other workers.

    `storage` is a journal file, or the URL of any Optuna storage that a team shares.
    The n-th trial draws from (seed, n): a resumed study equals one that was never stopped.
    Workers of one machine share the trials; one that finds none left waits for the others.
    Median pruning: after 4 trials, a trial below the median of its stage ends.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    drawn = {name: asdict(each) if is_dataclass(each) else each for name, each in space.items()}
    study = _open_study(short_name({**objective.facts, "space": drawn, "seed": seed}), storage)
    folder, polls = lock_folder(storage, study.study_name), 0
    while len(_finished(study)) < trials:
        with locked(folder):
            trial, settings = _next(study, space, trials, seed)
        if trial is None:
            polls += 1
            if polls == PATIENCE:
                warnings.warn(_awaited(study), stacklevel=2)
            time.sleep(POLL)
            continue
        try:
            study.tell(trial, objective(settings, _ReportTo(trial, objective.stages)))
        except (optuna.TrialPruned, FloatingPointError):  # below the median, or diverged
            study.tell(trial, state=TrialState.PRUNED)
    return study


def trial_rows(study: optuna.Study) -> list[dict]:
    """Number, state, value, settings and other reports of every finished trial.

    The value of a trial that was ended is its last score.
    """
    rows = []
    for trial in _finished(study):
        others = {name: value for name, value in trial.user_attrs.items() if name != "worker"}
        facts = {"number": trial.number, "state": trial.state.name, "value": trial.value}
        rows.append({**facts, **trial.params, **others})
    return rows


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


def _suggest(trial: optuna.Trial, space: Space) -> dict:
    return {
        name: trial.suggest_float(name, each.low, each.high, log=True)
        if isinstance(each, Between)
        else trial.suggest_categorical(name, each)
        for name, each in space.items()
    }


def _open_study(name: str, storage: Path | str) -> optuna.Study:
    try:
        with opening(storage):
            return optuna.create_study(
                study_name=f"tuning-{name}",
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
    study: optuna.Study, space: Space, trials: int, seed: int
) -> tuple[optuna.Trial | None, dict]:
    """A trial that no other worker of this machine has, and its settings; none if none is left."""
    # Read once: a trial that ends between two readings would be in neither count.
    seen = study.get_trials(deepcopy=False)
    number = sum(trial.state in FINISHED for trial in seen) + _running(study, seen)
    if number >= trials:
        return None, {}
    study.sampler = optuna.samplers.TPESampler(seed=_trial_seed(seed, number), n_startup_trials=4)
    trial = study.ask()
    trial.set_user_attr("worker", this_worker())
    return trial, _suggest(trial, space)


def _awaited(study: optuna.Study) -> str:
    """Whose trials this worker waits for; a long wait looks like a standstill."""
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    workers = [(t.number, *t.user_attrs.get("worker", "?:?").split(":")[:2]) for t in running]
    named = [f"trial {trial} of process {number} on {host}" for trial, host, number in workers]
    return f"all trials have begun; waiting for {', '.join(named)}"


def _finished(study: optuna.Study) -> list:
    return study.get_trials(deepcopy=False, states=FINISHED)


def _running(study: optuna.Study, seen: list) -> int:
    """Trials that other live workers of this machine have begun.

    A worker that was killed, or this one when it was interrupted, left a trial that would run
    for ever: it is ended here.
    """
    count = 0
    for trial in (trial for trial in seen if trial.state == TrialState.RUNNING):
        alive = is_alive(trial.user_attrs.get("worker", ""))
        if alive is False:
            ended = study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)
            alive = ended.state in FINISHED  # since it was read
        count += alive is True
    return count


def _trial_seed(seed: int, number: int) -> int:
    return int(hashlib.sha256(f"{seed}/{number}".encode()).hexdigest()[:8], 16)
