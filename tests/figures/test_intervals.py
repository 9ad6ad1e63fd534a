"""Intervals side by side, and by the size of the test set."""

from figure_samples import check_drawn, words

from utils.evaluation.intervals import Interval
from utils.figures.intervals import interval_by_count, interval_rows


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
