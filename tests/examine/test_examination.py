"""All questions within a budget; one that fails hides no other; stopped, it goes on."""

import errno

import pytest
import torch

from utils.attacks import pgd
from utils.examine import examination
from utils.examine.budget import Budget, now
from utils.examine.examination import QUESTIONS, ask_all, examine


def test_every_question_is_answered_in_order(whole_report):
    assert [section.title for section in whole_report.sections] == list(QUESTIONS)
    assert {"failed"} & {section.severity for section in whole_report.sections} == set()


def test_after_the_deadline_what_is_missing_is_named(subject):
    subject.budget = Budget(60, started=now() - 61)
    sections = list(ask_all(subject))
    assert all(s.severity == "skipped" and "--minutes" in s.advice for s in sections)


def test_one_failing_question_hides_no_other(subject, monkeypatch):
    def broken(subject):
        raise RuntimeError("planted")

    two = dict(list(QUESTIONS.items())[:2])
    monkeypatch.setattr(examination, "QUESTIONS", {"broken": broken} | two)
    first, *others = ask_all(subject)
    assert first.severity == "failed" and "planted" in first.measured
    assert [s.severity for s in others] == ["ok", "ok"]


@pytest.mark.parametrize("options", [{"minutes": 0}, {"images": 0}])
def test_nonsense_is_refused(options, network, images):
    with pytest.raises(ValueError):
        examine(network, images.take(torch.arange(options.pop("images", 240))), **options)


def test_a_stopped_attack_goes_on_where_it_was(subject, tmp_path, monkeypatch):
    question = {"attack": QUESTIONS["What can an attacker do?"]}
    monkeypatch.setattr(examination, "QUESTIONS", question)
    subject.keep = tmp_path
    (first,) = ask_all(subject)
    calls = []
    usual = pgd.PGD.__call__
    monkeypatch.setattr(pgd.PGD, "__call__", lambda *a: calls.append(1) or usual(*a))
    kept = len(list(tmp_path.glob("*.pt")))
    (again,) = ask_all(subject)
    assert kept and len(list(tmp_path.glob("*.pt"))) == kept
    assert first.numbers == again.numbers


def test_resumed_on_a_busier_computer_the_same_images_are_attacked(
    network, images, tmp_path, monkeypatch
):
    counts = []
    for seconds in (3e-3, 6e-3):
        monkeypatch.setattr(examination, "seconds_per_image", lambda *_, each=seconds: each)
        found = examine(network, images, keep=tmp_path, questions=["How good is it?"])
        counts.append(found.subject.attacked)
    assert counts == [33, 33]
    other = examine(network, images, keep=tmp_path / "other", questions=["How good is it?"])
    assert other.subject.attacked == 24


def test_a_full_disk_stops_the_examination_instead_of_one_question(subject, monkeypatch):
    def full(subject):
        raise OSError(errno.ENOSPC, "the disk is full")

    monkeypatch.setattr(examination, "QUESTIONS", {"full": full})
    with pytest.raises(OSError, match="the disk is full"):
        list(ask_all(subject))
