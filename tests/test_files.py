"""Files are whole or absent, and reading a damaged one names it."""

import json

import numpy as np
import pytest
import torch

from utils.files import (
    atomic_write,
    digest,
    file_digest,
    json_digest,
    read_tensors,
    short_digest,
    to_pillow,
    write_json,
)


def test_an_interrupted_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "facts.json"
    write_json(path, {"old": 1})
    with pytest.raises(KeyboardInterrupt), atomic_write(path) as unfinished:
        unfinished.write_text("half")
        raise KeyboardInterrupt
    assert json.loads(path.read_text()) == {"old": 1}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 cut"])
@pytest.mark.parametrize("name", ["w.pt", "w.safetensors"])
def test_a_damaged_file_is_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{name}.*delete it"):
        read_tensors(tmp_path / name)


def test_tensors_survive(tmp_path):
    torch.save({"images": torch.arange(3), "names": ["a"]}, tmp_path / "x.pt")
    assert read_tensors(tmp_path / "x.pt")["names"] == ["a"]


ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, example 1


def test_digests_are_those_of_the_standard(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    assert digest(b"abc") == digest(b"a", np.frombuffer(b"bc", np.uint8)) == ABC
    assert file_digest(tmp_path / "abc") == ABC and short_digest("abc") == ABC[:16]


def test_facts_have_the_digest_of_their_text_whatever_their_order():
    facts = {"epochs": 2, "data": ["x", None]}
    assert json_digest(facts) == digest(b'{"data": ["x", null], "epochs": 2}')
    assert json_digest(dict(reversed(facts.items()))) == json_digest(facts)
    assert json_digest(facts) != json_digest({**facts, "epochs": 3})


@pytest.mark.parametrize("channels, mode", [(1, "L"), (3, "RGB")])
def test_a_picture_has_the_pixels_of_its_image(channels, mode):
    image = torch.randint(0, 256, (channels, 5, 7), dtype=torch.uint8)
    picture = to_pillow(image)
    assert picture.mode == mode and picture.size == (7, 5)
    levels = torch.from_numpy(np.array(picture)).view(5, 7, channels)
    assert torch.equal(levels.permute(2, 0, 1), image)
