"""Intervals side by side, and by the size of the test set."""

from figure_samples import check_drawn, words
from small import some_predictions

from utils.evaluation.intervals import Interval
from utils.evaluation.metrics import score_of
from utils.figures.intervals import (
    interval_by_count,
    interval_rows,
    scores_by_count,
    seeming_and_real,
)


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


def test_lines_over_sizes_stand_at_their_scores_and_are_named():
    skills = {"strongest rows": {1: 2.0, 2: 1.0}, "random rows": {1: 2.0, "all": 0.5}}
    curves = {
        name: {size: some_predictions(skill=skill) for size, skill in by_size.items()}
        for name, by_size in skills.items()
    }
    figure = scores_by_count(curves, "attacked rows", colours=("red", "grey"))
    check_drawn(figure)
    axis = figure.axes[0]
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["1", "2", "all"]
    assert {"strongest rows", "random rows", "constant answer"} <= words(figure)
    drawn = {line.get_label(): line for line in axis.lines}
    last = score_of(curves["random rows"]["all"], "balanced accuracy").value
    assert list(drawn["random rows"].get_xdata()) == [0, 2]
    assert drawn["random rows"].get_ydata()[-1] == last


def test_what_a_defence_seems_worth_is_drawn_to_what_it_is_worth():
    rows = {
        "network": (Interval(0.8, 0.7, 0.9), Interval(0.1, 0.0, 0.2), Interval(0.1, 0.0, 0.2)),
        "rounded": (Interval(0.8, 0.7, 0.9), Interval(0.7, 0.6, 0.8), Interval(0.2, 0.1, 0.3)),
    }
    figure = seeming_and_real(rows, "balanced accuracy", 0.25)
    check_drawn(figure)
    assert {*rows, "clean", "attacked", "attacked, knowing", "constant answer"} <= words(figure)
    spans = [list(line.get_xdata()) for line in figure.axes[0].lines if line.get_linewidth() == 6]
    assert spans == [[0.1, 0.1], [0.7, 0.2]]
