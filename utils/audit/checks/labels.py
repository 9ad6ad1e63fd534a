"""Checks of labels: does a property without medical meaning predict them, do neighbours differ?"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from utils.audit.finding import EXAMPLES, Finding, count_of, skipped
from utils.audit.folder import MIN_FOLDER_IMAGES, ImageFolder
from utils.audit.shortcuts import ALL, image_facts, shortcuts
from utils.evaluation.intervals import Interval
from utils.evaluation.metrics import balanced_accuracy

SAMPLE = 1500  # images: more would take minutes and hardly narrow the intervals
WARNING_AUC, ALARM_AUC = 0.6, 0.8  # lower bound of the AUC of a fact that cannot be the disease
ANATOMY_WARNING_AUC = 0.8  # the same for a fact that can be the disease
NOT_ANATOMY = ("width", "height", "shape", "bits", "colour", "format", "border")
NEIGHBOURS = 10  # nearest images of other patients
MAX_OWN_VOTES = 0.05  # share of the weighted votes for the label of an image that is flagged
SHUFFLES = 20


@dataclass(frozen=True)
class NeighbourVote:
    """How well neighbours of other patients predict the labels, and each image's votes.

    `shuffled` are the balanced accuracies after labels were permuted between patients.
    """

    accuracy: float
    shuffled: tuple[float, ...]
    own: np.ndarray  # share of the votes for the label of each image
    predicted: np.ndarray  # class

    @property
    def is_informative(self) -> bool:
        return self.accuracy > max(self.shuffled)


def check_metadata_shortcuts(folder: ImageFolder) -> Finding:
    """Do the size of the file, its format or the border of the image predict the class?"""
    if len(folder.class_names) < 2:
        return skipped("No classes, so nothing to predict.")
    rows = _training_sample(folder)
    split = folder.split.take(rows)
    patients = pd.DataFrame({"label": split.labels, "patient": split.patients})
    patients = patients.groupby("label")["patient"].nunique()
    if len(patients) < 2 or patients.min() < 2 or len(rows) < MIN_FOLDER_IMAGES:
        return skipped("Too few images, a single class, or one with a single patient.")
    facts = _file_facts(folder.facts.iloc[rows]).reset_index(drop=True)
    found = shortcuts(image_facts(split.images).join(facts), split)
    severity, predictive = _shortcut_severity(found), found.index[found["predictive"]]
    return Finding(
        severity,
        "Better than chance (AUC 0.5) the class is predicted by "
        f"{', '.join(predictive) or 'no fact'}. Small decision trees get one fact at a time, or "
        "all together. "
        f"The {len(rows):,} {'training ' * folder.has_test_part}images are predicted out of fold, "
        f"grouped by {folder.group_description}.",
        "Width, height, bits, colours, format and border cannot be the disease: a network will "
        "learn them instead. Brightness, contrast, sharpness and the size of a compressed file may "
        "be the disease or the device. About one in forty facts without information passes.",
        "Find out where the classes come from: another hospital, year, device, program? Remove the "
        "trace (crop, save all files alike) and audit again." if severity != "ok" else "",
        _auc_table(found),
    )  # fmt: skip


def _shortcut_severity(found: pd.DataFrame) -> str:
    low = found["AUC low"].drop(ALL, errors="ignore")
    outside = low[[name for name in low.index if name in NOT_ANATOMY]]
    inside = low.drop(outside.index)
    if outside.max() > ALARM_AUC:
        return "alarm"
    if outside.max() > WARNING_AUC or inside.max() > ANATOMY_WARNING_AUC:
        return "warning"
    return "note" if found["predictive"].any() else "ok"


def _training_sample(folder: ImageFolder) -> np.ndarray:
    """Some of the images that a network would learn from; always the same ones."""
    rows = np.flatnonzero(folder.parts == "train") if folder.has_test_part else len(folder)
    return np.sort(np.random.default_rng(0).permutation(rows)[:SAMPLE])


def _file_facts(facts: pd.DataFrame) -> pd.DataFrame:
    """Numbers about the file; those that are the same for all are left out."""
    numbers = facts[["bytes", "width", "height", "bits"]].assign(
        shape=facts["width"] / facts["height"].clip(lower=1),
        colour=pd.factorize(facts["colour"], sort=True)[0],
        format=pd.factorize(facts["format"], sort=True)[0],
    )
    return numbers.loc[:, numbers.nunique() > 1]


def _auc_table(found: pd.DataFrame) -> pd.DataFrame:
    table = found.sort_values("AUC low", ascending=False)
    rows = table[["AUC", "AUC low", "AUC high"]].to_numpy(float)
    intervals = [Interval(*row).text(scale=1, digits=2) for row in rows]
    kind = ["cannot be the disease" if name in NOT_ANATOMY else "may be" for name in table.index]
    return pd.DataFrame({"fact": table.index, "AUC (chance 0.5)": intervals, "disease?": kind})


def check_neighbour_labels(folder: ImageFolder) -> Finding:
    """Images whose most similar images of other patients have another label: a weak test."""
    if len(folder.class_names) < 2 or len(folder) < MIN_FOLDER_IMAGES:
        return skipped("No classes, or too few images to compare with neighbours.")
    vote, names = neighbour_vote(folder), np.array(folder.class_names)
    if not vote.is_informative:
        return Finding(
            "skipped",
            f"{_vote_in_words(vote, folder)} Neighbours do not predict the class here.",
            "This check cannot find label errors in this folder; there may be some or none.",
            "Use the trained inspection (notebook `detective`, "
            "`utils.detection.inspection.inspect_images`).",
        )
    flagged = np.flatnonzero(vote.own <= MAX_OWN_VOTES)
    flagged = flagged[np.lexsort([folder.neighbour_distances[flagged], vote.own[flagged]])]
    labels, predicted = names[folder.split.labels.numpy()[flagged]], names[vote.predicted[flagged]]
    return Finding(
        "note" if len(flagged) else "ok",
        f"{count_of(len(flagged), 'image has', 'images have')} hardly a neighbour of the same "
        f"class ({len(flagged) / len(folder):.1%} of all). {_vote_in_words(vote, folder)}",
        "A weak indication from plain pixels, for a second look and nothing else. In drawn folders "
        "with 2 to 5 % wrong labels, 7 to 36 % of the flagged images had one, and 37 to 70 % of "
        "the wrong labels were flagged; without any wrong label, 3 to 14 % of the images were "
        "flagged.",
        "Show the first ones to an expert. The trained inspection (notebook `detective`, "
        "`utils.detection.inspection.inspect_images`) finds more.",
        pd.DataFrame({"file": folder.files[flagged], "label": labels, "neighbours": predicted}),
        tuple(flagged.tolist()),
        tuple(f"{own}; neighbours: {other}" for own, other in zip(labels, predicted, strict=True))[
            :EXAMPLES
        ],
    )


def neighbour_vote(folder: ImageFolder) -> NeighbourVote:
    labels, neighbours = folder.split.labels.numpy(), _neighbours(folder)
    rng = np.random.default_rng(0)
    shuffles = (_shuffle_between_patients(labels, folder.groups, rng) for _ in range(SHUFFLES))
    shares = _vote_shares(labels, neighbours)
    return NeighbourVote(
        _balanced_accuracy(labels, neighbours),
        tuple(_balanced_accuracy(shuffled, neighbours) for shuffled in shuffles),
        shares[np.arange(len(labels)), labels],
        shares.argmax(1),
    )


def _vote_in_words(vote: NeighbourVote, folder: ImageFolder) -> str:
    return (
        f"The {NEIGHBOURS} most similar images of other groups predict the class with a balanced "
        f"accuracy of {vote.accuracy:.0%}; with labels permuted between groups "
        f"{np.mean(vote.shuffled):.0%} (at most {max(vote.shuffled):.0%} in {SHUFFLES} tries). "
        f"Groups are {folder.group_description}."
    )


def _shuffle_between_patients(
    labels: np.ndarray, groups: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """The labels of each patient, kept together, on the images of other patients."""
    order = np.argsort(groups, kind="stable")
    by_patient = np.split(labels[order], np.flatnonzero(np.diff(groups[order])) + 1)
    shuffled = np.empty_like(labels)
    shuffled[order] = np.concatenate([by_patient[n] for n in rng.permutation(len(by_patient))])
    return shuffled


def _neighbours(folder: ImageFolder) -> np.ndarray:
    """For each image the most similar images of other groups; -1 if there are fewer."""
    groups, links = folder.groups, folder.links
    across = groups[links.neighbours] != groups[:, None]
    ratios = np.where(across & np.isfinite(links.ratios), links.ratios, np.inf)
    order = np.argsort(ratios, axis=1, kind="stable")[:, :NEIGHBOURS]
    chosen = np.take_along_axis(links.neighbours, order, 1)
    return np.where(np.isfinite(np.take_along_axis(ratios, order, 1)), chosen, -1)


def _vote_shares(labels: np.ndarray, neighbours: np.ndarray) -> np.ndarray:
    """The share of the votes for each class, weighted by how rare the class is."""
    counts = np.bincount(labels)
    votes = torch.nn.functional.one_hot(torch.from_numpy(labels[neighbours]), len(counts)).numpy()
    weighted = (votes * (neighbours >= 0)[:, :, None]).sum(1) / np.maximum(counts, 1)
    return weighted / np.maximum(weighted.sum(1, keepdims=True), 1e-12)


def _balanced_accuracy(labels: np.ndarray, neighbours: np.ndarray) -> float:
    shares = _vote_shares(labels, neighbours)
    classes = shares.shape[1]
    pairs = np.bincount(classes * labels + shares.argmax(1), minlength=classes**2)
    return float(balanced_accuracy(pairs.reshape(classes, classes)))
