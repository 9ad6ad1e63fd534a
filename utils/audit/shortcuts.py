"""Shortcuts: is there a property without medical meaning that predicts the class?

Measured before any training, with one number per image at a time. A number that predicts the class
raises a question and does not answer it: dark pixels may be the scanner or the disease.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from scipy.stats import rankdata
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from torch import Tensor

from utils.data.split import Split
from utils.evaluation.intervals import LEVEL, Interval, grouped_arm, largest_unseen_share
from utils.evaluation.predictions import Predictions
from utils.evaluation.resampling import holm, p_value

FOLDS = 5
MIN_LEAF = 10  # images in a leaf: fewer would overfit
ALL = "all together"


def image_facts(images: Tensor) -> pd.DataFrame:
    """One row per image of simple numbers that need no knowledge of what it shows."""
    rows = [_facts(block.float().mean(1)) for block in images.split(1024)]
    return pd.DataFrame(torch.cat(rows).numpy(), columns=list(FACTS))


def file_facts(split: Split) -> pd.DataFrame:
    """Size in bytes, width and height of each file; no columns if images come from none."""
    if not split.files or not all(split.files):
        return pd.DataFrame(index=range(len(split)))
    rows = [(Path(file).stat().st_size, *_width_and_height(file)) for file in split.files]
    return pd.DataFrame(rows, columns=["bytes of the file", "width", "height"])


def one_against_rest(
    facts: pd.DataFrame, split: Split, knows_patients: bool = True, seed: int = 0
) -> pd.DataFrame:
    """How well each fact tells one class from all others: a row per fact, for the class that it
    tells best, by the lower end of the interval.

    Of two classes the second stands for both. P-values are corrected for all facts and classes
    (Holm). Without known patients there are none, because images may not be independent: then the
    intervals hold for all facts and classes at once (Bonferroni).
    """
    columns = {name: facts[[name]] for name in facts} | {ALL: facts} if len(facts.columns) else {}
    questions = max(1, len(columns) * len(_compared(np.unique(split.labels.numpy()))))
    level = LEVEL if knows_patients else 1 - (1 - LEVEL) / questions
    rows = [
        row for name in columns for row in _classes_told(name, columns[name], split, seed, level)
    ]
    table = pd.DataFrame(rows, columns=["fact", "class", "AUC", "low", "high", "p"])
    table["p"] = holm(table["p"].to_numpy(float)) if knows_patients else np.nan
    best = table.sort_values(["low", "AUC"], ascending=False, kind="stable")
    return best.drop_duplicates("fact").reset_index(drop=True)


def _compared(present: np.ndarray) -> np.ndarray:
    """The classes that are compared with all others; of two the second stands for both."""
    return present[1:] if len(present) == 2 else present


def _classes_told(
    name: str, facts: pd.DataFrame, split: Split, seed: int, level: float
) -> Iterator[tuple]:
    found = cv_predict_from_features(facts, split, seed)
    for label in _compared(np.unique(found.labels)):
        sides = found.probabilities[:, label], found.labels == label
        auc = grouped_auc(*sides, found.groups, level)
        p = p_value(auc, 0.5) if auc.value > 0.5 else 1.0
        yield (name, split.class_names[label], *auc, p)


def grouped_auc(
    score: np.ndarray, positive: np.ndarray, groups: np.ndarray, level: float = LEVEL
) -> Interval:
    """The AUC with its interval over groups, in closed form (DeLong 1988, Obuchowski 1997)."""
    ranks, of_class = rankdata(score), rankdata(score[positive])
    below = np.empty(len(score))  # the share of the other side that an image has behind it
    below[positive] = (ranks[positive] - of_class) / (~positive).sum()
    below[~positive] = 1 - (ranks[~positive] - rankdata(score[~positive])) / positive.sum()
    value = below[positive].mean()
    sides = np.where(positive, positive.sum(), (~positive).sum())
    arm = grouped_arm((below - value) / sides, groups, level)
    fewest = min(len(np.unique(np.asarray(groups)[side])) for side in (positive, ~positive))
    least = 1 - largest_unseen_share(fewest, level) if value == 1 else 1.0
    return Interval(
        float(value), float(max(0, min(value - arm, least))), float(min(1, value + arm))
    )


def cv_predict_from_features(facts: pd.DataFrame, split: Split, seed: int = 0) -> Predictions:
    """Out-of-fold predictions of small trees from these facts, grouped by patient."""
    values, labels = facts.to_numpy(float), split.labels.numpy()
    trees = RandomForestClassifier(20, min_samples_leaf=MIN_LEAF, random_state=seed)
    folds = StratifiedGroupKFold(_fold_count(split), shuffle=True, random_state=seed)
    probabilities = np.zeros((len(split), split.classes))
    probabilities[:, np.unique(labels)] = cross_val_predict(
        trees, values, labels, groups=split.patients, cv=folds, method="predict_proba"
    )
    return Predictions(labels, probabilities, split.patients, split.class_names)


def _border(grey: Tensor) -> Tensor:
    """The outermost sixteenth on all four sides: (n, pixels)."""
    width = max(1, grey.shape[-1] // 16)
    inner = torch.zeros(grey.shape[1:], dtype=torch.bool)
    inner[width:-width, width:-width] = True
    return grey[:, ~inner]


FACTS = {
    "brightness": lambda grey: grey.flatten(1).mean(1),
    "contrast": lambda grey: grey.flatten(1).std(1, correction=0),
    "border": lambda grey: _border(grey).mean(1),
    "grain in the border": lambda grey: _border(grey).std(1, correction=0),
    "sharpness": lambda grey: grey.diff(dim=2).abs().flatten(1).mean(1),
}


def _facts(grey: Tensor) -> Tensor:
    return torch.stack([fact(grey) for fact in FACTS.values()], 1)


def _width_and_height(file: str) -> tuple[int, int]:
    with Image.open(file) as image:  # reads the header only
        return image.size


def _fold_count(split: Split) -> int:
    """As many as there are patients of the rarest class, at most five."""
    present = (split.patients[split.labels.numpy() == label] for label in split.labels.unique())
    fewest = min(len(np.unique(patients)) for patients in present)
    if fewest < 2 or len(split.labels.unique()) < 2:
        raise ValueError(
            "shortcuts need at least two classes with two patients each; "
            "leave out classes with fewer"
        )
    return min(FOLDS, fewest)
