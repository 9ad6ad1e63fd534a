"""The contamination matrix: kinds x severities x networks, from one call, as one table."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from utils.contamination.corruptions.registry import corruptions
from utils.data.split import Split
from utils.evaluation.findings.headline import headline_of
from utils.evaluation.metrics import score_of
from utils.evaluation.predictions import Predictions, pool_trainings
from utils.run import progress

Predictor = Callable[[Split], Predictions]
UNCHANGED = ("clean", 0)


@dataclass(frozen=True)
class ContaminationMatrix:
    """The predictions of each network on the same patients, under each family and severity.

    Scores are balanced accuracies; where images have several findings, areas under the curve.

    A network that was trained several times has one set of predictions per training.
    """

    found: Mapping[str, Mapping[tuple[str, int], Sequence[Predictions]]]

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per network, family and severity: balanced accuracy, and error over that of
        the clean images."""
        rows = []
        for network, cells in self.found.items():
            for family, severity in cells:
                found = self.pooled(network, family, severity)
                score = score_of(found, headline_of(found))
                key = {"network": network, "family": family, "severity": severity}
                rows.append({**key, **score._asdict()})
        return pd.DataFrame(rows)

    def pooled(self, network: str, family: str = "clean", severity: int = 0) -> Predictions:
        """One cell; of a network that was trained several times, all trainings."""
        return _one_or_pooled(self.found[network][family, severity])

    def over(self, network: str, families: Sequence[str]) -> Predictions:
        """All severities of these families in one: its balanced accuracy is the mean over them.

        The same patients stand under each corruption, so an interval resamples each with all of
        its images.
        """
        cells = [each for cell, each in self.found[network].items() if cell[0] in families]
        if not cells:
            raise ValueError(f"no cell of {', '.join(families)}; there are {self.families}")
        return _one_or_pooled([stacked(training) for training in zip(*cells, strict=True)])

    @property
    def families(self) -> list[str]:
        cells = next(iter(self.found.values()))
        return list(dict.fromkeys(family for family, _ in cells if family != UNCHANGED[0]))

    def scores(self, network: str) -> pd.DataFrame:
        """Balanced accuracy by family (row) and severity (column), beside that of clean images."""
        rows = self.table[self.table["network"] == network]
        wide = rows.pivot(index="family", columns="severity", values="value")
        clean = wide.loc[UNCHANGED[0], 0]
        return wide.loc[self.families].drop(columns=0).assign(clean=clean).pipe(_clean_first)

    def corruption_errors(self, reference: str) -> pd.DataFrame:
        """Error of each network over that of the reference, by family; the last row is the mean.

        An error is 1 - balanced accuracy, summed over severities (Hendrycks and Dietterich 2019).
        A family on which the reference makes no error is empty, and the mean leaves it out.
        """
        errors = {
            network: 1 - self.scores(network).drop(columns="clean").mean(axis=1)
            for network in self.found
        }
        base = errors[reference].where(errors[reference] > 0)
        table = pd.DataFrame(errors).div(base, axis=0)
        return pd.concat([table, table.mean().to_frame("mean").T])


def contamination_matrix(
    networks: Mapping[str, Sequence[Predictor]],
    files: Split,
    modality: str,
    size: int,
    severities: Sequence[int] = (1, 2, 3, 4, 5),
    names: Sequence[str] = (),
    seed: int = 0,
) -> ContaminationMatrix:
    """Every network on clean images and under every family and severity.

    `files` have the size of files: each corruption acts there, and its images are then shrunk to
    `size`. A network is a list with a predictor for each of its trainings; all see the same images.
    """
    clean = files.resized(size)
    found = {network: {UNCHANGED: _all(each, clean)} for network, each in networks.items()}
    cells = [
        (severity, name, each)
        for severity in severities
        for name, each in corruptions(modality, severity, seed, names).items()
    ]
    for severity, name, each in progress(cells, "cells of the matrix"):
        corrupted = each(files).resized(size)
        for network, predictors in networks.items():
            found[network][name, severity] = _all(predictors, corrupted)
    return ContaminationMatrix(found)


def _all(predictors: Sequence[Predictor], split: Split) -> list[Predictions]:
    return [predictor(split) for predictor in predictors]


def _one_or_pooled(trainings: Sequence[Predictions]) -> Predictions:
    return trainings[0] if len(trainings) == 1 else pool_trainings(trainings)


def stacked(cells: Sequence[Predictions]) -> Predictions:
    """The rows of all, one below the other: a score is then over all of them."""
    rows = ("labels", "probabilities", "groups")
    stacked = (np.concatenate([getattr(each, name) for each in cells]) for name in rows)
    return replace(cells[0], **dict(zip(rows, stacked, strict=True)))


def _clean_first(table: pd.DataFrame) -> pd.DataFrame:
    return table[["clean", *table.columns.drop("clean")]]
