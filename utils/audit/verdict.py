"""May we train on it? One sentence from all findings, and what to do first."""

from collections.abc import Sequence
from typing import NamedTuple

from utils.audit.finding import Finding, by_gravity, exit_code

FIRST = 3  # steps named at the head of the report


class Step(NamedTuple):
    """What to do about one finding."""

    title: str
    advice: str


def verdict(findings: Sequence[Finding]) -> str:
    """The answer in one or two sentences; what was not checked is a part of it."""
    code = exit_code(findings)
    alarms, warnings, failures = (_titles(findings, s) for s in ("alarm", "warning", "failed"))
    sentences = {
        0: "Nothing was found that forbids training.",
        1: f"Look before you train: {warnings}." if warnings else "Look before you train.",
        2: f"Do not train on this folder yet: {alarms}.",
        3: f"No verdict, because a check failed: {failures}.",
    }
    return " ".join(filter(None, [sentences[code], not_made(findings)]))


def not_made(findings: Sequence[Finding]) -> str:
    """How many checks say nothing about this folder, and which."""
    missing = _titles(findings, "skipped")
    if not missing:
        return ""
    count = sum(found.severity == "skipped" for found in findings)
    verb = "was" if count == 1 else "were"
    end = "" if missing.endswith("?") else "."  # the titles of an examination are questions
    return f"{count} of {len(findings)} checks {verb} not made: {missing}{end}"


def first_steps(findings: Sequence[Finding]) -> list[Step]:
    """The advice of the most severe findings, for those that need any."""
    grave = [found for found in by_gravity(findings) if exit_code([found]) and found.advice]
    return [Step(found.title, found.advice) for found in grave[:FIRST]]


def _titles(findings: Sequence[Finding], severity: str) -> str:
    return ", ".join(found.title.lower() for found in findings if found.severity == severity)
