"""Prepared splits on disk: whole, rebuilt if damaged, and never with code in them."""

import json
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from folders import class_folders, sizes
from forked import as_another_user, forked, only_for_reading, readable_folder
from small import small_split

from utils.data import loading
from utils.data.cache import taken_on_disk
from utils.data.loading import load


class Hostile:
    def __reduce__(self):
        return (open, ("executed", "w"))


def test_array_files_and_stores_with_code_in_them_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("pneumoniamnist.npz", train_images=np.array([Hostile()], dtype=object))
    with pytest.raises(ValueError, match="no MedMNIST file"):
        load("pneumoniamnist", root=tmp_path)
    name = f"folder:{class_folders(tmp_path / 'own', ['a', 'b'], 10)}"
    load(name, 8)
    (path,) = (tmp_path / "variables").glob("folder_own*/train_set.pt")
    torch.save({"images": Hostile()}, path)
    found = json.loads((path.parent / "manifest.json").read_text())
    found["files"]["train_set.pt"] = path.stat().st_size  # a careful attacker
    (path.parent / "manifest.json").write_text(json.dumps(found))
    with pytest.raises(ValueError, match="more than tensors"):
        load(name, 8)
    assert not (tmp_path / "executed").exists()


def test_an_unfinished_or_damaged_store_is_not_trusted(tmp_path):
    name = f"folder:{class_folders(tmp_path / 'own', ['a', 'b'], 20)}"
    whole = load(name, 8).train.images.clone()
    (folder,) = (tmp_path / "variables").glob("folder_own*")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700  # patients' pictures
    for hurt in ("manifest.json", "test_set.pt"):
        (folder / hurt).unlink()
        assert torch.equal(load(name, 8).train.images, whole)
    (folder / "train_set.pt").write_bytes((folder / "train_set.pt").read_bytes()[:-40])
    assert torch.equal(load(name, 8).train.images, whole)


def test_a_store_remembers_whether_patients_were_named(tmp_path):
    """Groups of copies look like patients, and are none."""
    folder = class_folders(tmp_path / "own", ["a", "b"], 20)
    files = sorted(folder.rglob("*.png"))
    rows = [(str(p.relative_to(folder)), p.parent.name, str(n // 2)) for n, p in enumerate(files)]
    columns = ["path", "label", "patient"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "named.csv", index=False)
    for name, known in ((folder, False), (folder / "named.csv", True)):
        for _ in ("read", "opened"):
            assert load(f"folder:{name}", 8).test.patients_known is known


@pytest.mark.parametrize("content", ["", "\0\0", "[3]", '{"request": {}}', '{"half": '])
def test_a_damaged_manifest_counts_as_none(tmp_path, content):
    name = f"folder:{class_folders(tmp_path / 'own', ['a', 'b'], 20)}"
    whole = load(name, 8).train.images.clone()
    (path,) = (tmp_path / "variables").glob("folder_own*/manifest.json")
    path.write_text(content)
    assert torch.equal(load(name, 8).train.images, whole)


@pytest.mark.parametrize("content", [{"pictures": 3}, torch.zeros(3)])
def test_a_store_of_something_else_is_named(tmp_path, content):
    name = f"folder:{class_folders(tmp_path / 'own', ['a', 'b'], 20)}"
    load(name, 8)
    (path,) = (tmp_path / "variables").glob("folder_own*/train_set.pt")
    torch.save(content, path)
    found = json.loads((path.parent / "manifest.json").read_text())
    found["files"][path.name] = path.stat().st_size
    (path.parent / "manifest.json").write_text(json.dumps(found))
    with pytest.raises(ValueError, match=r"train_set\.pt holds no split.*delete"):
        load(name, 8)


def test_prepared_data_are_read_where_nothing_can_be_written(monkeypatch):
    with readable_folder() as place:
        monkeypatch.setattr(loading, "VARIABLES", place / "variables")
        name = f"folder:{class_folders(place / 'own', ['a', 'b'], 20)}"
        whole = load(name, 8).train.images.clone()
        (lock,) = (place / "variables").glob("folder_own*/.lock")
        lock.unlink()
        only_for_reading(place)

        def read():
            assert torch.equal(load(name, 8).train.images, whole)

        assert as_another_user(read) == 0 and not lock.exists()


def test_a_killed_process_and_three_at_once_leave_one_good_store(tmp_path):
    name = f"folder:{class_folders(tmp_path / 'own', ['a', 'b'], 60)}"
    killed = forked(load, name, 8)
    while not list((tmp_path / "variables").glob("*/.lock")) and killed.is_alive():
        time.sleep(0.001)
    killed.kill()
    killed.join()
    with ThreadPoolExecutor(3) as pool:
        splits = list(pool.map(lambda _: load(name, 8), range(3)))
    assert len({found.train.content_hash() for found in splits}) == 1
    assert sum(sizes(splits[0])) == 120


def test_a_part_is_stored_with_the_same_bytes_as_if_it_had_been_copied_in_memory(tmp_path):
    split = replace(small_split(20), files=tuple("abcdefghijklmnopqrst"), frames=torch.arange(20))
    rows = np.array([7, 1, 12])
    torch.save(vars(split.take(rows)), tmp_path / "part.pt")
    wanted = (tmp_path / "part.pt").read_bytes()
    torch.save(vars(taken_on_disk(split, rows, tmp_path)), tmp_path / "part.pt")
    assert (tmp_path / "part.pt").read_bytes() == wanted
    assert [path.name for path in tmp_path.iterdir()] == ["part.pt"]


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux tells")
def test_the_images_of_a_part_lie_in_a_file_without_a_name_and_not_in_memory(tmp_path):
    split = taken_on_disk(small_split(20), np.arange(12), tmp_path)
    (line,) = (line for line in maps() if holds(line, split.images.data_ptr()))
    assert str(tmp_path) in line and line.endswith("(deleted)")
    kept = small_split(20).images.clone()  # a copy in memory is told from it
    assert not any(str(tmp_path) in line for line in maps() if holds(line, kept.data_ptr()))


def maps() -> list[str]:
    return Path("/proc/self/maps").read_text().splitlines()


def holds(line: str, address: int) -> bool:
    start, end = (int(number, 16) for number in line.split()[0].split("-"))
    return start <= address < end
