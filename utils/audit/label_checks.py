"""Checks of what goes with the class: facts that no doctor looks at, and lonely labels."""

import numpy as np
import pandas as pd
import torch

from utils.audit.finding import EXAMPLES, Finding, count_of, skipped
from utils.audit.folder import MIN_IMAGES, ImageFolder
from utils.audit.shortcuts import image_facts, shortcuts

ASKED = 1500  # images: more would narrow the intervals little, and take minutes
STRONG, GRAVE = 0.6, 0.8  # lower end of the AUC of a fact that cannot be the disease
OBVIOUS = 0.8  # the same for a fact that can
NO_ANATOMY = ("width", "height", "shape", "bits", "colour", "format", "border")
WITNESSES = 10  # nearest images of other patients
ALONE = 0.05  # share of the weighed votes for an image's own label, at most
SHUFFLES = 20


def check_metadata_shortcuts(delivery: ImageFolder) -> Finding:
    """Does the size of the file, its format, its border tell the class?"""
    if len(delivery.class_names) < 2:
        return skipped("No classes: nothing could be told.")
    rows = _learned_from(delivery)
    split = delivery.split.take(rows)
    owners = pd.DataFrame({"label": split.labels, "who": split.patients}).groupby("label")["who"]
    if len(owners) < 2 or owners.nunique().min() < 2 or len(rows) < MIN_IMAGES:
        return skipped("Too few images, a single class, or one with a single patient.")
    facts = _file_facts(delivery.facts.iloc[rows]).reset_index(drop=True)
    told = shortcuts(image_facts(split.images).join(facts), split)
    low = told["AUC low"]
    outside = low[[name for name in told.index if name in NO_ANATOMY]]
    inside = low.drop(outside.index).drop("all together", errors="ignore")
    severity = "note" if told["tells"].any() else "ok"
    if outside.max() > STRONG or inside.max() > OBVIOUS:
        severity = "alarm" if outside.max() > GRAVE else "warning"
    telling = told.index[told["tells"]]
    return Finding(
        severity,
        f"Better than by chance (AUC 0.5) the class is told by {', '.join(telling) or 'no fact'}. "
        "Small decision trees are given one such fact at a time, or all together. Each of the "
        f"{len(rows):,} {'training ' * delivery.is_dealt}images is judged by trees that have seen "
        f"none of its group. Groups are {delivery.group_description}.",
        "Width, height, bits, colours, format and border cannot be the disease: what they tell, "
        "a network will learn instead. Brightness, contrast, sharpness and the size of a "
        "compressed file may be the disease or the device. Of forty facts that say nothing, one "
        "seems to.",
        "Ask where the classes come from: another hospital, year, device, program? Remove the "
        "trace (crop, save all files alike), and ask again." if severity != "ok" else "",
        _auc_table(told),
    )  # fmt: skip


def _learned_from(delivery: ImageFolder) -> np.ndarray:
    """What a network would learn from, or some of it, by a coin that always falls the same way."""
    learned = np.flatnonzero(delivery.parts == "train") if delivery.is_dealt else len(delivery)
    return np.sort(np.random.default_rng(0).permutation(learned)[:ASKED])


def _file_facts(facts: pd.DataFrame) -> pd.DataFrame:
    """Numbers about the file; those that are the same for all are left out."""
    numbers = facts[["bytes", "width", "height", "bits"]].assign(
        shape=facts["width"] / facts["height"].clip(lower=1),
        colour=pd.factorize(facts["colour"], sort=True)[0],
        format=pd.factorize(facts["format"], sort=True)[0],
    )
    return numbers.loc[:, numbers.nunique() > 1]


def _auc_table(told: pd.DataFrame) -> pd.DataFrame:
    table = told.sort_values("AUC low", ascending=False)
    interval = [
        f"{row.AUC:.2f} ({row._asdict()['low']:.2f} to {row._asdict()['high']:.2f})"
        for row in table.rename(columns={"AUC low": "low", "AUC high": "high"}).itertuples()
    ]
    kind = ["cannot be the disease" if n in NO_ANATOMY else "may be" for n in table.index]
    return pd.DataFrame({"fact": table.index, "AUC (chance 0.5)": interval, "disease?": kind})


