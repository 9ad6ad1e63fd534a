"""Shortcuts: does something tell the class that no doctor would look at?

Asked before any training, of one number per image at a time. A number that tells the class is a
question and no verdict: dark pixels may be the scanner, and may be the disease.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedGroupKFold
from torch import Tensor

from utils.data.split import Split
from utils.evaluation.metrics import majority_share, scores
from utils.evaluation.predictions import Predictions

FOLDS = 5
MIN_LEAF = 10  # images in a leaf: fewer would be learned by heart
ALL = "all together"


def image_facts(images: Tensor) -> pd.DataFrame:
    """One row per image: what can be said of it without knowing what it shows."""
    rows = [_facts(block.float().mean(1)) for block in images.split(1024)]
    return pd.DataFrame(torch.cat(rows).numpy(), columns=list(FACTS))


def _rim(grey: Tensor) -> Tensor:
    """The outermost sixteenth on all four sides: (n, pixels)."""
    width = max(1, grey.shape[-1] // 16)
    inner = torch.zeros(grey.shape[1:], dtype=torch.bool)
    inner[width:-width, width:-width] = True
    return grey[:, ~inner]


FACTS = {
    "brightness": lambda grey: grey.flatten(1).mean(1),
    "contrast": lambda grey: grey.flatten(1).std(1, correction=0),
    "border": lambda grey: _rim(grey).mean(1),
    "grain in the border": lambda grey: _rim(grey).std(1, correction=0),
    "sharpness": lambda grey: grey.diff(dim=2).abs().flatten(1).mean(1),
}


def _facts(grey: Tensor) -> Tensor:
    return torch.stack([fact(grey) for fact in FACTS.values()], 1)


def file_facts(split: Split) -> pd.DataFrame:
    """Size in bytes, width and height of each file; no columns where images come from none."""
    if not split.files or not all(split.files):
        return pd.DataFrame(index=range(len(split)))
    rows = [(Path(file).stat().st_size, *_pixels(file)) for file in split.files]
    return pd.DataFrame(rows, columns=["bytes of the file", "width", "height"])


def _pixels(file: str) -> tuple[int, int]:
    with Image.open(file) as image:  # reads the header only
        return image.size


def shortcuts(facts: pd.DataFrame, split: Split, seed: int = 0) -> pd.DataFrame:
    """How well each fact alone tells the class, and all together, with intervals over patients.

    Asked of patients whom it has not learned from. `constant` is the accuracy of the best answer
    without looking; an AUC of 0.5 is chance. `tells` where the whole interval of the AUC lies
    above: of forty facts that say nothing, one may.
    """
    if len(facts) != len(split):
        raise ValueError(f"{len(split)} images need as many rows of facts, got {len(facts)}")
    columns = {name: facts[[name]] for name in facts}
    if len(columns) > 1:
        columns[ALL] = facts
    rows = {name: _row(cv_predict_from_features(columns[name], split, seed)) for name in columns}
    return pd.DataFrame(rows).T.infer_objects()


def _row(said: Predictions) -> dict:
    table, row = scores(said), {}
    for name in ("accuracy", "AUC"):
        keys = (name, f"{name} low", f"{name} high")
        row |= dict(zip(keys, table.loc[name], strict=True))
    return {**row, "constant": majority_share(said.labels), "tells": row["AUC low"] > 0.5}


def cv_predict_from_features(facts: pd.DataFrame, split: Split, seed: int = 0) -> Predictions:
    """What small trees make of these facts, each patient answered by trees that do not know him."""
    values, labels = facts.to_numpy(float), split.labels.numpy()
    probabilities = np.zeros((len(split), split.classes))
    folds = StratifiedGroupKFold(_folds(split), shuffle=True, random_state=seed)
    for known, asked in folds.split(values, labels, split.patients):
        trees = RandomForestClassifier(20, min_samples_leaf=MIN_LEAF, random_state=seed)
        trees.fit(values[known], labels[known])
        probabilities[np.ix_(asked, trees.classes_)] = trees.predict_proba(values[asked])
    return Predictions(labels, probabilities, split.patients, split.class_names)


def _folds(split: Split) -> int:
    """As many as there are patients of the rarest class, but no more than five."""
    present = (split.patients[split.labels.numpy() == label] for label in split.labels.unique())
    fewest = min(len(np.unique(patients)) for patients in present)
    if fewest < 2 or len(split.labels.unique()) < 2:
        raise ValueError(
            "a shortcut is looked for between at least two classes with two patients each; "
            "leave out classes with fewer"
        )
    return min(FOLDS, fewest)
