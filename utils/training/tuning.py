"""Optuna decides what the training loop leaves open; every trial sees equally many images."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import optuna
from optuna.trial import TrialState
from torch import nn

from utils.data.split import Split, Splits
from utils.evaluation.predictions import Predictions
from utils.files import scratch_folder
from utils.training.checkpoints import identity
from utils.training.config import TrainConfig
from utils.training.loop import best_epoch, train_or_load
from utils.training.losses import CrossEntropy, EpochScore, Loss, ValidationScore
from utils.training.studies import Between, Report, Space, explore


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

    @property
    def space(self) -> Space:
        """The settings of a TrainConfig that are searched."""
        return {
            "learning_rate": Between(*self.learning_rate),
            "optimizer": self.optimizer,
            "batch_size": self.batch_size,
            "schedule": self.schedule,
        }


@dataclass(frozen=True)
class ShortTraining:
    """Train as the search allows and return the best score of all epochs."""

    build: Callable[[], nn.Module]
    splits: Splits
    config: TrainConfig
    search: SearchSpace
    loss: Loss
    score: EpochScore

    @property
    def stages(self) -> int:
        return self.search.epochs

    @property
    def facts(self) -> dict:
        facts = {name: value for name, value in asdict(self.search).items() if name != "trials"}
        facts.update(identity(self.build(), self.splits, self.config, self.loss, self.score))
        return facts

    def __call__(self, settings: dict, report: Report) -> float:
        few, judges = self.search.images // self.search.epochs, self.search.validation
        budgeted = replace(
            self.splits,
            train=self.splits.train.limit(few),
            validation=self.splits.validation.balanced(judges),
        )
        chosen = replace(self.config, epochs=self.search.epochs, **settings)
        return train_and_report(self.build(), budgeted, chosen, self.loss, self.score, report)


@dataclass
class _ReportedScore:
    """A score that also goes to the study."""

    score: EpochScore
    report: Report

    def __call__(self, model: nn.Module, validation: Split, clean: Predictions) -> dict:
        found = self.score(model, validation, clean)
        self.report(found)
        return found


def train_and_report(
    model: nn.Module,
    splits: Splits,
    config: TrainConfig,
    loss: Loss,
    score: EpochScore,
    report: Report,
) -> float:
    """The best score of a training that reports after each epoch and leaves nothing on disk."""
    with scratch_folder() as folder:
        reported = _ReportedScore(score, report)
        return best_epoch(train_or_load(model, splits, config, folder, loss, reported))["score"]


def tune(
    build: Callable[[], nn.Module],
    splits: Splits,
    config: TrainConfig,
    storage: Path | str,
    search: SearchSpace = SearchSpace(),
    loss: Loss = CrossEntropy(),
    score: EpochScore = ValidationScore(),
) -> optuna.Study:
    """The study of a training after `search.trials` trials; see `explore`."""
    objective = ShortTraining(build, splits, config, search, loss, score)
    return explore(objective, search.space, storage, search.trials, search.seed)


def best_config(study: optuna.Study, config: TrainConfig) -> TrainConfig:
    """`config` with the settings of the best trial."""
    if not study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        raise ValueError("no trial was completed; lower the learning rates of the SearchSpace")
    return replace(config, **study.best_params)
