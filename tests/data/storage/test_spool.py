"""A spool gives back what was put in, in any order, from disk or memory, and leaves no file."""

import errno
import os
import subprocess
import sys

import numpy as np
import pytest

from utils.data.storage import spool
from utils.data.storage.spool import Spool, spooled_rows

GREY, COLOUR, SHAPE = (2, 1, 8, 8), (3, 3, 8, 8), (0, 1, 8, 8)


def images(shape, kind=np.uint8):
    return np.random.default_rng(shape[0]).integers(0, 256, shape).astype(kind)


@pytest.fixture(params=["disk", "memory"])
def folder(request, tmp_path):
    return tmp_path if request.param == "disk" else None


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("shapes", [[GREY, GREY], [GREY, COLOUR, GREY], [COLOUR], []], ids=str)
@pytest.mark.parametrize("turned", [False, True], ids=["as they came", "turned"])
def test_images_come_back_in_the_wanted_order_and_of_one_width(folder, shapes, kind, turned):
    given, whole = [images(shape, kind) for shape in shapes], Spool(folder, kind)
    places = [whole.put(each) for each in given]
    step = -1 if turned else 1
    found = whole.in_order(places[::step], SHAPE)
    channels = max([1, *(shape[1] for shape in shapes)])
    wanted = [np.empty((0, channels, 8, 8), kind)]
    wanted += [np.repeat(e, channels // e.shape[1], axis=1) for e in given[::step]]
    assert found.dtype == kind and np.array_equal(found, np.concatenate(wanted))
    assert found.flags.writeable  # torch warns of arrays that are not


def test_an_image_may_be_wanted_twice_and_another_not_at_all(folder):
    whole, given = Spool(folder, np.uint8), [images(GREY), images((1, 1, 8, 8))]
    first, _ = map(whole.put, given)
    assert np.array_equal(whole.in_order([first], SHAPE), given[0])
    assert np.array_equal(whole.in_order([first, first], SHAPE), np.concatenate([given[0]] * 2))


@pytest.mark.parametrize("rows", [[], [5], [4, 1, 1, 0]], ids=str)
def test_rows_are_those_of_an_index_in_brackets(folder, rows, monkeypatch):
    monkeypatch.setattr(spool, "BLOCK", 3)
    given, chosen = images((6, 3, 4, 4), np.uint16), np.array(rows, int)
    assert np.array_equal(spooled_rows(given, chosen, folder), given[chosen])


def test_no_name_is_in_the_folder_at_any_time(tmp_path):
    whole = Spool(tmp_path, np.uint8)
    place = whole.put(images(GREY))
    assert not list(tmp_path.iterdir())
    found = whole.in_order([place], SHAPE)
    del whole
    assert np.array_equal(found, images(GREY)) and not list(tmp_path.iterdir())


def test_a_full_disk_is_named(tmp_path, monkeypatch):
    class Full:
        def write(self, _):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    whole = Spool(tmp_path, np.uint8)
    monkeypatch.setattr(whole, "_file", Full())
    with pytest.raises(OSError, match="the disk is full.*make space"):
        whole.put(images(GREY))


def test_no_tensor_is_needed():
    code = "import sys, utils.data.storage.spool; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
