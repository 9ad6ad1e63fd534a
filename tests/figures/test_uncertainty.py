"""Intervals side by side; calibration, refusal and sets of classes by condition."""

import numpy as np
import pytest
from figure_samples import check_drawn, words
from matplotlib.colors import to_hex
from small import random_predictions, small_split

from utils.evaluation.intervals import Interval
from utils.evaluation.uncertainty.calibration import calibration_error, reliability
from utils.evaluation.uncertainty.selective import risk_coverage
from utils.figures.elements.style import ATTACKED, CLEAN
from utils.figures.uncertainty import (
    coverage_by_severity,
    interval_by_count,
    interval_rows,
    reliability_diagram,
    risk_coverage_curves,
    set_gallery,
)

FOUND = {"clean": random_predictions(), "blur 5": random_predictions(1, 1), "PGD": None}
FOUND["PGD"] = random_predictions(2, -1)
FALLING = {
    kind: [Interval(0.9 - k * fall, 0.88 - k * fall, 0.92 - k * fall) for k in range(6)]
    for kind, fall in {"blur": 0.02, "motion": 0.1}.items()
}


def test_every_model_has_its_number_and_the_constant_answer_a_name():
    rows = {"look-up": Interval(0.31, 0.29, 0.33), "network": Interval(0.84, 0.82, 0.86)}
    figure = interval_rows(rows, "balanced accuracy", 0.25)
    check_drawn(figure)
    assert {"look-up", "network", "31 %", "84 %", "constant answer"} <= words(figure)


def test_the_band_narrows_with_the_root_of_the_patients():
    by_count = {n: Interval(0.8, 0.8 - n**-0.5, 0.8 + n**-0.5) for n in (100, 400, 1600)}
    figure = interval_by_count(by_count, "balanced accuracy", "test patients")
    check_drawn(figure)
    band = figure.axes[0].collections[0].get_paths()[0].vertices
    widths = [band[band[:, 0] == x, 1].max() - band[band[:, 0] == x, 1].min() for x in (100, 1600)]
    assert abs(widths[0] / widths[1] - 4) < 1e-6


def diagram():
    tables = {name: reliability(found, 5) for name, found in FOUND.items()}
    return reliability_diagram(tables, {n: calibration_error(f, 5) for n, f in FOUND.items()})


def curves():
    return risk_coverage_curves({n: risk_coverage(found) for n, found in FOUND.items()}, 0.8)


def falling():
    sizes = {kind: [Interval(2, 1, 3)] * 6 for kind in FALLING}
    return coverage_by_severity(FALLING, sizes, 0.9, 3, "level")


def gallery():
    images = small_split(2).images
    members = np.array([[True, True, False], [False, False, False]])
    shown = {"clean": images, "attacked": 255 - images}
    return set_gallery(shown, {"clean": ~members, "attacked": members}, [0, 1], ("a_b", "c", "d"))


@pytest.mark.parametrize("draw", [diagram, curves, falling, gallery])
def test_is_drawn(draw):
    check_drawn(draw())


def test_each_condition_has_a_panel_with_its_error_and_a_dot_per_bin():
    figure = diagram()
    titles = [axis.get_title() for axis in figure.axes]
    for title, (name, found) in zip(titles, FOUND.items(), strict=True):
        assert title == f"{name}\nerror {calibration_error(found, 5)} points"
    dots = [axis.lines[1] for axis in figure.axes]
    assert all(len(line.get_xdata()) == 5 for line in dots)
    assert [line.get_color() for line in (dots[0], dots[-1])] == [CLEAN, ATTACKED]


def test_curves_end_at_the_error_rate_and_the_oracle_lies_below_the_first():
    (axis,) = curves().axes
    by_name = {line.get_label(): line for line in axis.lines}
    for name, found in FOUND.items():
        assert by_name[name].get_ydata()[-1] == pytest.approx(1 - found.accuracy)
    oracle, clean = by_name["oracle"].get_ydata(), risk_coverage(FOUND["clean"])["risk"]
    assert (oracle <= clean + 1e-9).all() and oracle[-1] == pytest.approx(clean.iloc[-1])
    dots = [line for line in axis.lines if line.get_marker() == "o"]
    assert [dot.get_xdata()[0] for dot in dots] == pytest.approx([0.8] * 3)


def test_severity_0_is_clean_and_the_promise_is_a_line():
    left, right = falling().axes
    assert {"blur", "motion", "promised"} <= {text.get_text() for text in left.texts}
    assert [tick.get_text() for tick in left.get_xticklabels()] == list("012345")
    promise = [line for line in left.lines if line.get_linestyle() == ":"]
    assert [set(line.get_ydata()) for line in promise] == [{0.9}]
    assert right.get_ylim() == pytest.approx((0, 3.06))
    assert right.get_ylabel() == "classes in a set, of 3"
    assert left.get_xlabel() == right.get_xlabel() == "level (0: clean)"


def test_a_set_that_misses_the_class_is_orange():
    labels = [axis.xaxis.label for axis in gallery().axes]
    assert [label.get_text() for label in labels] == ["d", "a b\nc\nd", "a b\nc", "(empty)"]
    assert [to_hex(label.get_color()).upper() for label in labels] == [
        *(ATTACKED, CLEAN),
        *(CLEAN, ATTACKED),
    ]
    assert {"true:\na b", "true:\nc", "clean", "attacked"} <= words(gallery())
