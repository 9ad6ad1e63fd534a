"""The records that runs leave, read back."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from utils.course.plan import Notebook, datasets_of, read_course
from utils.evaluation.conditions import Condition, strongest_of
from utils.evaluation.predictions import Predictions, read_predictions
from utils.figures.elements.style import plural
from utils.files import read_json
from utils.run import PREDICTIONS, ROOT


@dataclass(frozen=True)
class Record:
    """One run: its record.json, and its predictions by variant and condition."""

    folder: Path

    @cached_property
    def facts(self) -> dict:
        """What record.json holds."""
        return {"flags": [], **read_json(self.folder / "record.json", "run its notebook again")}

    @cached_property
    def predictions(self) -> dict[str, dict[Condition, Predictions]]:
        """By variant (how the model was trained), then by condition."""
        path = self.folder / PREDICTIONS
        found = read_predictions(path) if path.exists() else {}
        return {variant: found[variant] for variant in sorted(found, reverse=True)}

    @property
    def name(self) -> str:
        return self.facts["run"]

    @property
    def dataset(self) -> str:
        return self.facts["dataset"]

    @property
    def strongest(self) -> Condition | None:
        """The condition that the run names as its strongest, or else the strongest attack."""
        met = [condition for found in self.predictions.values() for condition in found]
        named = self.facts.get("strongest")
        if not isinstance(named, str):
            return strongest_of(met)
        return next((condition for condition in met if str(condition) == named), None)

    @property
    def flags(self) -> pd.DataFrame:
        return pd.DataFrame(self.facts["flags"])

    @property
    def claims(self) -> list[dict]:
        """The declared claims of the run and what became of them."""
        return self.facts.get("claims", [])

    @property
    def red(self) -> list[str]:
        return [flag["flag"] for flag in self.facts["flags"] if flag["red"]]


def read_records(assets: Path = ROOT / "assets") -> list[Record]:
    """The records of all finished runs, by data set, name and seed."""
    return [Record(path.parent) for path in sorted(Path(assets).glob("*/*/seed_*/record.json"))]


def run_overview(records: list[Record]) -> pd.DataFrame:
    """All runs: data set, seed, time, hardware and red flags."""
    return pd.DataFrame(
        {
            "data set": record.dataset,
            "run": record.name,
            "seed": record.facts["seed"],
            "seconds": record.facts["seconds"],
            "hardware": record.facts["hardware"],
            "red flags": ", ".join(record.red) or "none",
        }
        for record in records
    )


def raised_flags(records: list[Record]) -> pd.DataFrame:
    """The checks that are raised, each with its run, model and reason."""
    columns = ["data set", "run", "seed", "model", "flag", "reason"]
    rows = [
        (record.dataset, record.name, record.facts["seed"], flag.get("variant", "all"))
        + (flag["flag"], flag["reason"])
        for record in records
        for flag in record.facts["flags"]
        if flag["red"]
    ]
    return pd.DataFrame(rows, columns=columns)


def flag_summary(records: list[Record]) -> str:
    """How many checks there were, and which runs have a raised one; one line."""
    checks = sum(len(record.facts["flags"]) for record in records)
    red = [f"{record.name} (seed {record.facts['seed']})" for record in records if record.red]
    verdict = f"raised in {', '.join(red)}" if red else "none raised"
    return f"{plural(checks, 'check')} in {plural(len(records), 'run')}, {verdict}"


def chapters(dataset: str) -> dict[str, str]:
    """The data set of every chapter that leaves a record: its own, the default of its notebook.

    Where `dataset` is the default of none, each chapter is expected to have run on it.
    """
    homes = {
        name: datasets_of(notebook.defaults)[0]
        for name, notebook in sorted(read_course().items())
        if leaves_record(notebook) and datasets_of(notebook.defaults)
    }
    return homes if dataset in homes.values() else dict.fromkeys(homes, dataset)


def of_chapters(records: list[Record], dataset: str) -> list[Record]:
    """The records of this data set, and those of the other chapters on data sets of their own."""
    homes = chapters(dataset)
    return [r for r in records if r.dataset in (dataset, homes.get(r.name))]


def leaves_record(notebook: Notebook) -> bool:
    """Whether the chapter writes a record.json; results only reads, the playground only plays."""
    return any("record(" in cell for cell in notebook.code)


def missing_runs(records: list[Record], expected: Iterable[str]) -> list[str]:
    """The expected runs without a record."""
    return [name for name in expected if name not in {record.name for record in records}]
