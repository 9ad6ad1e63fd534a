"""Two reports on the same images: paired, with an interval; other images are refused."""

import pytest
from small import small_split, trained_network

from utils.examine.adapter import Expects, adapt
from utils.examine.reporting.comparison import compare_reports
from utils.examine.reporting.report import ModelReport
from utils.examine.sections.clean import ask_clean
from utils.examine.subject import Subject


def saved(model, images, folder):
    subject = Subject(adapt(model, images, Expects()), images)
    ModelReport(subject, [ask_clean(subject)]).save(folder)
    return folder


def test_the_difference_is_paired_and_zero_with_itself(images, network, tmp_path):
    one = saved(network, images, tmp_path / "one")
    worse = saved(lambda batch: network(batch).roll(1, 1), images, tmp_path / "worse")
    same = compare_reports(one, one).loc["clean"]
    assert same["new minus old (points)"].startswith("0.0") and not same["differ"]
    found = compare_reports(one, worse).loc["clean"]
    assert found["differ"] and found["new minus old (points)"].startswith("-")


def test_a_folder_without_report_is_named(images, network, tmp_path):
    one = saved(network, images, tmp_path / "one")
    with pytest.raises(FileNotFoundError, match="examine --out"):
        compare_reports(one, tmp_path / "two")


def test_other_images_are_refused(images, network, tmp_path):
    one = saved(network, images, tmp_path / "one")
    two = saved(trained_network(), small_split(60, seed=3), tmp_path / "two")
    with pytest.raises(ValueError, match="other images"):
        compare_reports(one, two)


def test_of_each_corruption_the_middle_severity_is_compared(whole_report, tmp_path):
    whole_report.save(tmp_path)
    found = compare_reports(tmp_path, tmp_path)
    corruptions = [name for name in found.index if name.startswith("corruption: ")]
    assert corruptions and all(name.endswith(" 3") for name in corruptions)
    assert {"clean", "PGD", "square: a hostile square"} < set(found.index)
    assert not found["differ"].any()
