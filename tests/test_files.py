"""Files are whole or absent, and reading a damaged one names it."""

import errno
import json
import os
import shutil
import stat
import subprocess
import time

import numpy as np
import pytest
import torch
from forked import as_another_user, only_for_reading, readable_folder
from safetensors import SafetensorError

from utils import files
from utils.files import (
    atomic_write,
    digest,
    file_digest,
    json_digest,
    keyed_digest,
    locked,
    only_for_owner,
    private_folder,
    read_tensors,
    scratch_folder,
    secret_key,
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


def test_a_keyed_digest_is_that_of_the_standard():
    case_2 = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"  # RFC 4231
    assert keyed_digest(b"Jefe", "what do ya want for nothing?") == case_2[:16]


def test_a_secret_key_is_drawn_once_and_a_damaged_one_is_replaced(tmp_path):
    path = tmp_path / "cache" / "key"
    key = secret_key(path)
    assert len(key) == files.KEY_BYTES and secret_key(path) == key == path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_bytes(key[:5])
    assert secret_key(path) not in (key, key[:5])
    assert secret_key(None) != secret_key(None)


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


def test_an_unfinished_file_goes_with_its_process(tmp_path):
    path, old = tmp_path / "w.pt", time.time() - 2 * files.ABANDONED
    ended, alive = f".w.pt.{files._machine()}.99999999.part", f".w.pt.{files._machine()}.1.part"
    for name in (ended, alive, ".w.pt.elsewhere.5.part", ".w.pt.elsewhere.6.part"):
        (tmp_path / name).write_text("half")
    os.utime(tmp_path / ".w.pt.elsewhere.6.part", (old, old))
    write_json(path, {})
    left = {file.name for file in tmp_path.iterdir()}
    assert left == {path.name, alive, ".w.pt.elsewhere.5.part"}


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        RuntimeError("[enforce fail at inline_container.cc:671] . unexpected pos 64 vs 0"),
        SafetensorError("Error while serializing: I/O error: No space left on device"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_full_disk_is_named_and_the_old_file_stays(tmp_path, monkeypatch, error):
    path = tmp_path / "w.pt"
    path.write_text("old")
    if isinstance(error, RuntimeError):  # torch does not say why; the disk does
        usage = shutil.disk_usage(tmp_path)._replace(free=0)
        monkeypatch.setattr(files.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(OSError, match=r"disk is full.*w\.pt.*make space"), atomic_write(path):
        raise error
    assert path.read_text() == "old"


def test_another_error_while_writing_stays_what_it_is(tmp_path):
    with pytest.raises(RuntimeError, match="^something else$"), atomic_write(tmp_path / "w.pt"):
        raise RuntimeError("something else")


def test_tensors_cut_short_are_damaged_wherever_the_cut_is(tmp_path):
    """Some of these made torch report an invalid argument, and no file."""
    path = tmp_path / "w.pt"
    torch.save({"a": torch.zeros(100_000, dtype=torch.uint8)}, path)
    whole = path.read_bytes()
    for length in range(0, len(whole) - 1, 4999):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"w\.pt is damaged"):
            read_tensors(path)


def test_a_scratch_folder_goes_with_its_process(tmp_path, monkeypatch):
    monkeypatch.setattr(files.tempfile, "tempdir", str(tmp_path))
    for process in (99999999, 1):
        (tmp_path / f"second-look-{files._machine()}.{process}.abc/x").mkdir(parents=True)
    with scratch_folder() as folder:
        (folder / "weights").touch()
        assert {path.name.split(".")[-2] for path in tmp_path.iterdir()} == {"1", str(os.getpid())}
    assert not folder.exists()


def lock(folder):
    with locked(folder):
        assert not (folder / "lock").exists()


def test_a_folder_for_reading_is_not_locked():
    with readable_folder() as place:
        with locked(place):
            assert (place / "lock").exists()
        (place / "lock").unlink()
        assert as_another_user((place / "new").write_text, "") == (os.getuid() == 0)
        only_for_reading(place)
        assert as_another_user((place / "new").write_text, "") == 1
        assert as_another_user(lock, place) == 0


def test_a_private_folder_is_its_owners(tmp_path):
    folder = private_folder(tmp_path / "a/b")
    assert stat.S_IMODE(private_folder(folder).stat().st_mode) == 0o700


def test_a_report_in_an_old_folder_is_its_owners(tmp_path):
    (tmp_path / "old.json").write_text("{}")
    (tmp_path / "old.json").chmod(0o644)
    with only_for_owner():
        for name in ("old.json", "new.json"):
            write_json(tmp_path / name, {})
    write_json(tmp_path / "other.json", {})
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes["old.json"] == modes["new.json"] == 0o600 and modes["other.json"] & 0o044


def test_git_ignores_a_private_folder_and_nothing_beside_it(tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (private_folder(tmp_path / "report") / "page.html").write_text("pictures")
    (private_folder(tmp_path) / "code.py").write_text("")
    seen = ["git", "-C", tmp_path, "status", "--porcelain", "--untracked-files=all"]
    assert subprocess.check_output(seen, text=True).split() == ["??", "code.py"]
