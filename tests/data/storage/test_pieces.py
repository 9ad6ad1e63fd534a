"""A piece gives back what was put in; one that is none, or holds too few images, is removed."""

import json

import numpy as np
import pytest

from utils.data.storage.pieces import Pieces, ReadFile

ROW = {"frames": 2, "places": (0, 1), "reason": "", "levels": "a window: 0 to \udc80"}


@pytest.fixture
def pieces(tmp_path):
    return Pieces(tmp_path, "8_any")


def images(count, channels=1, kind=np.uint8):
    return np.random.default_rng(count).integers(0, 256, (count, channels, 8, 8)).astype(kind)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_facts_and_images_come_back_as_they_were(pieces, kind):
    one, two = ReadFile(ROW, images(2, 1, kind)), ReadFile(ROW | {"frames": 1}, images(1, 1, kind))
    refused = ReadFile(ROW | {"reason": "empty file"})
    pieces.write(["a", "b", "c"], [one, refused, two])
    found = dict(pieces.read({"a", "b", "c"}))
    assert list(found) == ["a", "c"] and found["a"].row["levels"] == ROW["levels"]
    for key, given in {"a": one, "c": two}.items():
        assert found[key].pictures.dtype == kind and (found[key].pictures == given.pictures).all()


def test_only_what_is_wanted_comes_back_and_a_useless_piece_goes(pieces):
    pieces.write(["a", "b"], [ReadFile(ROW, images(2)), ReadFile(ROW, images(2))])
    assert [key for key, _ in pieces.read({"b"})] == ["b"]
    assert not list(pieces.read({"other"})) and not list(pieces.folder.iterdir())


@pytest.mark.parametrize("frames", [1, 3])
def test_a_piece_with_too_few_or_too_many_images_is_removed(pieces, frames):
    pieces.write(["a"], [ReadFile(ROW | {"frames": frames}, images(2))])
    assert not list(pieces.read({"a"})) and not list(pieces.folder.iterdir())


def test_objects_that_would_run_code_are_not_opened(pieces):
    facts = np.frombuffer(json.dumps({"keys": ["a"], "rows": [ROW]}).encode(), np.uint8)
    pictures = np.array([[[[print]]]], dtype=object)
    np.savez(pieces.folder / "8_any_x.npz", pictures=pictures, facts=facts)
    assert not list(pieces.read({"a"}))


def test_pieces_of_an_earlier_version_are_removed_and_others_stay(pieces):
    for name in ("8_any_old.pt", "16_any_old.npz"):
        (pieces.folder / name).write_bytes(b"no piece")
    assert not list(pieces.read({"a"}))
    assert [path.name for path in pieces.folder.iterdir()] == ["16_any_old.npz"]
