"""The detective: from all clues about an image to one probability for each kind."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier

from utils.contamination.base import KINDS, kinds_of
from utils.data.patient_split import split_by_group
from utils.data.split import Split
from utils.detection.detectors import auroc_against_clean, long_table
from utils.detection.noise_traces import robust_z

Case = tuple[pd.DataFrame, Split]  # the clues, and the split that holds the truth
TREES = 100
LEAF = 3  # images: a probability of one would be a memory


@dataclass(frozen=True)
class ContaminationClassifier:
    """Has learned from contaminations of known truth; of kinds it never met it says 0.

    It sees each clue in units of its own split, so that it may judge other data than those
    it has learned from, as long as most images there are clean.
    """

    forest: RandomForestClassifier

    def __call__(self, clues: pd.DataFrame) -> pd.DataFrame:
        """A row for each image, a column for each of KINDS."""
        seen = robust_z(clues[list(self.forest.feature_names_in_)])
        said = pd.DataFrame(self.forest.predict_proba(seen), index=clues.index)
        said.columns = [KINDS[kind] for kind in self.forest.classes_]
        return said.reindex(columns=KINDS, fill_value=0.0)


def fit_contamination_classifier(
    cases: Sequence[Case], without: Sequence[str] = (), seed: int = 0
) -> ContaminationClassifier:
    """The detective that has learned from these cases, `without` having met some kinds."""
    unknown = set(without) - set(KINDS[1:])  # what is clean everybody has to know
    if unknown:
        raise ValueError(f"unknown kind {min(unknown)!r}; choose from {', '.join(KINDS[1:])}")
    seen = pd.concat([robust_z(table) for table, _ in cases], ignore_index=True)
    kinds = np.concatenate([kinds_of(split).numpy() for _, split in cases])
    met = ~np.isin(kinds, [KINDS.index(kind) for kind in without])
    forest = RandomForestClassifier(TREES, min_samples_leaf=LEAF, random_state=seed)
    return ContaminationClassifier(forest.fit(seen[met], kinds[met]))


def cross_patient_predict(
    taught: Case, asked: Case, without: Sequence[str] = (), seed: int = 0
) -> pd.DataFrame:
    """What is said of each image by a detective that has learned from other patients.

    Both cases are about the same images, each contaminated in its own way. Two detectives share
    the patients: what one has learned from, the other judges.
    """
    (learned, known), (clues, split) = taught, asked
    if len(known) != len(split) or (known.groups is None) != (split.groups is None):
        raise ValueError(f"the same images are needed in both cases: {len(known)}, {len(split)}")
    halves, said = split_by_group(split.labels.numpy(), split.patients, (0.5, 0.5), seed), []
    for here, there in (halves, halves[::-1]):
        knows = fit_contamination_classifier(
            [(learned.iloc[here], known.take(here))], without, seed
        )
        said.append(knows(clues.iloc[there]))
    return pd.concat(said).sort_index()


def per_class_auroc(said: pd.DataFrame, split: Split, seed: int = 0) -> pd.DataFrame:
    """How well each kind is told from the clean images: by its own probability, and by the plain
    suspicion that anything is wrong. A row for each kind, suspicion and
    score, with its interval over patients.
    """
    found, anything = {}, 1 - said[KINDS[0]]
    for kind in [KINDS[kind] for kind in np.unique(kinds_of(split)) if kind]:
        found[kind, "its own"] = auroc_against_clean(said[kind], split, kind, seed)
        found[kind, "anything"] = auroc_against_clean(anything, split, kind, seed)
    return long_table(found, "suspicion")


def rank_images(split: Split, said: pd.DataFrame) -> pd.DataFrame:
    """Every image with what the detective `said` of it, the most suspicious first."""
    table = pd.DataFrame({"image": np.arange(len(split))})
    table["group"] = split.patients
    table["label"] = np.asarray(split.class_names)[split.labels]
    accused = said.drop(columns=KINDS[0])
    table["suspicion"] = 1 - said[KINDS[0]].to_numpy()
    table["likeliest"] = accused.idxmax(axis=1).to_numpy()
    table = pd.concat([table, accused.reset_index(drop=True)], axis=1)
    return table.sort_values("suspicion", ascending=False, ignore_index=True, kind="stable")
