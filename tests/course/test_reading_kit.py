"""A kit is whole or refused: pairs in a drawn order, answers that survive, a key that fits."""

import json

import numpy as np
import pytest
import torch
from reading_samples import (
    ATTACKED,
    CLEAN,
    KIT,
    LABELS,
    PAIRS,
    SPLIT,
    fill,
    rewritten,
    the_other,
)

from utils.course.reading_kit import (
    kit_of,
    one_per_patient,
    read_key,
    read_pictures,
    score_kit,
    write_kit,
)
from utils.data.split import to_float, to_uint8
from utils.run import Run


def test_order_and_sides_are_shuffled(folder):
    pairs = read_key(folder)["pairs"]
    images = [pair["image"] for pair in pairs]
    assert sorted(images) == list(range(PAIRS)) != images
    assert {pair["tampered"] for pair in pairs} == {"A", "B"}


def test_same_seed_same_kit_and_another_seed_another(folder, tmp_path):
    write_kit(tmp_path / "same", **KIT)
    write_kit(tmp_path / "other", **KIT, seed=1)
    for name in ("page.html", "answers.csv", "key.json"):
        assert (tmp_path / "same" / name).read_bytes() == (folder / name).read_bytes()
        assert (tmp_path / "other" / name).read_bytes() != (folder / name).read_bytes()


def test_the_sides_of_one_kit_do_not_tell_those_of_another(folder, tmp_path):
    write_kit(tmp_path / "next", **KIT | {"attacked": to_float(SPLIT.images ^ 2)})
    first, second = (
        [p["tampered"] for p in read_key(f)["pairs"]] for f in (folder, tmp_path / "next")
    )
    assert first != second


def test_writing_says_how_often_the_model_is_wrong_on_these_pictures(tmp_path):
    said = write_kit(tmp_path, **KIT)
    assert said["pairs"] == said["model wrong on attacked"] == PAIRS
    assert said["model wrong on clean"] == 0


def test_nothing_but_the_three_files_is_left(folder):
    assert {path.name for path in folder.iterdir()} == {"page.html", "answers.csv", "key.json"}


def test_one_picture_of_each_patient():
    few = one_per_patient(SPLIT, 8, seed=3)
    assert len(few) == 8 == len(few.groups.unique())
    assert len(one_per_patient(SPLIT)) == len(SPLIT.groups.unique())


def test_whole_grey_levels_survive_the_way_to_pixels_and_back():
    levels = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(to_uint8(to_float(levels)), levels)


def test_a_begun_sheet_survives_the_same_kit_written_again(folder):
    fill(folder, said=the_other)
    before = (folder / "answers.csv").read_bytes()
    write_kit(folder, **KIT)
    assert (folder / "answers.csv").read_bytes() == before


def test_a_begun_sheet_moves_aside_with_its_kit_when_another_is_written(folder):
    old = read_key(folder)["kit"]
    fill(folder, said=the_other)
    write_kit(folder, **KIT, seed=1)
    assert not score_kit(folder).begun
    assert score_kit(folder.with_name(f"kit_{old}")).tampering["of"].item() == PAIRS


def with_another_side(raw):
    facts = json.loads(raw)
    facts["pairs"][0]["tampered"] = "A" if facts["pairs"][0]["tampered"] == "B" else "B"
    return json.dumps(facts).encode()


BAD_KEYS = {
    "no key": (lambda folder: (folder / "key.json").unlink(), "no key.json.*Next"),
    "half a key": (rewritten("key.json", lambda raw: raw[:200]), "is damaged"),
    "a key of another form": (rewritten("key.json", lambda _: b"[1]"), "is damaged"),
    "a key that is no text": (rewritten("key.json", lambda _: b"\xff\x00"), "is damaged"),
    "a key with another truth": (rewritten("key.json", with_another_side), "was changed since"),
}


@pytest.mark.parametrize("name", BAD_KEYS)
def test_a_key_that_is_not_as_it_was_written_is_refused(name, folder):
    break_it, reason = BAD_KEYS[name]
    break_it(folder)
    with pytest.raises((ValueError, FileNotFoundError), match=reason):
        score_kit(folder)


def with_the_page_of_another(folder):
    other = folder.with_name("other")
    write_kit(other, **KIT, seed=1)
    (other / "page.html").replace(folder / "page.html")


PAGES = {
    "no page": (lambda folder: (folder / "page.html").unlink(), "no page.html"),
    "half a page": (rewritten("page.html", lambda raw: raw[:5000]), "is damaged|not belong"),
    "a page without pictures": (rewritten("page.html", lambda _: b"<p>"), "is damaged"),
    "pictures broken": (
        rewritten("page.html", lambda raw: raw.replace(b"64,i", b"64,x")),
        "damaged",
    ),
    "another page": (with_the_page_of_another, "not belong"),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_that_is_not_the_one_of_the_key_is_refused(name, folder):
    break_it, reason = PAGES[name]
    break_it(folder)
    with pytest.raises((ValueError, FileNotFoundError), match=reason):
        read_pictures(folder)


UNWRITABLE = {
    "pictures between grey levels": ({"attacked": CLEAN + 0.3 / 255}, "to_uint8"),
    "pictures out of range": ({"attacked": CLEAN + 1}, "whole grey levels in"),
    "no number": ({"attacked": CLEAN * torch.nan}, "whole grey levels in"),
    "two channels": ({"clean": CLEAN.expand(-1, 2, -1, -1)}, r"1 or 3 channels.*24, 2"),
    "other sizes": ({"attacked": ATTACKED[:5]}, "they make no pairs"),
    "no pictures": ({"clean": CLEAN[:0]}, r"\(0, 1, 16, 16\)"),
    "an attack that did nothing": ({"attacked": CLEAN}, "changed nothing in image 0, 1"),
    "labels of others": ({"labels": LABELS[:3]}, "labels must be one class number for each of 24"),
    "probabilities for classes": ({"after": np.full(24, 0.5)}, "after must be one class number"),
    "an unknown class": ({"before": LABELS + 1}, "before must be from 0 to 2, got 1 to 3"),
    "names alike": ({"class_names": ("a_b", "a b", "c")}, "must differ"),
    "a name that means unsure": ({"class_names": ("?", "b", "c")}, "must differ"),
}


@pytest.mark.parametrize("name", UNWRITABLE)
def test_what_makes_no_kit_is_refused_before_anything_is_written(name, tmp_path):
    values, reason = UNWRITABLE[name]
    with pytest.raises(ValueError, match=reason):
        write_kit(tmp_path / "kit", **KIT | values)
    assert not (tmp_path / "kit").exists()


def test_a_run_without_a_kit_names_the_notebook_to_run(tmp_path, monkeypatch):
    monkeypatch.setattr("utils.run.ROOT", tmp_path)
    with pytest.raises(
        FileNotFoundError, match="run the notebook resnet_atk with DATASET = 'brain'"
    ):
        kit_of(Run("resnet_atk", "brain", 0, torch.device("cpu")))
