"""Severities, exit codes and the words for them."""

import pytest

from utils.audit.finding import SEVERITIES, Finding, count_of, exit_code, most_severe


def test_the_exit_code_is_that_of_the_most_severe_finding(audited):
    _, found, clean = audited
    assert (found.exit_code, clean.exit_code) == (2, 0)
    assert exit_code([]) == 0 and most_severe(["note", "skipped", "ok"]) == "skipped"
    assert [exit_code([Finding(severity, "")]) for severity in SEVERITIES] == [0, 0, 0, 1, 1, 2, 3]
    with pytest.raises(ValueError, match="unknown"):
        Finding("fatal", "")


def test_nouns_agree_with_their_numbers():
    assert [count_of(n, "pair") for n in (0, 1, 1234)] == ["0 pairs", "1 pair", "1,234 pairs"]
    assert count_of(1, "image is", "images are") == "1 image is"


@pytest.mark.parametrize("width", [20, 60, 200])
def test_a_terminal_cuts_nothing(width, audited):
    for finding in audited[1].findings:
        text = finding.as_text(width)
        assert " ".join(text.split()) == f"{finding.severity} {finding.title}: {finding.measured}"
        assert max(map(len, text.splitlines())) <= max(40, width)
