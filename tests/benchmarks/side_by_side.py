"""Ways of doing the same in turn, what they cost, and the page of all that was measured.

Seconds are CPU seconds of one thread, so that other programs hardly count. Ways take turns, so that
a busy moment hits all alike, and a ratio is the median over the rounds. What a script keeps here
becomes a file and a table in assets/benchmarks; nothing there is typed.
"""

import ctypes
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from utils import HOME
from utils.files import atomic_write, read_json, write_json
from utils.run import hardware, versions

FOLDER = HOME / "assets/benchmarks"
STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
HEAD = """# What attacks and training cost beside other libraries

The scripts in `tests/benchmarks` write this page (`make bench`), and a test compares it with the
files in this folder. Seconds are CPU seconds of one thread, the least of the rounds; ratios are
medians over rounds in which all ways took turns. Peak memory is what the process takes above what
it had before, in MiB; what it has freed is given back to the system first.
"""


@dataclass
class Cost:
    """What one way took in each round, and what it found."""

    seconds: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    found: list[Any] = field(default_factory=list)

    @property
    def least(self) -> float:
        return min(self.seconds)

    @property
    def peak(self) -> float:
        return max(self.memory)

    def measure(self, way: Callable[[int], Any], number: int) -> None:
        """One round more."""
        give_back()
        if RESET.exists():
            RESET.write_text("5")  # the peak starts anew
        before, started = memory("VmRSS"), time.process_time()
        self.found.append(way(number))
        self.seconds.append(time.process_time() - started)
        self.memory.append(memory("VmHWM") - before)

    def times_as_fast(self, other: "Cost") -> float:
        """As the other, by the median of the rounds that both had side by side."""
        return float(np.median(np.array(other.seconds) / self.seconds))


def in_turn(ways: Mapping[str, Callable[[int], Any]], rounds: int) -> dict[str, Cost]:
    """Every way once in each round; a way gets the number of the round, its seed."""
    costs, threads = {name: Cost() for name in ways}, torch.get_num_threads()
    torch.set_num_threads(1)
    for number in range(rounds):
        for name, way in ways.items():
            torch.manual_seed(number)
            np.random.seed(number)
            costs[name].measure(way, number)
    torch.set_num_threads(threads)
    return costs


def give_back() -> None:
    """Return freed memory to the system: what a way takes from it again would not be seen."""
    if sys.platform == "linux":
        getattr(ctypes.CDLL(None), "malloc_trim", lambda _: None)(0)  # musl has none


def memory(key: str) -> float:
    """VmRSS or VmHWM of this process in MiB; only Linux has them."""
    lines = STATUS.read_text().splitlines() if STATUS.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(key)), np.nan)


def growth_exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """With which power of the size the cost grows, between the two largest sizes."""
    return math.log(costs[-1] / costs[-2]) / math.log(sizes[-1] / sizes[-2])


def keep(name: str, title: str, about: str, table: pd.DataFrame, folder: Path = FOLDER) -> None:
    """Write a table as a file, and the page of all tables anew."""
    folder.mkdir(parents=True, exist_ok=True)
    machine = {"hardware": hardware(torch.device("cpu")), "versions": versions()}
    facts = {"title": title, "about": " ".join(about.split()), **machine}
    write_json(folder / f"{name}.json", {**facts, "rows": table.to_dict("records")})
    with atomic_write(folder / "README.md") as path:
        path.write_text(page(folder), encoding="utf-8")


def page(folder: Path = FOLDER) -> str:
    """All tables, by the names of their files."""
    found = [read_json(path) for path in sorted(folder.glob("*.json"))]
    return "\n".join([HEAD, *(_section(facts) for facts in found if "rows" in facts)])


def _section(facts: dict) -> str:
    rows = facts["rows"]
    lines = [list(rows[0]), ["---"] * len(rows[0]), *([*row.values()] for row in rows)]
    table = "".join(f"| {' | '.join(str(cell) for cell in line)} |\n" for line in lines)
    machine = f"*{facts['hardware']}, torch {facts['versions']['torch']}.*"
    return f"## {facts['title']}\n\n{facts['about']} {machine}\n\n{table}"


def run(tables: Mapping[str, Callable[[], pd.DataFrame]]) -> None:
    """The tables that the command names, or all of them, on the screen as well."""
    chosen = sys.argv[1:] or list(tables)
    for name in chosen:
        print(f"\n{name}\n{tables[name]().to_string(index=False)}", flush=True)
