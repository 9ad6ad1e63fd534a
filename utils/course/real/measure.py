"""Every step of every real set, in order, and the record that they leave."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from utils.course.real import attacks, clean_scores, dementia, faulty_training, hidden_pictures
from utils.course.real import other_patients as external
from utils.course.real.brain_slices import EACH, Heads, network_of_cells, some_slices
from utils.course.real.networks import Study
from utils.course.real.sets import RECORD, SETS, SLICES, read_parts
from utils.course.real.steps import SECONDS, Steps
from utils.files import read_json, write_json
from utils.run import ROOT, hardware, versions

DRAWN = {"chest_xray": "chest_phantom"}  # drawn sets of the same classes
Measures = Mapping[str, Callable[[], dict]]


def steps_of(study: Study) -> Measures:
    """The steps of a set of images by name; the first ones train."""
    found = {
        "training": lambda: _trained(study.standard),
        "clean": lambda: clean_scores.clean_scores(study),
        "calibration": lambda: clean_scores.calibration(study),
        "corrupted": lambda: clean_scores.corrupted(study),
        "promises": lambda: clean_scores.promises(study),
        "standard": lambda: attacks.attacked(study, "standard"),
        "ensemble": lambda: attacks.ensemble(study),
        "hardening": lambda: _trained(study.hardened),
        "hardened": lambda: attacks.attacked(study, "hardened"),
        "hardened gain": lambda: attacks.hardened_gain(study),
        "other attackers": lambda: attacks.other_attackers(study),
        "label errors": lambda: faulty_training.label_errors(study),
        "backdoor": lambda: faulty_training.backdoor(study),
        "pretrained": lambda: faulty_training.pretrained(study),
        "other patients": lambda: external.other_patients(study, DRAWN.get(study.real.name, "")),
    }
    if study.real.hides:
        found["hidden pictures"] = lambda: hidden_pictures.hidden_pictures(study)
    if study.real.name == "chest_xray":
        found["kinds of files"] = lambda: external.kinds_of_files(study)
    return found


def steps_of_slices(heads: Heads) -> Measures:
    return {
        "clean": lambda: dementia.clean_scores(heads),
        "leakage": lambda: dementia.leakage(heads),
        "corrupted": lambda: dementia.corrupted(heads),
        "standard": lambda: dementia.under_attack(heads),
    }


def measure(
    name: str,
    root: str | Path | None = None,
    only: Sequence[str] = (),
    report: Callable[[str, dict], None] = lambda step, found: None,
) -> Path:
    """Measure a set, or these steps of it, and write its record; finished steps are read."""
    folder = ROOT / "checkpoints" / "real" / name
    if name == SLICES:
        heads = Heads(some_slices(root), network_of_cells(), folder)
        facts, measures = {"name": name, "slices": EACH}, steps_of_slices(heads)
    else:
        study = Study(SETS[name], read_parts(SETS[name], root), folder)
        facts, measures = asdict(SETS[name]), steps_of(study)
    return take_steps(name, facts, measures, folder, only, report)


def take_steps(
    name: str,
    facts: dict,
    measures: Measures,
    folder: Path,
    only: Sequence[str] = (),
    report: Callable[[str, dict], None] = lambda step, found: None,
) -> Path:
    """Take the steps in order; the record is written after each. After a failure nothing follows.

    A network that is level with a constant answer has learned nothing: what attacks or faults do
    to it would say nothing.
    """
    steps, record = Steps(folder, repr(sorted(facts.items()))), ROOT / "assets" / name / RECORD
    found = read_json(record)["steps"] if record.exists() else {}
    for step, run in measures.items():
        if only and step not in only:
            continue
        found[step] = steps.take(step, run)
        report(step, found[step])
        write_json(record, _record(name, facts, {k: found[k] for k in measures if k in found}))
        if not found[step].get("learned", True):
            break
    return record


def _record(name: str, facts: dict, steps: dict) -> dict:
    return {
        "dataset": name,
        "settings": facts,
        "failed": not steps.get("clean", {}).get("learned", True),
        SECONDS: round(sum(step.get(SECONDS, 0) for step in steps.values()), 1),
        "hardware": hardware(torch.device("cpu")),
        "versions": versions(),
        "steps": steps,
    }


def _trained(models: Sequence) -> dict:
    return {"networks": len(models), "weights": sum(p.numel() for p in models[0].parameters())}
