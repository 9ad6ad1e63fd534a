"""Data sets by name: recipes, splits, the store, and every refusal before training."""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from PIL import Image

from utils.data import loading, source
from utils.data.datasets import DATASETS
from utils.data.loading import load, manifest
from utils.data.phantoms import PHANTOMS
from utils.data.split import Splits


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Stores of these tests; nobody's real data."""
    monkeypatch.setattr(loading, "VARIABLES", tmp_path / "variables")
    monkeypatch.delenv("DATA_ROOT", raising=False)


def picture(path, seed: int, colour: bool = False):
    rng = np.random.default_rng(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (20, 20, 3) if colour else (20, 20)
    Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)).save(path)


def tree(root, names, each: int, colour: bool = False):
    for number, name in enumerate(names):
        for index in range(each):
            picture(root / name / f"{index:03d}.png", 1000 * number + index, colour)
    return root


def sizes(splits: Splits) -> tuple[int, ...]:
    return tuple(len(split) for _, split in splits.items())


def test_class_folders_are_dealt_80_10_10(tmp_path):
    root = tree(tmp_path / "own", ["cat", "dog"], 40)
    splits = load(f"folder:{root}", 16)
    assert sizes(splits) == (64, 8, 8) and splits.train.class_names == ("cat", "dog")
    assert splits.train.images.shape[1:] == (1, 16, 16)
    assert sizes(load(f"folder:{root}", 16, fractions=(0.7, 0.2, 0.1))) == (56, 16, 8)
    assert sizes(load(f"folder:{root}", 16, limit=5)) == (5, 5, 5)


@pytest.mark.parametrize("spelling", ["train valid test", "Training Validation Testing"])
def test_official_parts_are_kept_whatever_they_are_called(spelling, tmp_path):
    for seed, part in enumerate(spelling.split()):
        for label in ("a", "b"):
            for index in range(4 + seed):
                path = tmp_path / "own" / part / label / f"{index}.png"
                picture(path, 100 * seed + index + 50 * (label == "b"))
    assert sizes(load(f"folder:{tmp_path / 'own'}", 8)) == (8, 10, 12)


def test_a_missing_validation_set_is_drawn_from_the_training_images(tmp_path):
    for part, each in (("train", 45), ("test", 5)):
        tree(tmp_path / "own" / part, ["a", "b"], each)
    # the test images are copies of training images, so those are left out
    splits = load(f"folder:{tmp_path / 'own'}", 8)
    assert (
        sizes(splits) == (70, 10, 10)
        and manifest(f"folder:{tmp_path / 'own'}", 8)["withheld"] == 10
    )


def test_a_csv_table_names_patients_and_parts(tmp_path):
    rows = ["path,label,patient"]
    for index in range(60):
        picture(tmp_path / "images" / f"{index}.png", index)
        rows.append(f"images/{index}.png,{'ab'[index % 2]},{index // 4}")
    (tmp_path / "table.csv").write_text("\n".join(rows))
    name = f"folder:{tmp_path / 'table.csv'}"
    splits = load(name, 8)
    assert manifest(name, 8)["patients"] == "given"
    seen = [set(split.groups.tolist()) for _, split in splits.items()]
    assert sum(map(len, seen)) == len(set.union(*seen)) == 15


def test_a_csv_table_may_not_leave_its_folder_unless_it_says_so(tmp_path):
    for index in range(12):
        picture(tmp_path / "home" / f"{index}.png", index)
    picture(tmp_path / "outside.png", 99)
    os.symlink(tmp_path / "outside.png", tmp_path / "home" / "link.png")
    rows = [f"{index}.png,{'ab'[index % 2]}" for index in range(12)]
    rows += ["../outside.png,a", "link.png,a", f"{tmp_path / 'outside.png'},b"]
    (tmp_path / "home" / "table.csv").write_text("path,label\n" + "\n".join(rows))
    name = f"folder:{tmp_path / 'home' / 'table.csv'}"
    assert sum(sizes(load(name, 8))) == 13
    assert [reason for _, reason in manifest(name, 8)["quarantine"]] == [
        "leads out of its folder"
    ] * 2


