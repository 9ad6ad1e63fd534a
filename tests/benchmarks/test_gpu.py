"""The prepared script for a graphics card, tried on the CPU; and parts that fail or hang."""

import json
import os
import signal
import time

import pytest
from benchmarks import gpu
from benchmarks.chapters import chosen
from benchmarks.timed_parts import Part, run_part, run_parts

from utils.course.plan import parameters_of, read_course


def planted_error():
    raise RuntimeError("planted")


@pytest.mark.parametrize(
    ("work", "limit", "reason"),
    [
        (planted_error, 30, "RuntimeError: planted"),
        (lambda: time.sleep(60), 0.5, "it took more than 0.5 s"),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), 30, "its process ended with exit code -9"),
    ],
    ids=["error", "too long", "killed"],
)
def test_a_part_that_fails_leaves_its_reason_and_the_rest_goes_on(work, limit, reason):
    started = time.monotonic()
    found = run_parts({"bad": Part(work, limit), "good": Part(lambda: 7, 30)})
    assert found["bad"]["failure"] == reason and found["good"]["result"] == 7
    assert time.monotonic() - started < 30


def test_memory_counts_what_the_part_itself_takes():
    small, large = (run_part(Part(lambda n=n: len(b"1" * n), 30)) for n in (1, 2**28))
    key = "peak host memory (MiB)"
    assert 200 < large[key] - small[key] < 320


def test_all_parts_together_end_within_eight_minutes():
    assert sum(part.limit for part in gpu.parts(dry=False).values()) <= 8 * 60 - 10


@pytest.fixture(scope="module")
def dry():
    """`make gpu DRY=1` but for its chapters, which take a minute: what each part found."""
    found = {name: part for name, part in gpu.parts(dry=True).items() if "chapter" not in name}
    return run_parts(found)


def test_every_part_that_is_no_chapter_runs_on_the_cpu(dry):
    assert len(dry) == 4 and not [part for part in dry.values() if "failure" in part]
    assert "CPU" in dry["machine"]["result"]["hardware"] and json.dumps(dry)
    (row,) = dry["training"]["result"]
    speedup = row["images/s, compiled"] / row["images/s"]
    assert row["images/s"] > 0 and row["compiled, times as fast"] == pytest.approx(speedup)


@pytest.mark.parametrize(("part", "count"), [("PGD-20", "attacked"), ("worst case", "worst")])
def test_attacks_are_compared_on_both_networks(dry, part, count):
    rows = dry[part]["result"]
    assert [row["network"] for row in rows] == ["clean-trained", "adversarially trained"]
    for row in rows:
        ratio = row["torchattacks, seconds"] / row["ours, seconds"]
        images = getattr(gpu.TINY, count)
        assert row["times as fast"] == pytest.approx(ratio) and row["images"] == images
        assert 0 <= row["ours, accuracy left"] <= 1 and 0 <= row["torchattacks, accuracy left"] <= 1


def test_our_worst_case_stands_beside_the_four_attacks_of_autoattack():
    from torchattacks import AutoAttack

    model = gpu.build("resnet10_narrow", 4, 32)
    theirs = AutoAttack(model, eps=gpu.EPSILON, n_classes=4)._autoattack.attacks
    ours = gpu.their_worst_case(model, gpu.Scale().queries[1]).attacks
    settings = ("eps", "steps", "n_queries", "n_restarts", "loss", "n_classes", "multi_targeted")
    for one, other in zip(ours, theirs, strict=True):
        assert type(one) is type(other)
        for name in settings:
            assert getattr(one, name, None) == getattr(other, name, None), name


def test_the_full_chapter_keeps_the_profile_but_for_data_weights_and_time():
    course = read_course()
    full = parameters_of(course, "full", {}, ["resnet"])["resnet"]
    given = chosen("resnet", "full", None)
    assert given["SIZE"] == 224 and given["TRIALS"] < full["TRIALS"]
    different = {name for name in full if given.get(name) != full[name]}
    assert different == {"DATASET", "WEIGHTS", "TRIALS"}


def test_without_a_card_nothing_is_written(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(gpu, "OUT", tmp_path / "gpu.json")
    monkeypatch.setattr(gpu, "visible_gpus", list)
    monkeypatch.setattr("sys.argv", ["gpu.py"])
    assert gpu.main() == 1 and not gpu.OUT.exists()
    assert "DRY=1" in capsys.readouterr().err
