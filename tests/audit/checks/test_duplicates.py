"""Duplicates within a folder, and leakage between its parts."""

from pathlib import Path

import numpy as np
from folders import audit_by, two_classes
from PIL import Image


def test_a_cluster_of_near_duplicates_gives_few_pairs(cache, tmp_path):
    two_classes(tmp_path / "f", 30)
    for number in range(100):
        levels = np.full((40, 40), 90, np.uint8)
        levels[0, number % 40] += 1 + number // 40  # no two the same
        Image.fromarray(levels).save(tmp_path / "f" / "ab"[number % 2] / f"blank{number}.png")
    found = audit_by(["Duplicates"], f"folder:{tmp_path / 'f'}", size=40)
    pairs = found["Duplicates"].table
    assert len(pairs) < 4 * 100  # of 4,950; there are two classes, and two sides of a pair
    blank = {str(file.relative_to(tmp_path / "f")) for file in tmp_path.rglob("blank*.png")}
    assert blank == set(pairs["one"]) | set(pairs["other"])
    one, other = (pairs[side].map(lambda file: Path(file).parent.name) for side in pairs)
    assert (one != other).any()  # pairs with two labels are reported
