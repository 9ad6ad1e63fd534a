"""The checks of labels: how many are wrong, and which ones look wrong?"""

import numpy as np
import pandas as pd

from utils.audit.finding import EXAMPLES, Finding, count_of, not_applicable, skipped
from utils.audit.folder import ImageFolder
from utils.audit.label_predictions import LEAST_PATIENTS, LabelPredictions
from utils.audit.neighbour_votes import neighbour_vote, vote_in_words
from utils.audit.patients.groups import MIN_FOLDER_IMAGES
from utils.detection.label_error_rates import SEEN

MAX_OWN_VOTES = 0.05  # share of the weighted votes for the label of an image that is named
MOST_NAMED = 0.01  # of all images: in a clean folder more would be named wrongly
MOST_FALSE = 0.005  # of all images: so many right labels may be named with the wrong ones
FEW = 0.005  # a share of wrong labels that certainly is no larger is no finding
RANKED = "labels.csv"  # beside the report: what to look at first
EXPECTED = "expected wrong up to here"


def check_label_share(folder: ImageFolder) -> Finding:
    """How many labels are wrong, by pairs of classes: from slips that would have been seen."""
    found = _predictions(folder)
    if isinstance(found, Finding):
        return found
    if not found.carry_classes:
        return Finding(
            "not applicable",
            f"{_accuracy_in_words(found, folder)} That is too little to count wrong labels.",
            "Either images are hard to tell, and would count as wrong labels, or very many labels "
            "are wrong.",
            "Have an expert read a sample again: its share of wrong labels is a fair estimate.",
        )
    share, names = found.slips.share, found.class_names
    pairs = found.slips.pairs()
    numbers = (100 * pairs[["share", "low", "high"]]).round(2).add_suffix(" (%)")
    sure = share.low > FEW
    return Finding(
        "note" if sure else "ok",
        f"{share.text()} % of the labels are estimated to be wrong: {int(pairs['above'].sum())} "
        f"of {len(found.labels):,} count: they score above the limit that {SEEN:.0%} of all slips "
        f"to their class would pass. {_accuracy_in_words(found, folder)}",
        "Each image is scored as if its label had slipped to every other class; so it is known "
        f"which part of all slips would be seen, and the limit is set where it is {SEEN:.0%}. "
        "Right labels of hard images count as wrong, so that the estimate is rather too high. "
        "It does not see what the features do not carry: labels that are wrong on hard images "
        "alone, and pairs of classes that are not in the table. "
        f"The interval is over {folder.group_description}.",
        "If this is more than you expect, read the labels of `Suspicious labels` again."
        if sure else "",
        pd.DataFrame({
            "given": [names[label] for label in pairs["given"]],
            "likely": [names[label] for label in pairs["likely"]],
        }).join(numbers),
    )  # fmt: skip


def check_labels(folder: ImageFolder) -> Finding:
    """Images that look like another class, the most suspicious labels first."""
    if len(folder.class_names) < 2 or len(folder) < MIN_FOLDER_IMAGES:
        return skipped("No classes, or too few images to compare.")
    found = folder.label_predictions
    if found is None or not found.carry_classes:
        return _by_neighbours(folder)
    slips = found.slips
    ranked, named = _ranked(folder, found), _named(found, len(folder))
    labels, likely = (ranked[name][:named] for name in ("label", "likely"))
    scores = np.full(len(folder), np.nan)
    scores[found.rows] = slips.given.round(4)
    return Finding(
        "note" if named else "ok",
        f"{count_of(named, 'label looks', 'labels look')} wrong. "
        f"{_expected_in_words(ranked, named)}{_accuracy_in_words(found, folder)}",
        "These images look like another class. An image that is hard to tell does so too: without "
        "a wrong label in the folder, images are named as well.",
        f"Show them to an expert, the first ones first, and go on along `{RANKED}` until hardly "
        "any label is wrong. The trained inspection (notebook `detective`) sees more.",
        ranked[:named],
        tuple(found.rows[slips.order[:named]].tolist()),
        tuple(f"{own}; looks like {other}" for own, other in zip(labels, likely, strict=True))[
            :EXAMPLES
        ],
        scores=pd.DataFrame({"label score": scores}),
        files={RANKED: ranked},
    )  # fmt: skip


