"""Where a run keeps its things, and what makes it repeatable."""

import json
import os
import platform
import random
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
VERSIONS_OF = ("torch", "torchvision", "timm", "numpy", "scikit-learn", "optuna", "grad-cam")


@dataclass(frozen=True)
class Run:
    """One execution of one notebook on one data set.

    `checkpoints/<dataset>/<name>/` holds what resuming needs: large, ignored by git.
    `assets/<dataset>/<name>/` holds what results.ipynb reads: small.
    """

    name: str
    dataset: str
    seed: int
    device: torch.device
    started: float = field(default_factory=time.time, compare=False)

    @property
    def checkpoints(self) -> Path:
        return _made(ROOT / "checkpoints" / self.dataset / self.name)

    @property
    def assets(self) -> Path:
        return _made(ROOT / "assets" / self.dataset / self.name)

    def of(self, name: str) -> "Run":
        """Another run on the same data, with its seed and device: the clean twin, say."""
        return Run(name, self.dataset, self.seed, self.device)

    def save_figure(self, name: str, figure) -> None:
        with written_whole(self.assets / f"{name}.png") as path:
            figure.savefig(path, format="png", dpi=120, bbox_inches="tight")

    def save_table(self, name: str, table) -> None:
        """A table (DataFrame) as CSV, with the digits that a float holds."""
        with written_whole(self.assets / f"{name}.csv") as path:
            table.to_csv(path, index=False)

    def record(self, **facts) -> None:
        """What was asked for, what it ran on, what it found: `record.json`."""
        facts = {
            "run": self.name,
            "dataset": self.dataset,
            "seed": self.seed,
            "seconds": round(time.time() - self.started, 1),
            "hardware": hardware(self.device),
            "versions": versions(),
            **facts,
        }
        write_json(self.assets / "record.json", facts)


def start_run(name: str, dataset: str, seed: int = 0, device: str = "auto") -> Run:
    """Seed every generator and choose the device, once, here."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return Run(name, dataset.replace("/", "_").replace(":", "_"), seed, torch.device(device))


@contextmanager
def written_whole(path: Path):
    """A temporary name to write to, renamed at the end: no reader ever sees half a file."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield unfinished
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def write_json(path: Path, facts) -> None:
    with written_whole(path) as unfinished:
        unfinished.write_text(json.dumps(facts, indent=1, default=str) + "\n", encoding="utf-8")


def hardware(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()} CPU, {torch.get_num_threads()} threads"


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in VERSIONS_OF:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "absent"
    return found


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
