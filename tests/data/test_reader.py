"""Reading piece by piece: only new and changed files are opened, and a stopped reading resumes."""

import errno
import os
import stat
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from folders import picture, two_classes, write_dicom
from pieces import counted_pieces, killed_and_resumed
from PIL import Image

from utils.data import loading, reader
from utils.data.formats.reading import Reading, Unreadable
from utils.data.image_files import read_file
from utils.data.reader import read_images


@pytest.fixture
def folder(tmp_path):
    return two_classes(tmp_path / "images", 3)


def read(folder, size=32, channels=None):
    return read_images(sorted(folder.rglob("*.png")), size, channels, folder.parent / "cache")


@pytest.fixture
def opened(monkeypatch):
    """The files that were opened."""
    files = []

    def read_and_note(file, *options):
        files.append(file)
        return read_file(file, *options)

    monkeypatch.setattr(reader, "read_file", read_and_note)
    return files


def test_a_second_reading_opens_only_what_has_changed(folder, opened):
    first = read(folder)
    assert len(opened) == 6 and read(folder).facts.equals(first.facts) and len(opened) == 6
    picture(folder / "a/0.png", 99)
    os.utime(folder / "a/0.png", (1, 1))
    second = read(folder)
    assert opened[6:] == [folder / "a/0.png"]
    assert (first.images[1:] == second.images[1:]).all()
    assert (first.images[0] != second.images[0]).any() and first.digest != second.digest


@pytest.mark.parametrize("other", [{"size": 16}, {"channels": 3}])
def test_another_size_or_number_of_channels_is_read_by_itself(folder, opened, other):
    first = read(folder)
    assert read(folder, **other).images.shape != first.images.shape and len(opened) == 12
    assert torch.equal(read(folder).images, first.images) and len(opened) == 12


def test_without_a_cache_nothing_is_kept(folder):
    files = sorted(folder.rglob("*.png"))
    assert torch.equal(read_images(files, 32).images, read(folder).images)
    assert {path.name for path in folder.parent.iterdir()} == {"images", "cache"}


def test_the_key_of_a_cache_gives_patients_the_same_names_and_another_key_other_ones(tmp_path):
    pydicom = pytest.importorskip("pydicom")
    files, cache = [tmp_path / "images" / f"{n}.dcm" for n in range(3)], tmp_path / "cache"
    files[0].parent.mkdir()
    for number, file in enumerate(files):
        write_dicom(pydicom, file, f"{number // 2}", number)

    def names():
        return list(read_images(files, 16, 1, cache).facts["patient"])

    first = names()
    assert names() == first and first[0] == first[1] != first[2]
    for piece in cache.glob("*.npz"):
        piece.unlink()
    assert names() == first
    key = cache / reader.PATIENT_KEY
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    key.unlink()
    other = names()  # the pieces have the names of the lost key, and are not mixed with the new
    assert other[0] == other[1] != other[2] and not set(other) & set(first)


def test_a_file_that_is_listed_twice_is_there_twice(folder):
    files = [*sorted(folder.rglob("*.png")), folder / "a/0.png"]
    for _ in range(2):
        found = read_images(files, 32, None, folder.parent / "cache")
        assert len(found.images) == 7 and torch.equal(found.images[0], found.images[6])


def test_a_damaged_piece_is_read_anew(folder):
    first = read(folder)
    (piece,) = (folder.parent / "cache").glob("*.npz")
    piece.write_bytes(piece.read_bytes()[:100])
    second = read(folder)
    assert torch.equal(first.images, second.images) and first.facts.equals(second.facts)


def test_only_its_owner_may_open_a_cache_even_one_that_was_open_before(folder):
    cache = folder.parent / "cache"
    for mode in (None, 0o755):
        if mode:
            cache.chmod(mode)
        read(folder)
        assert stat.S_IMODE(cache.stat().st_mode) == 0o700