def _by_neighbours(folder: ImageFolder) -> Finding:
    """Images whose most similar images of other patients have another label: a weak test."""
    vote, names = neighbour_vote(folder), np.array(folder.class_names)
    if not vote.is_informative:
        return Finding(
            "not applicable",
            f"{vote_in_words(vote, folder)} Neighbours do not predict the class here.",
            "This check cannot find label errors in this folder; there may be some or none.",
            "Use the trained inspection (notebook `detective`).",
        )
    doubted = np.flatnonzero(vote.own <= MAX_OWN_VOTES)
    doubted = doubted[np.lexsort([folder.neighbour_distances[doubted], vote.own[doubted]])]
    flagged = doubted[: int(MOST_NAMED * len(folder))]
    labels, predicted = names[folder.labels[flagged]], names[vote.predicted[flagged]]
    return Finding(
        "note" if len(flagged) else "ok",
        f"{count_of(len(doubted), 'image has', 'images have')} hardly a neighbour of the same "
        f"class ({len(doubted) / len(folder):.1%} of all); named are the first {len(flagged)}, "
        f"at most one image in a hundred. {vote_in_words(vote, folder)}",
        "A weak indication from plain pixels, for a second look and nothing else. Without a wrong "
        "label in the folder, images are doubted too." if len(flagged) else "",
        "Show the named ones to an expert. `images.csv` ranks all of them. The trained inspection "
        "(notebook `detective`) finds more." if len(flagged) else "",
        pd.DataFrame({
            "file": folder.relative_files[flagged], "label": labels, "neighbours": predicted
        }),
        tuple(flagged.tolist()),
        tuple(f"{own}; neighbours: {other}" for own, other in zip(labels, predicted, strict=True))[
            :EXAMPLES
        ],
        scores=pd.DataFrame({"votes for another class": (1 - vote.own).round(4)}),
    )  # fmt: skip


def _named(found: LabelPredictions, images: int) -> int:
    """As many as there are, by the lower end of the estimate, and a few right ones with them."""
    expected = found.slips.expected_wrong(found.slips.share.low)
    right = np.arange(1, len(expected) + 1) - expected
    few = (right <= MOST_FALSE * images).sum()
    return int(min(few, MOST_NAMED * images, found.slips.look_wrong.sum()))


def _ranked(folder: ImageFolder, found: LabelPredictions) -> pd.DataFrame:
    """The labels that are less likely than another, the most suspicious first."""
    slips = found.slips
    order = slips.order[: slips.look_wrong.sum()]
    return pd.DataFrame({
        "file": folder.relative_files[found.rows[order]],
        "label": found.class_names[slips.labels[order]],
        "likely": found.class_names[slips.likely[order]],
        "label score": slips.given[order].round(4),
        EXPECTED: slips.expected_wrong(slips.share.value)[: len(order)].round(1),
    })  # fmt: skip


def _expected_in_words(ranked: pd.DataFrame, named: int) -> str:
    if not named:
        return ""
    return (
        f"By the estimated share {ranked[EXPECTED].iloc[named - 1]:.0f} of them are wrong; of all "
        f"{len(ranked):,} that are less likely than another label {ranked[EXPECTED].iloc[-1]:.0f}. "
    )


def _predictions(folder: ImageFolder) -> LabelPredictions | Finding:
    """What each image looks like, or why that is not known."""
    if len(folder.class_names) < 2 or len(folder) < MIN_FOLDER_IMAGES:
        return skipped("No classes, or too few images to learn what each class looks like.")
    found = folder.label_predictions
    if found is None:
        return not_applicable(f"Fewer than two classes with {LEAST_PATIENTS} patients.")
    if found.are_informative:
        return found
    return Finding(
        "not applicable",
        f"{_accuracy_in_words(found, folder)} The features do not carry the class.",
        "Label errors cannot be found here; there may be some or none.",
        "Use the trained inspection (notebook `detective`).",
    )


def _accuracy_in_words(found: LabelPredictions, folder: ImageFolder) -> str:
    return (
        f"Linear heads on {found.source} predict the label with a balanced accuracy of "
        f"{found.accuracy.text(digits=0)} % (chance {found.chance:.0%}), out of fold by "
        f"{folder.group_description}."
    )
