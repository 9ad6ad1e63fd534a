"""A small reading kit and the ways to answer it, shared by several tests."""

import re

from small import NAMES, small_split

from utils.course.reading_kit import read_key
from utils.data.split import to_float

PAIRS = 24
SPLIT = small_split(PAIRS)
CLEAN = to_float(SPLIT.images)
ATTACKED = to_float(SPLIT.images ^ 4)  # four grey levels, up or down
LABELS = SPLIT.labels.numpy()
KIT = {
    "clean": CLEAN,
    "attacked": ATTACKED,
    "labels": LABELS,
    "before": LABELS,
    "after": (LABELS + 1) % 3,
    "class_names": NAMES,
}
COLOUR = {name: KIT[name].expand(-1, 3, -1, -1) for name in ("clean", "attacked")}
PNG = re.compile(r"data:image/png;base64,([^\"]*)")


def fill(folder, *lines, said=lambda pair: "", diagnoses=lambda pair: ("", "")):
    """Write the sheet anew, with an answer to every pair or with the lines given."""
    key = read_key(folder)
    lines = lines or [
        ",".join([key["kit"], str(pair["pair"]), *diagnoses(pair), said(pair)])
        for pair in key["pairs"]
    ]
    text = "\n".join(["kit,pair,diagnosis_A,diagnosis_B,tampered", *lines])
    (folder / "answers.csv").write_text(text, encoding="utf-8")


def the_truth(pair):
    return [str(pair["label"] + 1)] * 2


def the_other(pair):
    return "B" if pair["tampered"] == "A" else "A"


def rewritten(name, change):
    def rewrite(folder):
        path = folder / name
        path.write_bytes(change(path.read_bytes()))

    return rewrite