def test_a_read_only_cache_of_another_user_is_read(folder, opened, monkeypatch):
    def refused(*_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    first, cache = read(folder), folder.parent / "cache"
    (cache / "32_any_useless.npz").write_bytes(b"no piece")
    (left := cache / ".piece.npz.elsewhere.1.part").write_bytes(b"half")
    os.utime(left, (1, 1))
    cache.chmod(0o755)
    monkeypatch.setattr(os, "access", lambda *_: False)
    for name in ("chmod", "unlink"):
        monkeypatch.setattr(Path, name, refused)
    assert torch.equal(read(folder).images, first.images) and len(opened) == 6


def test_what_a_killed_process_has_left_half_written_is_removed(folder):
    read(folder)
    (piece,) = (folder.parent / "cache").glob("*.npz")
    old, young = (piece.with_name(f".{piece.name}.{pid}.part") for pid in (1, 2))
    for path in (old, young, piece.with_name("mine.part")):
        path.write_bytes(b"half")
    for path in (old, piece, piece.with_name("mine.part")):
        os.utime(path, (1, 1))
    read(folder)
    left = {path.name for path in piece.parent.iterdir()} - {reader.PATIENT_KEY}
    left = {name for name in left if not name.endswith(".lock")}
    assert left == {piece.name, young.name, "mine.part"}


def test_what_could_not_be_read_yesterday_is_read_today(folder, monkeypatch):
    def locked(file, *options):
        if file.name == "0.png":
            raise Unreadable("Permission denied")
        return read_file(file, *options)

    with monkeypatch.context() as yesterday:
        yesterday.setattr(reader, "read_file", locked)
        found = read(folder)
        assert found.quarantine == ((str(folder / "a/0.png"), "Permission denied"),)
        assert found.positions == (1, 2, 3, 4, 5) and found.facts["reason"][0]
    assert read(folder).quarantine == ()


def test_a_header_broken_in_an_unknown_way_is_set_aside(folder, monkeypatch):
    def broken(content, secret):
        raise KeyError("BytesLength")

    monkeypatch.setattr(reader, "facts_of_content", broken)
    found = read(folder)
    assert len(found.images) == 0 and all("KeyError" in reason for _, reason in found.quarantine)


def load_in_pieces(folder, cache, kill) -> tuple[str, int]:
    """What was loaded, and how many pieces were read; the process is killed at one of them."""
    with counted_pieces(cache, kill) as pieces:
        return loading.load(str(folder), 32).all_images.content_hash(), len(pieces)


def test_load_killed_and_started_again_gives_the_same_images(tmp_path):
    folder = two_classes(tmp_path / "images", 15)
    again = killed_and_resumed(load_in_pieces, folder, tmp_path / "killed")
    never = load_in_pieces(folder, tmp_path / "never", 0)
    assert again == [never[0], 3] and never[1] == 6


def test_pieces_of_grey_and_of_colour_make_one_tensor(folder, monkeypatch):
    monkeypatch.setattr(reader, "PIECE", 2)
    levels = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    Image.fromarray(levels).save(folder / "b/5.png")
    first, second = read(folder), read(folder)
    assert first.images.shape[1] == 3 and torch.equal(first.images, second.images)
    assert (first.images[0, 0] == first.images[0, 2]).all()


def test_another_reading_is_kept_by_itself(folder, opened):
    files, cache = sorted(folder.rglob("*.png")), folder.parent / "cache"
    readings = (Reading(), Reading(16), Reading(window="full"), Reading(16, "full"))
    first = [read_images(files, 16, 1, cache, reading).images for reading in readings]
    assert len(opened) == 6 * len(readings)
    again = [read_images(files, 16, 1, cache, reading).images for reading in readings]
    assert all(map(torch.equal, first, again)) and len(opened) == 6 * len(readings)
    assert first[0].dtype == torch.uint8 and first[1].dtype == torch.uint16


def test_files_of_many_images_come_whole_from_the_cache(tmp_path, opened, monkeypatch):
    monkeypatch.setattr(reader, "PIECE", 2)
    for number in range(3):
        pictures = [
            Image.open(picture(tmp_path / f"{number}{page}.png", 9 * number + page))
            for page in (1, 2, 3)
        ]
        pictures[0].save(tmp_path / f"{number}.tif", save_all=True, append_images=pictures[1:])
    files = [*sorted(tmp_path.glob("*.tif")), tmp_path / "01.png", tmp_path / "absent.png"]
    first, second = (read_images(files, 16, None, tmp_path / "cache") for _ in range(2))
    assert len(opened) == len(files) + 1  # what is refused is tried again
    assert first.positions == (0, 0, 0, 1, 1, 1, 2, 2, 2, 3)
    assert first.frames == (0, 1, 2) * 3 + (0,) and first.has_volumes
    assert torch.equal(first.images, second.images) and first.facts.equals(second.facts)
    assert (first.positions, first.frames) == (second.positions, second.frames)


def peak_of_reading(folder, count) -> int:
    """Bytes that Python and numpy held at most."""
    tracemalloc.start()
    files = sorted(folder.rglob("*.png"))[:count]
    found = read_images(files, 256, 1, folder.parent / f"cache{count}")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.pixels.nbytes == count * 2**16
    return peak


def test_the_memory_of_reading_does_not_grow_with_the_number_of_images(tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "PIECE", 8)
    folder = two_classes(tmp_path / "images", 48)
    peak_of_reading(folder, 8)  # what is imported on the way
    few, many = (peak_of_reading(folder, count) for count in (16, 96))
    assert many - few < 2**20 < 80 * 2**16  # bytes of the images that are more


def test_images_come_in_the_order_of_the_list_whatever_was_read_first(folder):
    files, cache = sorted(folder.rglob("*.png")), folder.parent / "cache"
    for some in (files[3:], files[:2], files):
        found = read_images(some, 32, None, cache)
        assert torch.equal(found.images, read_images(some, 32).images)
    assert torch.equal(read_images(files[::-1], 32, None, cache).images, found.images.flip(0))
