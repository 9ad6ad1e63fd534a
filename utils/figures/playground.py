"""Pictures that follow a slider: an attack, a threshold, a resizer, a leak, a pair to read."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from sklearn.metrics import roc_curve

from utils.evaluation.intervals import Interval
from utils.figures.elements.grid import grid_axes, hide_axes, image_grid, show_change, show_image
from utils.figures.elements.notebook_figure import NotebookFigure, house_style, panels
from utils.figures.elements.style import (
    ATTACKED,
    CHANCE,
    CLEAN,
    CONTROL,
    chance_line,
    percent,
    readable,
)

NEARER = {True: "shows the hidden image", False: "shows the image itself"}
CONDITIONS = {"clean": CLEAN, "noise": CONTROL, "attacked": ATTACKED}


@house_style
def attack_at_size(
    clean, attacked, shares: Mapping[str, np.ndarray], label: int, names: Sequence[str], size: int
) -> Figure:
    """An image, its change of at most `size` grey levels, the sum, and the probabilities.

    Images are in grey levels; `shares` holds the probabilities of the classes by condition.
    """
    figure, [axes] = panels(1, 4, 11.5, 3.1, width_ratios=(1, 1, 1, 1.1))
    levels = max(1, size)
    show_image(axes[0], clean)
    show_change(axes[1], np.asarray(attacked, float) - np.asarray(clean, float), levels)
    show_image(axes[2], attacked)
    predicted = {name: int(found.argmax()) for name, found in shares.items()}
    axes[0].set_title(f"clean: {readable(names[label])}", fontsize=10)
    axes[1].set_title(f"change, ±{size} (× {round(127 / levels)})", fontsize=10)
    axes[2].set_title("attacked", fontsize=10)
    for axis, name in ((axes[0], "clean"), (axes[2], "attacked")):
        colour = CLEAN if predicted[name] == label else ATTACKED
        axis.set_xlabel(f"predicted: {readable(names[predicted[name]])}", color=colour, fontsize=10)
    _grouped_bars(axes[3], shares, [readable(name) for name in names])
    return figure


@house_style
def scores_and_threshold(
    clean: np.ndarray,
    attacked: np.ndarray,
    threshold: float,
    rates: tuple[float, float],
    limits: tuple[float, float],
) -> Figure:
    """How far the scores of clean and attacked images overlap, and what the threshold makes of it.

    `rates` are the false and the true positive rate at the threshold. The axis spans `limits`, so
    that it stays where it is when a slider moves.
    """
    figure, [[left, right]] = panels(1, 2, 11.5, 3.4, width_ratios=(2, 1))
    bins = np.geomspace(*limits, 40)
    for scores, name, colour in ((clean, "clean", CLEAN), (attacked, "attacked", ATTACKED)):
        left.hist(scores, bins, color=colour, alpha=0.6, label=f"{name}, {len(scores)} images")
    left.axvline(threshold, color="black", label="threshold: flagged to the right")
    left.set(xscale="log", xlabel="score of the detector (grey levels)", ylabel="images")
    left.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    left.xaxis.set_major_formatter(FuncFormatter(lambda score, _: f"{score:g}"))
    left.xaxis.set_minor_formatter(NullFormatter())
    left.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(0, 1.2), ncols=3)
    _roc(right, clean, attacked)
    right.plot(*rates, "o", color="black", markersize=8)
    flagged = f"flags {100 * rates[0]:.0f} % of clean images,\n{100 * rates[1]:.0f} % of attacked"
    right.set_title(flagged, fontsize=10)
    return figure


@house_style
def seen_by_resizers(
    source,
    attacked,
    hidden,
    seen: Mapping[str, tuple],
    resizer: str,
    likeness: float,
    zoom: int = 32,
) -> Figure:
    """A large image before and after an attack on one resizer, and what each resizer makes of it.

    `seen` maps a resizer to its small image, and to whether that is nearer to the hidden one.
    """
    middle = (np.array(attacked.shape[1:]) - zoom) // 2
    part = attacked[:, middle[0] : middle[0] + zoom, middle[1] : middle[1] + zoom]
    top = {
        "before": source,
        f"after the attack: {likeness:.0f} dB": attacked,
        f"its centre, {zoom} × {zoom} pixels": part,
        f"hidden: {hidden.shape[-1]} × {hidden.shape[-1]} pixels": hidden,
    }
    images = [image for image, _ in seen.values()]
    texts = [NEARER[fooled] for _, fooled in seen.values()]
    figure = image_grid([[*top.values()], images], (), [*top], [[], texts], largest=2.7)
    axes = grid_axes(figure, 2)
    for axis in axes[0, :2]:  # "nearest" would do to the figure what the pipeline does
        axis.images[0].set_interpolation("hanning")
    for axis, (name, (_, fooled)) in zip(axes[1], seen.items(), strict=True):
        weight = "bold" if name == resizer else "normal"
        axis.set_title(f"seen by {name}", fontsize=10, fontweight=weight)
        axis.xaxis.label.set_color(ATTACKED if fooled else CLEAN)
    return figure


@house_style
def accuracy_by_leak(
    curve: Mapping[float, float],
    share: float,
    accuracy: Interval,
    constant: float,
    queries,
    found,
    same: Sequence[bool],
) -> Figure:
    """Accuracy of a look-up by the share (percent) of test patients in the training set.

    Beside it a few test images, the `queries`, and the training image that is nearest to each.
    """
    figure = NotebookFigure(figsize=(11.5, 4.3), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1.2))
    axis = left.subplots()
    axis.plot(list(curve), list(curve.values()), color=CHANCE, linewidth=1)
    colour = ATTACKED if share else CLEAN
    below, above = accuracy.value - accuracy.low, accuracy.high - accuracy.value
    axis.errorbar(share, accuracy.value, [[below], [above]], fmt="o", color=colour, capsize=3)
    axis.set_title(f"{accuracy.text(digits=0)} % right", color=colour, fontsize=11)
    chance_line(axis, constant, "constant answer")
    axis.annotate("constant answer", (100, constant), (0, 3), "data", "offset points", ha="right",
                  color=CHANCE, fontsize=9)  # fmt: skip
    axis.set(xlabel="test patients who are also in training (%)", ylim=(0, 1.02), xlim=(-4, 104))
    percent(axis.yaxis, "accuracy of the look-up")
    axes = right.subplots(2, len(queries), squeeze=False)
    for column, *images, known in zip(axes.T, queries, found, same, strict=True):
        for each, image in zip(column, images, strict=True):
            show_image(each, image)
        text = "same patient" if known else "other patient"
        column[1].set_xlabel(text, color=ATTACKED if known else CLEAN, fontsize=10)
    for each, text in zip(axes[:, 0], ("test image", "nearest in\ntraining"), strict=True):
        each.set_ylabel(text, fontsize=10)
    return figure


@house_style
def pair_and_change(pair: np.ndarray, attacked: str = "") -> Figure:
    """A and B; where `attacked` names one of them, also its change, magnified."""
    figure, [axes] = panels(1, 3, 10.2, 3.7)
    for axis, image, name in zip(axes, pair, "AB", strict=False):
        show_image(axis, image)
        axis.set_title(f"{name}: attacked" if name == attacked else name, fontsize=13)
        axis.title.set_color(ATTACKED if name == attacked else "black")
    hide_axes(axes[2])
    if attacked:
        change = np.diff(pair.astype(float), axis=0)[0] * (1 if attacked == "B" else -1)
        levels = max(1, round(np.abs(change).max()))
        show_change(axes[2], change, levels)
        axes[2].set_title(f"change, ±{levels} (× {round(127 / levels)})", fontsize=13)
    return figure


def _grouped_bars(axis: Axes, shares: Mapping[str, np.ndarray], names: Sequence[str]) -> None:
    """Three bars for each class: clean, under noise, under attack."""
    places, height = np.arange(len(names)), 0.8 / len(shares)
    for number, (name, found) in enumerate(shares.items()):
        shift = (number - (len(shares) - 1) / 2) * height
        axis.barh(places + shift, 100 * found, height, color=CONDITIONS[name], label=name)
    axis.set_yticks(places, [name.replace(" ", "\n", 1) for name in names], fontsize=9)
    axis.invert_yaxis()
    axis.set(xlim=(0, 100), xticks=(0, 50, 100), xlabel="probability (%)")
    axis.legend(frameon=False, fontsize=9, ncols=3, loc="lower center", bbox_to_anchor=(0.4, 1))


def _roc(axis: Axes, clean: np.ndarray, attacked: np.ndarray) -> None:
    """The two rates at every threshold."""
    truth = np.repeat([False, True], [len(clean), len(attacked)])
    false, true, _ = roc_curve(truth, np.concatenate([clean, attacked]), drop_intermediate=False)
    axis.plot(false, true, color=ATTACKED)
    axis.plot([0, 1], [0, 1], color=CHANCE, linestyle=":")
    axis.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
    percent(axis.xaxis, "false positive rate")
    percent(axis.yaxis, "true positive rate")