def test_links_and_stray_images_are_listed_and_not_followed(tmp_path):
    root = tree(tmp_path / "own", ["a", "b"], 10)
    picture(tmp_path / "other" / "x.png", 500)
    picture(root / "stray.png", 501)
    (root / "README.md").write_text("a text beside the classes is no image")
    (root / "a" / "notes.txt").write_text("a text among the images is")
    os.symlink(tmp_path / "other", root / "a" / "more")
    os.symlink(root / "b", root / "a" / "again")
    os.symlink(tmp_path / "other" / "x.png", root / "b" / "x.png")
    load(f"folder:{root}", 8)
    assert manifest(f"folder:{root}", 8)["patients"].startswith("unknown")
    listed = {
        os.path.relpath(file, root): reason
        for file, reason in manifest(f"folder:{root}", 8)["quarantine"]
    }
    assert listed.pop("a/notes.txt").startswith("not an image")
    assert listed == {
        "stray.png": "in no class folder",
        "a/more": "link that leads out of its folder",
        "a/again": "link to a folder; not followed",
        "b/x.png": "link that leads out of its folder",
    }


def chest(root):
    names = [f"NORMAL/IM-{n:04d}-000{k}.jpeg" for n in range(20) for k in (1, 2)]
    names += [f"NORMAL/NORMAL2-IM-{n:04d}-0001.jpeg" for n in range(10)]
    for germ in ("bacteria", "virus"):
        names += [f"PNEUMONIA/person{n}_{germ}_{9 * n + k}.jpeg" for n in range(20) for k in (1, 2)]
    for seed, name in enumerate(names):
        picture(root / "chest_xray" / "train" / name, seed)
    late = ["NORMAL/IM-0901-0001", "PNEUMONIA/person901_virus_1", "PNEUMONIA/person1_bacteria_99"]
    for seed, name in enumerate(late):
        picture(root / "chest_xray" / "test" / f"{name}.jpeg", 900 + seed)
    picture(root / "chest_xray" / "val" / "PNEUMONIA" / "person77_bacteria_1.jpeg", 800)
    return root


def test_chest_x_rays_have_three_classes_and_patients_from_their_names(tmp_path):
    splits = load("chest_xray", 16, root=chest(tmp_path))
    assert splits.train.class_names == ("normal", "bacterial", "viral")
    assert splits.test.counts.tolist() == [1, 1, 1]
    # person 1 with bacteria is in the official test set; person 1 with a virus is somebody else
    assert manifest("chest_xray", 16)["withheld"] == 2
    assert sum(sizes(splits)) == 130 + 3 + 1 - 2
    seen = [set(split.groups.tolist()) for _, split in splits.items()]
    assert sum(map(len, seen)) == len(set.union(*seen)) == 30 + 40 + 3  # one joins the test set


def test_the_root_may_be_given_hold_the_set_or_come_from_the_environment(tmp_path, monkeypatch):
    root = chest(tmp_path)
    monkeypatch.setenv("DATA_ROOT", str(root))
    first = load("chest_xray", 16).train.images
    assert torch.equal(first, load("chest_xray", 16, root=root / "chest_xray").train.images)
    monkeypatch.delenv("DATA_ROOT")
    assert torch.equal(first, load("chest_xray", 16).train.images)  # the store alone is enough