def check_neighbour_labels(delivery: ImageFolder) -> Finding:
    """Images whose likest strangers all carry another label: the weak test for wrong labels."""
    if len(delivery.class_names) < 2 or len(delivery) < MIN_IMAGES:
        return skipped("No classes, or too few images: neighbours have nothing to say.")
    labels, votes = delivery.split.labels.numpy(), _witnesses(delivery)
    right = _balanced(labels, votes)
    coin, order = np.random.default_rng(0), np.argsort(delivery.groups, kind="stable")
    mine = np.split(labels[order], np.flatnonzero(np.diff(delivery.groups[order])) + 1)
    by_luck = [_balanced(_shuffled(mine, order, coin), votes) for _ in range(SHUFFLES)]
    chance = f"{np.mean(by_luck):.0%} (at most {max(by_luck):.0%} of {SHUFFLES} tries)"
    said = (
        f"The {WITNESSES} likest images of others guess the class with a balanced accuracy of "
        f"{right:.0%}; with labels dealt anew to patients {chance}. Others are "
        f"other {delivery.group_description}."
    )
    if right <= max(by_luck):
        return Finding(
            "skipped",
            f"{said} Here neighbours know nothing of the class, so nobody can be suspected.",
            "This check is blind here, and says nothing for or against the labels.",
            "Use the trained inspection (notebook `detective`, `utils.inspection.Inspector`).",
        )  # fmt: skip
    own = _shares(labels, votes)[np.arange(len(labels)), labels]
    accused = np.flatnonzero(own <= ALONE)
    accused = accused[np.lexsort([delivery.remoteness[accused], own[accused]])]
    names = np.array(delivery.class_names)
    guess = names[_shares(labels, votes).argmax(1)]
    return Finding(
        "note" if len(accused) else "ok",
        f"{count_of(len(accused), 'image has', 'images have')} hardly a neighbour of the same "
        f"class ({len(accused) / len(labels):.1%} of all). {said}",
        "A weak suspicion from plain pixels, for a second look and nothing else. In drawn folders "
        "with 2 to 5 % wrong labels, 7 to 36 % of those named had one, and 37 to 70 % of the wrong "
        "ones were named; without any wrong label, 3 to 14 % of the images were named all the "
        "same.",
        "Show the first ones to somebody who knows. The trained inspection (notebook "
        "`detective`, `utils.inspection.Inspector`) sees more.",
        pd.DataFrame({"file": delivery.files[accused], "label": names[labels[accused]],
                      "neighbours say": guess[accused]}),
        tuple(accused.tolist()),
        tuple(f"{names[labels[i]]}; neighbours: {guess[i]}" for i in accused[:EXAMPLES]),
    )  # fmt: skip


def _shuffled(mine: list[np.ndarray], order: np.ndarray, coin: np.random.Generator) -> np.ndarray:
    """The labels of each patient together on somebody else's images, or on two strangers'."""
    labels = np.empty_like(np.concatenate(mine))
    labels[order] = np.concatenate([mine[one] for one in coin.permutation(len(mine))])
    return labels


def _witnesses(delivery: ImageFolder) -> np.ndarray:
    """For each image the places of the likest images of others; -1 where there are no more."""
    groups, links = delivery.groups, delivery.links
    strange = groups[links.neighbours] != groups[:, None]
    ratios = np.where(strange & np.isfinite(links.ratios), links.ratios, np.inf)
    order = np.argsort(ratios, axis=1, kind="stable")[:, :WITNESSES]
    chosen = np.take_along_axis(links.neighbours, order, 1)
    return np.where(np.isfinite(np.take_along_axis(ratios, order, 1)), chosen, -1)


def _shares(labels: np.ndarray, votes: np.ndarray) -> np.ndarray:
    """How the votes fall on the classes, each weighed by how rare it is."""
    counts = np.bincount(labels)
    hits = torch.nn.functional.one_hot(torch.from_numpy(labels[votes]), len(counts)).numpy()
    weighed = (hits * (votes >= 0)[:, :, None]).sum(1) / np.maximum(counts, 1)
    return weighed / np.maximum(weighed.sum(1, keepdims=True), 1e-12)


def _balanced(labels: np.ndarray, votes: np.ndarray) -> float:
    """The mean over the classes of how often the votes are right."""
    right = _shares(labels, votes).argmax(1) == labels
    return float(np.mean([right[labels == one].mean() for one in np.unique(labels)]))
