"""Tables and checkpoints that are cut, strange or of something else: taken, or refused by name."""

import io
import pickle
import random
import shutil
from functools import partial
from pathlib import Path

import torch
from children import HOSTILE, do, kill_before_change
from disturbances import Bench, Campaign, judge_refusal
from workloads import pictures

from utils.data import loading

LEAVES_FILES = ("training", "gan", "store", "evaluation", "tuning")
CELLS = [
    *(
        "",
        " ",
        "a",
        "b",
        "a|b",
        "nan",
        "None",
        "\0",
        "é",
        "\U0001f9e0",
        '"',
        '""',
        "a,b",
        "a\nb",
        "1e309",
    ),
    *("../x.png", "/etc/passwd", "pictures", ".", "x" * 300, "x" * 5000, "=cmd()", "\x1b]0;x\x07"),
]


def tables(place: Path, campaign: Campaign, share: float) -> None:
    """Tables of real files with strange cells, rows, columns, separators and encodings."""
    rng = random.Random(campaign.seed)
    place.mkdir(parents=True)
    names = sorted(str(path) for path in pictures(place / "folder").rglob("*.png"))
    path = place / "table.csv"
    for number in range(max(4, round(200 * share))):
        path.write_bytes(_table(names, rng))
        judge_refusal(campaign, f"table {number}", *_loaded(place, path))


def _loaded(place: Path, path: Path) -> tuple[int, str]:
    def work() -> str:
        loading.VARIABLES = place / "variables"
        return str(len(loading.load(str(path), 16).train))

    return do(work, place.parent / "outcome")


def _table(names: list[str], rng: random.Random) -> bytes:
    columns = ["path", "label", *rng.choice([[], ["patient"], ["patient", "split"], ["split"]])]
    rows = [
        [name, Path(name).parent.name] for name in rng.sample(names, rng.choice([0, 1, 8, 30, 40]))
    ]
    for row in rows:
        row += [rng.choice(["p1", "p2", "train", "test", ""]) for _ in columns[2:]]
    for _ in range(rng.choice([0, 1, 3, 30])):
        if rows:
            row = rng.choice(rows)
            row[rng.randrange(len(row))] = rng.choice(CELLS)
    if rows and rng.random() < 0.2:
        rng.choice(rows).append("one more")
    if rng.random() < 0.1:
        rng.shuffle(columns)
    mark, quoted = rng.choice([",", ",", ",", ";", "\t"]), rng.random() < 0.5
    cells = [[f'"{c}"' if quoted else c for c in row] for row in [columns, *rows]]
    end = rng.choice(["\n", "\r\n", f"{mark}\n"])
    text = end.join(mark.join(row) for row in cells)
    return text.encode(rng.choice(["utf-8", "utf-8", "utf-8-sig", "utf-16"]), errors="replace")


def checkpoints(place: Path, campaign: Campaign, share: float) -> None:
    """A file that a work has left is spoilt: the same outcome, or a refusal that names it."""
    rng = random.Random(campaign.seed)
    benches = [Bench(name, place / name, 0) for name in LEAVES_FILES]
    left = [(bench, _left(bench, moment)) for bench in benches for moment in (0.7, 2)]
    for number in range(max(12, round(200 * share))):
        bench, kept = rng.choice(left)
        shutil.rmtree(bench.folder)
        shutil.copytree(kept, bench.folder)
        path = rng.choice([p for p in sorted(bench.folder.rglob("*")) if _has_content(p)])
        content = _other_content(rng)
        cut = path.read_bytes()[: rng.randrange(path.stat().st_size)]
        path.write_bytes(cut if content is None else content)
        what = f"{bench.name} {number}, {kept.name}, {path.name} holds {str(content)[:40]}"
        status, said = do(bench.work, bench.outcome)
        if (status, said) == (0, bench.expected):
            campaign.judge(True, what)
        else:
            judge_refusal(campaign, what, status or 99, said, path.name)
    campaign.judge(not list(Path.cwd().glob("CANARY")), "code was executed")


def _left(bench: Bench, moment: float) -> Path:
    """What the work leaves where it was killed at this share of its changes, or whole."""
    bench.clear()
    number = round(moment * bench.changes)
    do(bench.work, bench.outcome, before=partial(kill_before_change, number, bench.folder))
    return shutil.copytree(bench.folder, bench.place / f"killed at {moment}")


def _has_content(path: Path) -> bool:
    """No lock, and nothing that only a killed process would have read."""
    return path.is_file() and path.stat().st_size > 0 and path.suffix not in (".part", ".lock")


def _other_content(rng: random.Random) -> bytes | None:
    """None: cut short."""
    if rng.random() < 0.4:
        return None
    buffer = io.BytesIO()
    torch.save(rng.choice([3, [], {}, {"model": 1, "history": []}, torch.zeros(3)]), buffer)
    others = [b"", b"\0" * 500, b"{}", b"[]", b"3", b'"text"', b"[[]]", b"\xff\xfe", HOSTILE]
    return rng.choice([*others, buffer.getvalue(), pickle.dumps({"a": 1}), b"[" * 100_000])
