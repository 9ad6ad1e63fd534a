"""Where does the model look, and do its heat maps say anything about it?"""

import numpy as np
import pandas as pd

from utils.data.split import to_float
from utils.evaluation.explanations.faithfulness import (
    faithfulness_areas,
    faithfulness_gains,
    randomisation,
)
from utils.evaluation.explanations.saliency import heat_maps
from utils.evaluation.inference import predict
from utils.evaluation.intervals import mean_of
from utils.examine.section import ONE_LABEL, Section, does_not_apply
from utils.examine.subject import Subject
from utils.figures.attacks import heatmap_grid

IMAGES = 60
SHOWN = 5
UNCHANGED = 0.9  # SSIM to the maps of shuffled weights: the map shows the image alone


def ask_explanations(subject: Subject) -> Section:
    """Heat maps of the true class, judged by deletion and by shuffled weights."""
    if not (subject.learned and subject.gradients):
        return does_not_apply("Heat maps need gradients, and a model that knows something.")
    if subject.several:
        return does_not_apply(f"{ONE_LABEL}The maps are those of the one true class.")
    few = subject.of_each(IMAGES)
    maps = heat_maps(subject.model, to_float(few.images), few.labels)
    gained = faithfulness_gains(faithfulness_areas(subject.model, few, maps), few)
    same = mean_of(randomisation(subject.model, few), few.patients)
    faithful = gained["deletion"].low > 0
    return Section(
        "note",
        "Heat maps are " + ("better" if faithful else "not shown to be better")
        + f" than random ones: deleting the hottest pixels first costs {gained['deletion']} points "
        "more of the probability of the true class.",
        "A map that survives a shuffle of all weights shows the image and not the model: the "
        f"similarity (SSIM) is {same.text(scale=1, digits=2)}, 1 for equal maps. "
        + "So these maps explain nothing. " * (same.low > UNCHANGED)
        + f"On {len(few)} images.",
        "" if faithful else "Do not read these maps as reasons.",
        pd.DataFrame({"test": list(gained), "better than random maps (points)":
                      [str(each) for each in gained.values()]}),
        numbers={f"heat maps, {name}": each for name, each in gained.items()},
        figures={"Where it looks": _picture(subject, few, maps)},
    )  # fmt: skip


def _picture(subject: Subject, few, maps: np.ndarray):
    some = few.take(np.linspace(0, len(few) - 1, SHOWN).astype(int))
    places = np.linspace(0, len(few) - 1, SHOWN).astype(int)
    found = predict(subject.model, some)
    names = np.array(few.class_names)
    captions = [f"true {names[label]}\npredicted {names[guess]}" for label, guess
                in zip(found.labels, found.probabilities.argmax(1), strict=True)]  # fmt: skip
    masks = None if some.masks is None else some.masks
    return heatmap_grid(some.images, masks, {"heat": maps[places]}, {"heat": captions})