def test_medmnist_files_are_read_without_the_package(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {}
    for part, count in (("train", 30), ("val", 6), ("test", 8)):
        arrays[f"{part}_images"] = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        arrays[f"{part}_labels"] = np.arange(count)[:, None] % 2
    np.savez(tmp_path / "pneumoniamnist.npz", **arrays)
    splits = load("pneumoniamnist", 28, root=tmp_path)
    assert sizes(splits) == (30, 6, 8) and splits.test.class_names == ("normal", "pneumonia")
    assert np.array_equal(splits.train.images[:, 0].numpy(), arrays["train_images"])
    assert load("pneumoniamnist", 14, root=tmp_path).train.images.shape[1:] == (1, 14, 14)


class Hostile:
    def __reduce__(self):
        return (open, ("executed", "w"))


def test_array_files_and_stores_with_code_in_them_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("pneumoniamnist.npz", train_images=np.array([Hostile()], dtype=object))
    with pytest.raises(ValueError, match="no MedMNIST file"):
        load("pneumoniamnist", root=tmp_path)
    name = f"folder:{tree(tmp_path / 'own', ['a', 'b'], 10)}"
    load(name, 8)
    (path,) = (tmp_path / "variables").glob("folder_own*/train_set.pt")
    torch.save({"images": Hostile()}, path)
    found = json.loads((path.parent / "manifest.json").read_text())
    found["files"]["train_set.pt"] = path.stat().st_size  # a careful attacker
    (path.parent / "manifest.json").write_text(json.dumps(found))
    with pytest.raises(ValueError, match="more than tensors"):
        load(name, 8)
    assert not (tmp_path / "executed").exists()


def test_a_store_is_reopened_and_built_anew_only_when_files_change(tmp_path, monkeypatch):
    root = tree(tmp_path / "own", ["a", "b"], 20)
    first = load(f"folder:{root}", 8)
    with monkeypatch.context() as patch:
        patch.setattr(source, "read_listing", lambda *_: pytest.fail("read again"))
        assert torch.equal(load(f"folder:{root}", 8).train.images, first.train.images)
    picture(root / "a" / "new.png", 77)
    assert sum(sizes(load(f"folder:{root}", 8))) == 41
    (root / "a" / "new.png").unlink()
    assert sizes(load(f"folder:{root}", 8)) == sizes(first)


def test_other_requests_go_to_other_folders(tmp_path):
    name = f"folder:{tree(tmp_path / 'own', ['a', 'b'], 20)}"
    requests = [{}, {"size": 12}, {"seed": 1}, {"fractions": (0.7, 0.2, 0.1)}]
    for request in requests:
        load(name, **{"size": 8, **request})
    folders = [path.name for path in (tmp_path / "variables").glob("folder_own*")]
    assert len(folders) == 4 and sum(folder.endswith("_8") for folder in folders) == 1


def test_an_unfinished_or_damaged_store_is_not_trusted(tmp_path):
    name = f"folder:{tree(tmp_path / 'own', ['a', 'b'], 20)}"
    whole = load(name, 8).train.images.clone()
    (folder,) = (tmp_path / "variables").glob("folder_own*")
    for hurt in ("manifest.json", "test_set.pt"):
        (folder / hurt).unlink()
        assert torch.equal(load(name, 8).train.images, whole)
    (folder / "train_set.pt").write_bytes((folder / "train_set.pt").read_bytes()[:-40])
    assert torch.equal(load(name, 8).train.images, whole)


SCRIPT = """
import sys, pathlib
from utils.data import loading
loading.VARIABLES = pathlib.Path(sys.argv[1])
loading.load(sys.argv[2], 8)
"""


def test_a_killed_process_and_three_at_once_leave_one_good_store(tmp_path):
    name = f"folder:{tree(tmp_path / 'own', ['a', 'b'], 60)}"
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "variables"), name]
    killed = subprocess.Popen(command)
    while not list((tmp_path / "variables").glob("*/.lock")) and killed.poll() is None:
        time.sleep(0.01)
    killed.kill()
    killed.wait()
    with ThreadPoolExecutor(3) as pool:
        splits = list(pool.map(lambda _: load(name, 8), range(3)))
    assert len({found.train.fingerprint for found in splits}) == 1
    assert sum(sizes(splits[0])) == 120


@pytest.mark.parametrize("name", PHANTOMS)
def test_phantoms_are_drawn_once_and_split_by_patient(name):
    splits = load(name, 32)
    assert splits.train.masks is not None and splits.train.class_names == PHANTOMS[name].class_names
    seen = [set(split.groups.tolist()) for _, split in splits.items()]
    assert sum(map(len, seen)) == len(set.union(*seen))
    started = time.time()
    load(name, 32)
    assert time.time() - started < 1


