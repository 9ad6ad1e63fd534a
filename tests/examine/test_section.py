"""A question that was not answered is told apart from one that does not apply."""

from utils.audit.finding import exit_code
from utils.evaluation.intervals import Interval
from utils.examine.section import Section, does_not_apply, left_out, points


def test_left_out_is_no_pass_and_not_applicable_is():
    assert exit_code([left_out("no time")]) == 1
    assert exit_code([does_not_apply("no gradients")]) == 0


def test_titles_and_points():
    assert Section("ok", "fine").with_title("How?").title == "How?"
    assert points(Interval(0.123, 0.1, 0.2)) == "12 (10 to 20) points"
