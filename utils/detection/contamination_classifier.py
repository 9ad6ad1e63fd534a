"""A classifier of contaminations: from all features of an image to a probability of each kind."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier

from utils.contamination.base import KINDS, kinds_of
from utils.data.patients.splitting import split_by_group
from utils.data.split import Split
from utils.detection.noise_traces import robust_z

Case = tuple[pd.DataFrame, Split]  # features of the images, and the split with the ground truth
TREES = 100
LEAF = 3  # images: smaller leaves would give probabilities of one


class ContaminationClassifier:
    """A random forest that learns from contaminations of known truth.

    It sees each feature in units of its own split, so that it can score other data than those
    it has learned from, as long as most images there are clean. Kinds without a training
    example get the probability 0.
    """

    def __init__(self, seed: int = 0):
        self.forest = RandomForestClassifier(TREES, min_samples_leaf=LEAF, random_state=seed)

    def fit(self, cases: Sequence[Case], without: Sequence[str] = ()) -> "ContaminationClassifier":
        """Learn from these cases, `without` the images of some kinds."""
        if unknown := set(without) - set(KINDS[1:]):  # clean images are always needed
            raise ValueError(f"unknown kind {min(unknown)!r}; choose from {', '.join(KINDS[1:])}")
        features = pd.concat([robust_z(table) for table, _ in cases], ignore_index=True)
        kinds = np.concatenate([kinds_of(split).numpy() for _, split in cases])
        used = ~np.isin(kinds, [KINDS.index(kind) for kind in without])
        self.forest.fit(features[used], kinds[used])
        return self

    def score(self, features: pd.DataFrame) -> np.ndarray:
        """One number per image; higher is more suspicious."""
        return 1 - self.probabilities(features)[KINDS[0]].to_numpy()

    def probabilities(self, features: pd.DataFrame) -> pd.DataFrame:
        """A row for each image, a column for each of KINDS."""
        inputs = robust_z(features[list(self.forest.feature_names_in_)])
        found = pd.DataFrame(self.forest.predict_proba(inputs), index=features.index)
        found.columns = [KINDS[kind] for kind in self.forest.classes_]
        return found.reindex(columns=KINDS, fill_value=0.0)


def cross_patient_predict(
    train: Case, test: Case, without: Sequence[str] = (), seed: int = 0
) -> pd.DataFrame:
    """Probabilities for each image of `test` by a classifier that learned from other patients.

    Both cases hold the same images, each contaminated in its own way. The patients are cut into
    two halves: a classifier learns from one half of `train` and predicts the other half of `test`.
    """
    (known_features, known), (features, split) = train, test
    if len(known) != len(split) or (known.groups is None) != (split.groups is None):
        raise ValueError(f"the same images are needed in both cases: {len(known)}, {len(split)}")
    halves = split_by_group(split.labels.numpy(), split.patients, (0.5, 0.5), seed)
    found = []
    for here, there in (halves, halves[::-1]):
        case = (known_features.iloc[here], known.take(here))
        classifier = ContaminationClassifier(seed).fit([case], without)
        found.append(classifier.probabilities(features.iloc[there]))
    return pd.concat(found).sort_index()


def rank_images(split: Split, probabilities: pd.DataFrame) -> pd.DataFrame:
    """Every image with its probabilities and its likeliest contamination, most suspicious first."""
    table = pd.DataFrame({"image": np.arange(len(split))})
    table["group"] = split.patients
    table["label"] = np.asarray(split.class_names)[split.labels]
    contaminated = probabilities.drop(columns=KINDS[0])
    table["suspicion"] = 1 - probabilities[KINDS[0]].to_numpy()
    table["likeliest"] = contaminated.idxmax(axis=1).to_numpy()
    table = pd.concat([table, contaminated.reset_index(drop=True)], axis=1)
    return table.sort_values("suspicion", ascending=False, ignore_index=True, kind="stable")
