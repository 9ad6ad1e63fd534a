"""Can a linear head be defended while its features stay as they are?"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn

from utils.data.split import Split
from utils.evaluation.metrics import balanced_accuracy
from utils.files import digest
from utils.training.features import head_predictions
from utils.training.losses import CrossEntropy
from utils.training.studies import Report


@dataclass(frozen=True)
class Rows:
    """The features of a split, clean and after an attack that was made once."""

    split: Split
    clean: np.ndarray
    attacked: np.ndarray


@dataclass(frozen=True)
class DefendedHeads:
    """A head that learns from clean and attacked features of the same images.

    A setting says the `weight` of the attacked ones in the loss, the `learning_rate`, and the
    `label_smoothing`. The score is balanced accuracy on the attacked validation features, which
    do not change with the head: no attacker looks at it. The `clean` score is reported beside it.
    """

    train: Rows
    validation: Rows
    stages: int = 6  # epochs
    batch_size: int = 32

    @property
    def facts(self) -> dict:
        rows = (r for part in (self.train, self.validation) for r in (part.clean, part.attacked))
        return {
            "data": [self.train.split.content_hash(), self.validation.split.content_hash()],
            "rows": [digest(np.ascontiguousarray(each)) for each in rows],
            "training": [self.stages, self.batch_size],
        }

    def __call__(self, settings: dict, report: Report) -> float:
        scores = []
        for head in self._epochs(settings):
            scores.append(self._score(head, self.validation.attacked))
            report({"score": scores[-1], "clean": self._score(head, self.validation.clean)})
        return scores[-1]

    def fitted(self, settings: dict) -> nn.Linear:
        """The head of a trial, for features as they are."""
        *_, head = self._epochs(settings)
        mean, spread = self._scale
        whole = nn.Linear(head.in_features, head.out_features)
        with torch.no_grad():
            whole.weight.copy_(head.weight / spread)
            whole.bias.copy_(head.bias - head.weight @ (mean / spread))
        return whole.eval()

    def _epochs(self, settings: dict):
        """The head after each epoch; every trial draws the same weights and the same order."""
        torch.manual_seed(0)
        clean, attacked = (self._standard(r) for r in (self.train.clean, self.train.attacked))
        labels, weight = self.train.split.labels, settings["weight"]
        loss = CrossEntropy(label_smoothing=settings["label_smoothing"])
        head = nn.Linear(clean.shape[1], self.train.split.classes)
        optimizer = torch.optim.AdamW(head.parameters(), settings["learning_rate"])
        for _ in range(self.stages):
            for some in torch.randperm(len(labels)).split(self.batch_size):
                parts = [loss.of(head(rows[some]), labels[some]) for rows in (clean, attacked)]
                optimizer.zero_grad()
                ((1 - weight) * parts[0] + weight * parts[1]).backward()
                optimizer.step()
            yield head

    def _score(self, head: nn.Linear, rows: np.ndarray) -> float:
        found = head_predictions(head, self._standard(rows), self.validation.split)
        return float(balanced_accuracy(found.confusion))

    def _standard(self, rows: np.ndarray) -> Tensor:
        mean, spread = self._scale
        return (torch.from_numpy(rows) - mean) / spread

    @cached_property
    def _scale(self) -> tuple[Tensor, Tensor]:
        known = torch.from_numpy(self.train.clean)
        return known.mean(0), known.std(0).clamp_min(1e-6)
