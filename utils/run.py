"""Where a run keeps its things, and what makes it repeatable."""

import os
import platform
import random
import re
import shutil
import time
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import torch
from tqdm.auto import tqdm

from utils.files import atomic_write, short_digest, write_json

ROOT = Path(__file__).resolve().parents[1]
PRECISIONS = ("auto", "float32", "bfloat16")
VERSIONS_OF = ("torch", "torchvision", "timm", "numpy", "scikit-learn", "optuna", "grad-cam")


@dataclass(frozen=True)
class Run:
    """One execution of one notebook on one data set.

    `checkpoints/<dataset>/<name>/` holds what resuming needs: large, ignored by git.
    `assets/<dataset>/<name>/seed_<seed>/` holds what results.ipynb reads: small.
    """

    name: str
    dataset: str
    seed: int
    device: torch.device
    started: float = field(default_factory=time.time, compare=False)

    @property
    def checkpoints(self) -> Path:
        return _made(ROOT / "checkpoints" / folder_of(self.dataset) / self.name)

    @property
    def assets(self) -> Path:
        return _made(ROOT / "assets" / folder_of(self.dataset) / self.name / f"seed_{self.seed}")

    def of(self, name: str) -> "Run":
        """Another run on the same data, with its seed and device: the clean twin, say."""
        return Run(name, self.dataset, self.seed, self.device)

    def save_figure(self, name: str, figure) -> None:
        with atomic_write(self.assets / f"{name}.png") as path:
            figure.savefig(path, format="png", dpi=120, bbox_inches="tight")

    def save_table(self, name: str, table) -> None:
        """A table (DataFrame) as CSV, with the digits that a float holds."""
        with atomic_write(self.assets / f"{name}.csv") as path:
            table.to_csv(path, index=False)

    def save_predictions(self, by_variant: dict) -> None:
        """One row per image, for each variant of the model and each condition; nothing older stays.

        `by_variant` maps a variant to its conditions, and these to Predictions.
        """
        (self.assets / "record.json").unlink(missing_ok=True)  # a record vouches for its rows
        shutil.rmtree(self.assets / "predictions", ignore_errors=True)
        for variant, by_condition in by_variant.items():
            for condition, predictions in by_condition.items():
                self.save_table(f"predictions/{variant}/{condition}", predictions.as_table())

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
    return Run(name, dataset, seed, torch.device(device))


def folder_of(dataset: str) -> str:
    """The folder name of a data set: its own name; for a path its last part and a digest of all."""
    if re.fullmatch(r"[\w-]+", dataset, re.ASCII) and not Path(dataset).exists():
        return dataset
    path = Path(os.path.abspath(Path(dataset.removeprefix("folder:")).expanduser()))
    plain = re.sub(r"[^A-Za-z0-9-]+", "_", path.stem)[:40]
    return f"folder_{plain}_{short_digest(path)}"


def autocast(device: torch.device, precision: str):
    """The precision of forward passes; "auto" is bfloat16 where the hardware computes in it."""
    if precision not in PRECISIONS:
        raise ValueError(f"unknown precision {precision!r}; choose from {', '.join(PRECISIONS)}")
    wanted = precision == "bfloat16" or (precision == "auto" and _computes_in_bfloat16(device))
    return torch.autocast(device.type, torch.bfloat16, enabled=wanted)


def progress(steps, title: str, total: int | None = None):
    """A bar after two seconds of waiting; none in batch runs, which would store it half drawn."""
    batch = "SECOND_LOOK_BATCH" in os.environ
    return tqdm(steps, desc=title, total=total, leave=False, delay=2, disable=batch)


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


def _computes_in_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
