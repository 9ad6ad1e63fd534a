"""Suspects: how well each kind is found, and what the most suspicious images look like."""

import math
from collections.abc import Mapping, Sequence
from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from sklearn.metrics import roc_curve

from utils.figures.style import ATTACKED, CHANCE, CLEAN, DEFENDED, STYLE, blank, closed, picture

KINDS = {  # colours
    "noise": "#999999",
    "label error": "#E69F00",
    "poison": "#CC79A7",
    "adversarial": ATTACKED,
}
UNNAMED = ("#000000", DEFENDED, "#56B4E9", "#8C6D31")  # for what is none of these


def roc_by_kind(curves: Mapping[str, tuple[np.ndarray, np.ndarray]], alarms: float) -> Figure:
    """The share of the guilty that is caught against that of the innocent accused, by kind.

    Each curve is made from suspicions and whether they were just. The axis is logarithmic: what
    counts is on the left, where few innocents are accused. A vertical line marks `alarms`.
    """
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(6.5, 3.8))
        innocent = max(np.sum(~np.asarray(guilty, bool)) for _, guilty in curves.values())
        few = min(0.5 / innocent, alarms / 2)  # a logarithmic axis has no zero
        widths = np.linspace(5, 1.5, len(curves))  # curves that lie on each other all show
        others = cycle(UNNAMED)
        for (name, (suspicion, guilty)), width in zip(curves.items(), widths, strict=True):
            false, caught, _ = roc_curve(guilty, suspicion, drop_intermediate=False)
            axis.step(
                false.clip(few), caught, where="post", linewidth=width, label=name,
                color=KINDS.get(name) or next(others),
            )  # fmt: skip
        share = np.geomspace(few, 1, 200)
        axis.plot(share, share, color=CHANCE, linestyle=":", label="chance")
        axis.axvline(alarms, color=CHANCE, linewidth=0.8)
        axis.text(alarms, 1.02, f"{alarms:.0%}", color=CHANCE, ha="center", fontsize=9)
        axis.set(xscale="log", xlim=(few, 1), ylim=(0, 1.02))
        axis.set(xlabel="clean images accused (share)", ylabel="images of the kind found")
        figure.legend(frameon=False, fontsize=9, loc="outside right center")
    return closed(figure)


def contact_sheet(images: Sequence, captions: Sequence[str], columns: int = 6) -> Figure:
    """Images in the order given, each over its caption."""
    rows = max(1, math.ceil(len(images) / columns))
    with plt.rc_context(STYLE):
        size = (1.55 * columns, 1.75 * rows)
        figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False)
        for axis in axes.flat:
            blank(axis)
        for axis, image, caption in zip(axes.flat, images, captions, strict=False):
            picture(axis, image)
            axis.set_xlabel(caption, fontsize=8)
    return closed(figure)


def power_by_frequency(spectra: Mapping[str, np.ndarray]) -> Figure:
    """The mean logarithm of the power at each frequency; bands hold nine images in ten.

    Real images come first.
    """
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(7.5, 3.4))
        colours = (CLEAN, ATTACKED, "#E69F00")
        for (name, rows), colour in zip(spectra.items(), colours, strict=False):
            waves = np.arange(1, rows.shape[1] + 1)
            low, high = np.quantile(rows, (0.05, 0.95), axis=0)
            axis.plot(waves, rows.mean(0), color=colour, label=name)
            axis.fill_between(waves, low, high, color=colour, alpha=0.15, linewidth=0)
        axis.set(xlabel="waves across the image", ylabel="power (logarithm)")
        axis.legend(frameon=False, fontsize=9)
    return closed(figure)
