"""The verdict, what was not checked, and what to do first."""

import pytest

from utils.audit.finding import Finding, skipped
from utils.audit.verdict import first_steps, verdict

GOOD = Finding("ok", "", title="Sizes")
WARNING = Finding("warning", "", advice="Look.", title="Noise")
ALARM = Finding("alarm", "", advice="Stop.", title="Leakage")
BROKEN = Finding("failed", "", advice="Report.", title="Labels")
MISSING = skipped("too few", "Get more.").with_title("Patients")


@pytest.mark.parametrize(
    ("findings", "words"),
    [
        ([GOOD], "Nothing was found that forbids training."),
        ([GOOD, WARNING], "Look before you train: noise."),
        ([WARNING, ALARM], "Do not train on this folder yet: leakage."),
        ([ALARM, BROKEN], "No verdict, because a check failed: labels."),
        ([GOOD, MISSING], "Look before you train. 1 of 2 checks was not made: patients."),
    ],
)
def test_one_sentence_says_whether_to_train(findings, words):
    assert verdict(findings) == words


def test_the_gravest_findings_come_first_and_those_without_advice_not_at_all():
    steps = first_steps([GOOD, MISSING, WARNING, ALARM])
    assert [step.title for step in steps] == ["Leakage", "Noise", "Patients"]
