"""Where does the model look, and do its heat maps say anything about it?"""

import numpy as np
import pandas as pd

from utils.attacks.random_noise import RandomSigns
from utils.data.split import Split, to_float
from utils.evaluation.conditions import GREY_LEVELS
from utils.evaluation.explanations.faithfulness import (
    faithfulness_areas,
    faithfulness_gains,
    randomisation,
    stability,
)
from utils.evaluation.explanations.saliency import heat_maps, similarity
from utils.evaluation.inference import predict
from utils.evaluation.intervals import Interval, mean_of
from utils.examine.section import ONE_LABEL, Section, does_not_apply
from utils.examine.subject import Subject
from utils.figures.attacks.gradients import heatmap_grid

IMAGES = 60
PASSES, SHARE, LEAST = 85, 0.2, 12  # of each image; of the minutes; images
SHOWN = 5
UNDER_NOISE, SHUFFLED, OF_ANOTHER = "under noise", "with shuffled weights", "to another image"
STEADY = 0.5  # SSIM to the maps under noise, the lower bound
UNCHANGED = 0.9  # SSIM to the maps of shuffled weights: the map shows the image alone


def ask_explanations(subject: Subject) -> Section:
    """Heat maps of the true class, judged by deletion, by shuffled weights and by noise."""
    if not (subject.learned and subject.gradients):
        return does_not_apply("Heat maps need gradients, and a model that knows something.")
    if subject.several:
        return does_not_apply(f"{ONE_LABEL}The maps are those of the one true class.")
    few = subject.of_each(subject.within(IMAGES, PASSES, SHARE, LEAST))
    maps = heat_maps(subject.model, to_float(few.images), few.labels)
    gained = faithfulness_gains(faithfulness_areas(subject.model, few, maps), few)
    alike = _likeness(subject, few, maps)
    faithful = gained["deletion"].low > 0
    steady = alike[UNDER_NOISE].low > max(STEADY, alike[OF_ANOTHER].high)
    texts = {name: found.text(scale=1, digits=2) for name, found in alike.items()}
    return Section(
        "note",
        "Heat maps are " + ("better" if faithful else "not shown to be better")
        + f" than random ones: deleting the hottest pixels first costs {gained['deletion']} points "
        "more of the probability of the true class. "
        + ("They keep" if steady else "They are not shown to keep")
        + f" their shape under noise: similarity (SSIM) {texts[UNDER_NOISE]}, and "
        f"{texts[OF_ANOTHER]} to the map of another image.",
        "A map that survives a shuffle of all weights shows the image and not the model: the "
        f"similarity is {texts[SHUFFLED]}, 1 for equal maps. "
        + "So these maps explain nothing. " * (alike[SHUFFLED].low > UNCHANGED)
        + f"The noise is as large as the attack may be, {GREY_LEVELS * subject.epsilon:g} grey "
        f"levels. On {len(few)} images.",
        "" if faithful and steady else "Do not read these maps as reasons.",
        pd.DataFrame({"test": [*(f"{way}: points better than random maps" for way in gained),
                               *(f"similarity (SSIM) {name}" for name in alike)],
                      "found": [*map(str, gained.values()), *texts.values()]}),
        numbers={f"heat maps, {name}": each for name, each in (gained | alike).items()},
        figures={"Where it looks": _picture(subject, few, maps)},
    )  # fmt: skip


def _likeness(subject: Subject, few: Split, maps: np.ndarray) -> dict[str, Interval]:
    """How like each map is to that of the same image under noise and with shuffled weights; and,
    as a control, to that of another image, which any two smooth maps are to some degree."""
    found = {
        UNDER_NOISE: stability(subject.model, few, RandomSigns(subject.epsilon)),
        SHUFFLED: randomisation(subject.model, few),
        OF_ANOTHER: similarity(maps, np.roll(maps, 1, axis=0)),
    }
    return {name: mean_of(each, few.patients) for name, each in found.items()}


def _picture(subject: Subject, few, maps: np.ndarray):
    some = few.take(np.linspace(0, len(few) - 1, SHOWN).astype(int))
    places = np.linspace(0, len(few) - 1, SHOWN).astype(int)
    found = predict(subject.model, some)
    names = np.array(few.class_names)
    captions = [f"true {names[label]}\npredicted {names[guess]}" for label, guess
                in zip(found.labels, found.probabilities.argmax(1), strict=True)]  # fmt: skip
    masks = None if some.masks is None else some.masks
    return heatmap_grid(some.images, masks, {"heat": maps[places]}, {"heat": captions})
