"""The folders of a run, and what makes it reproducible: seeds, device, precision."""

from __future__ import annotations

import gzip
import os
import platform
import random
import re
import shutil
import time
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tqdm.auto import tqdm

from utils import ALIAS, NAMES, ROOT
from utils.files import atomic_write, locked, short_digest, unfinished_name, write_json

if TYPE_CHECKING:  # torch takes seconds, and folders and names need none of it
    import torch
    from torch import nn

PREDICTIONS, RECORD = "predictions.csv.gz", "record.json"
PRECISIONS = ("auto", "float32", "bfloat16")
VERSIONS_OF = ("torch", "torchvision", "timm", "numpy", "scikit-learn", "optuna", "grad-cam")


@dataclass(frozen=True)
class Run:
    """One execution of one notebook on one data set.

    `checkpoints/<dataset>/<name>/` holds the state to resume from: large, ignored by git.
    `assets/<dataset>/<name>/seed_<seed>/` holds the records that results.ipynb reads: small.
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

    @property
    def unrecorded(self) -> Path:
        """Where an evaluation that was stopped left its batches; `record` removes them."""
        return self.checkpoints / f"unrecorded_seed_{self.seed}"

    def of(self, name: str) -> Run:
        """Another run on the same data with the same seed and device, such as the clean twin."""
        return Run(name, self.dataset, self.seed, self.device)

    def save_figure(self, name: str, figure) -> None:
        """A figure as PNG."""
        with atomic_write(self.assets / f"{name}.png") as path:
            figure.savefig(path, format="png", dpi=120, bbox_inches="tight")

    def save_table(self, name: str, table) -> None:
        """A table (DataFrame) as CSV, with all digits of a float."""
        with atomic_write(self.assets / f"{name}.csv") as path:
            table.to_csv(path, index=False)

    def save_predictions(self, by_variant: dict) -> None:
        """One row per image, for each variant of the model and each condition.

        `by_variant` maps a variant to its conditions, and these to Predictions. The table takes
        the place of the last one only when `record` has all that belongs to it: until then an
        earlier record stays whole. The same predictions give the same bytes.
        """
        tables = [
            predictions.as_table(variant, condition)
            for variant, found in by_variant.items()
            for condition, predictions in found.items()
        ]
        if any(list(table.columns) != list(tables[0].columns) for table in tables):
            raise ValueError("one run has one table: all its predictions need the same classes")
        text = "".join(
            table.to_csv(index=False, header=not number, lineterminator="\n")
            for number, table in enumerate(tables)
        )
        with (
            atomic_write(self._new_predictions) as path,
            path.open("wb") as raw,
            gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as file,
        ):
            file.write(text.encode("utf-8"))

    def record(self, **facts) -> None:
        """The parameters, the machine and the results of the run: `record.json`."""
        facts = {
            "run": self.name,
            "dataset": self.dataset,
            "seed": self.seed,
            "seconds": round(time.time() - self.started, 1),
            "hardware": hardware(self.device),
            "versions": versions(),
            **facts,
        }
        with locked(self.checkpoints, "record.lock"), atomic_write(self.assets / RECORD) as path:
            write_json(path, facts)
            if self._new_predictions.exists():  # both are whole: exchange both
                # Killed in between, the run has no record, rather than one of other predictions.
                (self.assets / RECORD).unlink(missing_ok=True)
                os.replace(self._new_predictions, self.assets / PREDICTIONS)
        shutil.rmtree(self.unrecorded, ignore_errors=True)

    @property
    def _new_predictions(self) -> Path:
        """The predictions of this process until it records them; another run has its own."""
        return unfinished_name(self.assets / PREDICTIONS, "new")


def start_run(name: str, dataset: str, seed: int = 0, device: str = "auto") -> Run:
    """Seed every generator and choose the device; nothing else does."""
    import torch

    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return Run(name, dataset, seed, torch.device(device))


def folder_of(dataset: str) -> str:
    """The folder name of a data set: its own name; for a path its last part and a digest of all.

    A name of the catalogue is never a path, whatever lies in the folder of the command.
    """
    plain = re.fullmatch(r"[\w-]+", dataset, re.ASCII) and not Path(dataset).exists()
    if dataset in NAMES or plain:
        return dataset
    path = Path(os.path.abspath(Path(dataset.removeprefix(ALIAS)).expanduser()))
    last = re.sub(r"[^A-Za-z0-9-]+", "_", path.stem)[:40]
    return f"folder_{last}_{short_digest(path)}"


def autocast(device: torch.device, precision: str, depth: int = 8):
    """The precision of forward passes; "auto" is bfloat16 where the hardware is quicker so.

    It tells apart 256 grey levels of one octave: images of 16 bits would lose what they have more.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"unknown precision {precision!r}; choose from {', '.join(PRECISIONS)}")
    import torch

    quicker = precision == "auto" and depth == 8 and _prefers_bfloat16(device)
    wanted = quicker or precision == "bfloat16"
    return torch.autocast(device.type, torch.bfloat16, enabled=wanted)


def device_of(module: nn.Module) -> torch.device:
    """Where the weights of a module are; the CPU if it has none."""
    import torch

    weight = next(chain(module.parameters(), module.buffers()), None)
    return torch.device("cpu") if weight is None else weight.device


def progress(steps, title: str, total: int | None = None):
    """A progress bar, shown after two seconds; none in batch runs, which would store it."""
    return tqdm(steps, desc=title, total=total, leave=False, delay=2, disable=in_batch())


def announced(what: str) -> tqdm:
    """A context with one line on the screen, for a step that takes minutes; none in batch runs."""
    form = "{desc} ({elapsed})"
    return tqdm(total=1, desc=what, bar_format=form, leave=False, disable=in_batch())


def in_batch() -> bool:
    """Whether the runner or a test executes this notebook, so that no reader is there."""
    return "SECOND_LOOK_BATCH" in os.environ


def hardware(device: torch.device) -> str:
    """The name of the processor in use."""
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()} CPU, {torch.get_num_threads()} threads"


def versions() -> dict[str, str]:
    """The versions of Python and of the packages that results depend on."""
    found = {"python": platform.python_version()}
    for package in VERSIONS_OF:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "absent"
    return found


def _prefers_bfloat16(device: torch.device) -> bool:
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    # AVX-512 alone computes it too, but ResNets gain nothing and depthwise layers take 2.7 times
    # as long (make bench).
    return bool(getattr(torch.cpu, "get_capabilities", dict)().get("amx_bf16"))


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
