"""Does the border of the image decide, where no finding can be?"""

from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from utils.data.split import Split
from utils.evaluation.comparisons.differences import gain
from utils.evaluation.inference import predict
from utils.evaluation.intervals import mean_of
from utils.evaluation.metrics import HEADLINE
from utils.examine.section import ONE_LABEL, Section, does_not_apply
from utils.examine.subject import Subject

BORDER = 0.125  # of the width, on each side
IMAGES = 600
PASSES, SHARE, LEAST = 4, 0.08, 30  # of each image; of the minutes; images
FOLLOWS = 0.1  # of the answers, the lower bound: they follow the class of another image's border


def ask_shortcuts(subject: Subject) -> Section:
    """Images with the border of another image: does the answer follow that image's class?"""
    if not subject.learned:
        return does_not_apply("The model knows too little about clean images to have a shortcut.")
    if subject.several:
        return does_not_apply(f"{ONE_LABEL}Borders are exchanged between classes.")
    few = subject.images.limit(subject.within(IMAGES, PASSES, SHARE, LEAST), subject.seed)
    others = _partners(few, subject.seed, same=False)
    clean = predict(subject.model, few)
    rows = {}
    for name, border in {
        "border of another class": few.images[others],
        "border of the same class": few.images[_partners(few, subject.seed, same=True)],
        "grey border": torch.full_like(few.images, 2 ** (few.depth - 1)),
    }.items():
        mixed = replace(few, images=with_border(few.images, border))
        rows[name] = predict(subject.model, mixed)
    wanted = few.labels[others].numpy()
    follows = {n: (each.probabilities.argmax(1) == wanted) for n, each in rows.items()}
    beyond = mean_of(
        follows["border of another class"].astype(float) - follows["border of the same class"],
        few.patients,
    )
    found = beyond.low > FOLLOWS
    table = pd.DataFrame({
        "follow the other image (%)": {n: f"{100 * f.mean():.0f}" for n, f in follows.items()},
        f"{HEADLINE} lost (points)": {n: str(gain(e, clean, HEADLINE)) for n, e in rows.items()},
    })  # fmt: skip
    return Section(
        "alarm" if found else "ok",
        f"With the border of an image of another class, {beyond} % more of the answers turn to "
        "that class than with the border of another image of its own.",
        f"The outer {BORDER:.1%} on each side holds marks, letters, edges of devices and shadows "
        "of collimators, seldom a finding. Where it decides, the score in another hospital will be "
        "another one. A shortcut inside the image is not seen here.",
        "Look at the borders of each class; crop or mask them, and train again." if found else "",
        table.rename_axis("images").reset_index(),
        numbers={"follows the border": beyond},
    )  # fmt: skip


def with_border(images: Tensor, borders: Tensor) -> Tensor:
    """The inner part of each image inside the border of another."""
    width = max(1, round(BORDER * images.shape[-1]))
    mixed = borders.clone()
    inner = (..., slice(width, -width), slice(width, -width))
    mixed[inner] = images[inner]
    return mixed


def _partners(split: Split, seed: int, same: bool) -> Tensor:
    """For each image the place of another, of its class or of another; itself if there is none."""
    rng, labels = np.random.default_rng(seed), split.labels.numpy()
    places = np.arange(len(labels))
    chosen = places.copy()
    for place in places:
        fits = (labels == labels[place]) == same
        fits[place] = False
        if fits.any():
            chosen[place] = rng.choice(places[fits])
    return torch.from_numpy(chosen)
