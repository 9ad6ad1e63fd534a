"""Ratios come from rounds that both ways had, and the page is that of its files."""

import mmap

import pandas as pd
import pytest
from benchmarks.side_by_side import FOLDER, HEAD, Cost, in_turn, keep, page


def test_a_busy_round_does_not_change_a_ratio():
    slow, quick = Cost([4.0, 40.0, 4.4]), Cost([2.0, 20.0, 2.2])
    assert quick.times_as_fast(slow) == pytest.approx(2)
    assert slow.times_as_fast(quick) == pytest.approx(0.5)
    assert quick.least == 2


def test_ways_take_turns_and_get_the_number_of_the_round():
    calls = []
    ways = {name: lambda n, name=name: calls.append((name, n)) or n for name in "ab"}
    costs = in_turn(ways, 2)
    assert calls == [("a", 0), ("b", 0), ("a", 1), ("b", 1)]
    assert costs["b"].found == [0, 1] and len(costs["b"].seconds) == 2


def fresh_memory(size: int) -> mmap.mmap:
    """From the system: Python may give again what another test has left to it."""
    block = mmap.mmap(-1, size)
    block[:] = bytes(size)
    return block


def test_more_work_takes_more_cpu_seconds_and_more_memory():
    ways = {"little": lambda _: bytearray(1), "much": lambda _: sum(range(10**6)) or None}
    ways["large"] = lambda _: fresh_memory(64 * 2**20)
    costs = in_turn(ways, 1)
    assert costs["much"].times_as_fast(costs["little"]) < 0.5
    assert not costs["large"].peak < 32  # no number where the system has none


def test_memory_that_was_freed_before_counts_when_it_is_taken_again():
    """Below the size for which the C library asks the system each time, it keeps what is freed."""
    blocks = [bytearray(100_000) for _ in range(640)]
    del blocks[:-1]  # the last one keeps the heap from shrinking by itself
    cost = in_turn({"again": lambda _: len([bytearray(100_000) for _ in range(640)])}, 1)["again"]
    assert not cost.peak < 48


def test_a_table_is_kept_in_a_file_and_on_the_page(tmp_path):
    keep("b", "Second", "About\n  it.", pd.DataFrame([{"by": "ours", "seconds": 0.5}]), tmp_path)
    keep("a", "First", "That.", pd.DataFrame([{"by": "theirs", "seconds": 2}]), tmp_path)
    (tmp_path / "other.json").write_text('{"parts": []}', encoding="utf-8")
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert text.startswith(HEAD) and "About it." in text and "| ours | 0.5 |" in text
    assert text.index("## First") < text.index("## Second")
    assert "parts" not in text and text == page(tmp_path)  # a file without rows is no table


def test_the_committed_page_is_that_of_its_files():
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == page(), "run: make bench"
