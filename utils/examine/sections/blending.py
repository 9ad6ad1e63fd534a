"""Does an answer stay sure when other images are laid over one? With a trigger it does (STRIP)."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from utils.data.split import Split, to_float
from utils.detection.backdoor_inputs import Strip, sureness
from utils.evaluation.intervals import Interval, mean_of
from utils.examine.section import ONE_LABEL, Section, does_not_apply
from utils.examine.subject import Subject
from utils.figures.contamination.overview import gallery

PER_ATTACKED = 2  # images for each that is attacked
OVERLAYS = 16  # images that are laid over each
SHARE, LEAST = 0.1, 40  # of the minutes; images
BEYOND = 0.05  # of the images of one half of the patients, those above the limit
SHOWN = 4


@dataclass(frozen=True)
class Sureness:
    """How sure images stay under others, and the limit that some of them set for the rest."""

    scores: np.ndarray  # minus the entropy
    patients: np.ndarray
    sets_limit: np.ndarray  # which images do; the others are the control

    @property
    def limit(self) -> float:
        return float(np.quantile(self.scores[self.sets_limit], 1 - BEYOND))

    @property
    def control(self) -> Interval:
        """The share of the other images above the limit, as they are."""
        rest = ~self.sets_limit
        return mean_of((self.scores[rest] > self.limit).astype(float), self.patients[rest])


def ask_blending(subject: Subject) -> Section:
    """Which images stay sure. It judges nothing: an image can be sure without a trigger."""
    if not subject.learned:
        return does_not_apply("The model knows too little about clean images.")
    if subject.several:
        return does_not_apply(f"{ONE_LABEL}The class of an image is what stays or goes.")
    count = subject.within(PER_ATTACKED * subject.attacked, OVERLAYS, SHARE, LEAST)
    rows = subject.images.some_rows(count, subject.seed).numpy()
    few, before = subject.images.take(rows), subject.clean.take(rows)
    blended = strip_of(subject, few).predictions(few)
    kept = np.mean([each.predicted == before.predicted for each in blended], 0)
    found = sureness_of(sureness(blended), few, subject.seed)
    share = mean_of(kept, few.patients)
    return Section(
        "note",
        f"With another image laid over it, an image keeps its class in {share} % of the cases. "
        f"{np.mean(kept == 1):.0%} of {len(few)} images keep it under all of {OVERLAYS}; the "
        "surest are shown.",
        "The trigger of a backdoor works under other images, too, so that one with a trigger stays "
        "sure. Look at the surest images: do they share a mark? A plain image can be as sure, and "
        "a faint trigger or a warp does not outlive this: no proof. As a control, half of the "
        f"patients set a limit that {BEYOND:.0%} of their images pass; of the others "
        f"{found.control} % pass it.",
        "",
        _by_class(kept, before.predicted, few.class_names),
        numbers={
            "class kept under other images": share,
            "beyond the limit (control)": found.control,
        },
        figures={"The images that stay surest, and some in the middle": _pictures(few, found)},
        answers=pd.DataFrame({"sure under other images": found.scores}, index=rows),
    )  # fmt: skip


def strip_of(subject: Subject, split: Split) -> Strip:
    """The detector, with overlays from these images."""
    return Strip(subject.model, split, OVERLAYS, seed=subject.seed)


def sureness_of(scores: np.ndarray, split: Split, seed: int) -> Sureness:
    """The scores, of which those of half of the patients set the limit."""
    names = np.unique(split.patients)
    chosen = np.random.default_rng(seed).permutation(names)[: (len(names) + 1) // 2]
    return Sureness(scores, split.patients, np.isin(split.patients, chosen))


def _by_class(kept: np.ndarray, predicted: np.ndarray, names: tuple[str, ...]) -> pd.DataFrame:
    """Of the images that are predicted as each class."""
    rows = [
        (name, len(own), f"{100 * own.mean():.0f}" if len(own) else "", int((own == 1).sum()))
        for name, own in ((name, kept[predicted == k]) for k, name in enumerate(names))
    ]
    columns = ["predicted", "images", "class kept (%)", f"kept under all {OVERLAYS}"]
    return pd.DataFrame(rows, columns=columns)


def _pictures(few: Split, found: Sureness):
    order = np.argsort(-found.scores)
    middle = len(order) // 2
    chosen = {"surest": order[:SHOWN], "middle": order[middle : middle + SHOWN]}
    rows = {name: list(255 * to_float(few.images[places])) for name, places in chosen.items()}
    return gallery(rows, [""] * max(map(len, rows.values())))