REFUSED = {
    "unknown name": ("alzheimers", {}, ValueError, "or give the path to a folder"),
    "no such folder": ("folder:/nowhere/at/all", {}, FileNotFoundError, "neither a folder"),
    "files not found": ("chest_xray", {}, FileNotFoundError, "download=True"),
    "files not in root": ("blood_cells", {"root": "."}, FileNotFoundError, "Chula"),
    "array file not found": ("bloodmnist", {}, FileNotFoundError, "bloodmnist.npz"),
    "no download": ("alzheimer_mri", {"download": True}, FileNotFoundError, "cannot be downloaded"),
    "wrong fractions": ("brain_phantom", {"fractions": (0.9, 0.2, 0.1)}, ValueError, "shares"),
    "no size": ("brain_phantom", {"size": 0}, ValueError, "at least 1 pixel"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_impossible_request_is_refused_with_the_next_step(case):
    name, options, error, message = REFUSED[case]
    with pytest.raises(error, match=message):
        load(name, **options)


def test_kaggle_sets_ask_for_kagglehub_where_it_is_absent(monkeypatch):
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    with pytest.raises(ImportError, match="pip install kagglehub"):
        load("chest_xray", download=True)


FOLDERS = {
    "one class": (["a/1.png", "a/2.png"], "only one class"),
    "empty": ([], "no class folders"),
    "too few": (["a/1.png", "a/2.png", *(f"b/{i}.png" for i in range(20))], "class 'a' .* 2 "),
    "class not tested": (
        [
            f"{p}/{c}/{i}.png"
            for p in ("train", "test")
            for c in "ab"
            for i in range(9)
            if (p, c) != ("test", "b")
        ],
        "class 'b' has no image for test",
    ),
}


@pytest.mark.parametrize("case", FOLDERS)
def test_a_folder_that_cannot_be_used_says_why(case, tmp_path):
    files, message = FOLDERS[case]
    (tmp_path / "own").mkdir()
    for seed, file in enumerate(files):
        picture(tmp_path / "own" / file, seed)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        load(f"folder:{tmp_path / 'own'}", 8)


def test_unknown_classes_and_unreadable_sets_are_named(tmp_path):
    picture(chest(tmp_path) / "chest_xray" / "train" / "COVID" / "1.png", 1)
    with pytest.raises(ValueError, match="unknown class 'covid'"):
        load("chest_xray", 16, root=tmp_path)
    for label in "ab":
        (tmp_path / "own" / label).mkdir(parents=True)
        (tmp_path / "own" / label / "1.jpg").write_text("no image")
    with pytest.raises(ValueError, match="none of 2 files could be read .*not an image"):
        load(f"folder:{tmp_path / 'own'}", 8)


def test_every_entry_says_what_it_shows_and_where_it_is_from():
    for name, facts in DATASETS.items():
        assert facts.shows and facts.source and facts.licence and len(facts.class_names) > 1, name


def slices(root, patients: int, synthetic: int, seed: int):
    """Patients of four similar pictures, black above and below; and some without a black edge."""
    rng = np.random.default_rng(seed)
    for number in range(patients + synthetic):
        coarse = rng.integers(60, 200, (6, 6)).astype(np.uint8)
        head = np.array(Image.fromarray(coarse).resize((48, 32), Image.Resampling.BICUBIC))
        for index in range(4 if number < patients else 1):
            image = np.zeros((48, 48), np.uint8)
            image[8:40] = np.clip(head + rng.normal(0, 4, head.shape), 0, 255)
            image[:4] = 0 if number < patients else 2
            root.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(root / f"{number:03d}_{index}.png")


@pytest.fixture
def lost_patients(tmp_path):
    """Real images in both official parts, as in the original; the last class has two patients."""
    for seed, name in enumerate(DATASETS["alzheimer_mri"].class_names):
        patients = 2 if name.startswith("Moderate") else 40
        slices(tmp_path / "alzheimer_mri" / "train" / name, patients, 30, seed)
        (tmp_path / "alzheimer_mri" / "test" / name).mkdir(parents=True)
        moved = tmp_path / "alzheimer_mri" / "train" / name / "000_0.png"
        moved.rename(tmp_path / "alzheimer_mri" / "test" / name / "000_0.png")
    return tmp_path


def test_lost_patients_are_found_and_synthetic_images_only_learned_from(lost_patients):
    splits = load("alzheimer_mri", 48, root=lost_patients)
    notes = manifest("alzheimer_mri", 48)
    assert notes["recovered"] == 122 and notes["recovered with 32 pictures"] == 0
    assert notes["synthetic"] == 120 and "pixels" in notes["patients"]
    made_up = DATASETS["alzheimer_mri"].synthetic
    assert not made_up(splits.test.images).any() and not made_up(splits.validation.images).any()
    assert int(made_up(splits.train.images).sum()) == 120 - notes["withheld"]
    patients = [set(split.groups.tolist()) for _, split in splits.items()]
    assert not patients[0] & patients[1] and not (patients[0] | patients[1]) & patients[2]
    # Two patients: one to ask about, one to learn from.
    assert splits.test.counts[3] == 4 and splits.validation.counts[3] == 0
    assert made_up(splits.train.images[splits.train.labels == 3]).sum() < splits.train.counts[3]
    assert sum(sizes(splits)) == 122 * 4 + 120 - notes["withheld"]


@pytest.mark.parametrize("part", ["validation", "test"])
def test_a_synthetic_copy_of_somebody_who_is_asked_about_is_left_out(lost_patients, part):
    tested = getattr(load("alzheimer_mri", 48, root=lost_patients), part)
    before = manifest("alzheimer_mri", 48)["withheld"]
    copy = tested.images[tested.labels == 0][0, 0].clone()
    copy[:2] = 3
    folder = lost_patients / "alzheimer_mri" / "train" / "Non_Demented"
    Image.fromarray(copy.numpy()).save(folder / "copy.png")
    load("alzheimer_mri", 48, root=lost_patients)
    assert manifest("alzheimer_mri", 48)["withheld"] == before + 1
