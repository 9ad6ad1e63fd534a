"""Every step of every real set, in order, and the record that they leave."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from utils.course.real import attacks, clean_scores, dementia, faulty_training, hidden_pictures
from utils.course.real import other_patients as external
from utils.course.real.brain_slices import EACH, Heads, network_of_cells, some_slices
from utils.course.real.networks import HARDENED_EPOCHS, LESSON_STEPS, NARROW_TRAINING, Study
from utils.course.real.sets import RECORD, SETS, SLICES, is_there, read_parts
from utils.course.real.steps import SECONDS, learned, timed
from utils.data.loading import load
from utils.files import read_json, write_json
from utils.run import ROOT, hardware, versions

DRAWN = {"chest_xray": "chest_phantom"}  # drawn sets of the same classes
MADE_FROM = {"pneumoniamnist": "chest_xray"}  # whose files it shows smaller
HARDENING = {
    "clean epochs": NARROW_TRAINING.epochs,
    "epochs under attack": HARDENED_EPOCHS,
    "steps of the attack": LESSON_STEPS,
}
Measures = Mapping[str, Callable[[], dict]]


def steps_of(study: Study, root: str | Path | None = None) -> Measures:
    """The steps of a set of images by name; the first ones train."""
    large = MADE_FROM.get(study.real.name, "")
    found = {
        "training": lambda: _trained(study.standard),
        "clean": lambda: clean_scores.clean_scores(study),
        "calibration": lambda: clean_scores.calibration(study),
        "corrupted": lambda: clean_scores.corrupted(study),
        "promises": lambda: clean_scores.promises(study),
        "standard": lambda: attacks.attacked(study, "standard"),
        "ensemble": lambda: attacks.ensemble(study),
        "label errors": lambda: faulty_training.label_errors(study),
        "backdoor": lambda: faulty_training.backdoor(study),
        "pretrained": lambda: faulty_training.pretrained(study),
    }
    if study.test.groups is not None:  # else other images of one patient can be in the training
        found["other patients"] = lambda: external.other_patients(
            study, DRAWN.get(study.real.name, "")
        )
    if study.real.hides:
        found["hidden pictures"] = lambda: hidden_pictures.hidden_pictures(study)
    if study.real.name == "chest_xray":
        found["kinds of files"] = lambda: external.kinds_of_files(study)
    if large and is_there(large, root):
        files = external.SQUEEZED
        found["official test"] = lambda: external.official_test(
            study.parts.files, load(large, files, root)
        )
    return found | {
        "hardening": lambda: _trained(study.hardened) | HARDENING,
        "hardened": lambda: attacks.attacked(study, "hardened"),
        "hardened gain": lambda: attacks.hardened_gain(study),
        "other attackers": lambda: attacks.other_attackers(study),
    }


def steps_of_slices(heads: Heads) -> Measures:
    return {
        "clean": lambda: dementia.clean_scores(heads),
        "leakage": lambda: dementia.leakage(heads),
        "corrupted": lambda: dementia.corrupted(heads),
        "promises": lambda: dementia.promises(heads),
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
        facts, measures = asdict(SETS[name]), steps_of(study, root)
    return take_steps(name, facts, measures, only, report)


def take_steps(
    name: str,
    facts: dict,
    measures: Measures,
    only: Sequence[str] = (),
    report: Callable[[str, dict], None] = lambda step, found: None,
) -> Path:
    """Take the missing steps in order; the record is written after each, so a kill costs one.

    A network that is level with a constant answer has learned nothing, and what attacks or faults
    do to it would say nothing: no step follows.
    """
    record, about = ROOT / "assets" / name / RECORD, _about(name, facts)
    found = _finished(record, about)
    for step, run in measures.items():
        if only and step not in only:
            continue
        if step not in found:
            found[step] = timed(run)
            write_json(record, _record(about, {k: found[k] for k in measures if k in found}))
        report(step, found[step])
        if not learned(found[step]):
            break
    return record


def _about(name: str, facts: dict) -> dict:
    """What decides the numbers."""
    machine = {"hardware": hardware(torch.device("cpu")), "versions": versions()}
    return {"dataset": name, "settings": facts, **machine}


def _finished(record: Path, about: dict) -> dict:
    """The steps of a record, if the same settings, machine and versions have made it."""
    known = read_json(record) if record.exists() else {}
    return known["steps"] if about.items() <= known.items() else {}


def _record(about: dict, steps: dict) -> dict:
    seconds = sum(step[SECONDS] for step in steps.values())
    failed = not learned(steps.get("clean", {}))
    return {**about, "failed": failed, SECONDS: round(seconds, 1), "steps": steps}


def _trained(models: Sequence) -> dict:
    return {"networks": len(models), "weights": sum(p.numel() for p in models[0].parameters())}
