"""Data sets by name or path: splits, caches, and every refusal before training."""

import os
import subprocess
import time
from pathlib import Path

import pandas as pd
import pytest
import torch
from folders import HOME, chest_xray, class_folders, noise_image, sizes

from utils.data import prepare
from utils.data.duplicates import duplicates_across
from utils.data.formats.export import save_split
from utils.data.formats.reading import Reading
from utils.data.loading import load, manifest
from utils.data.phantoms import PHANTOMS, draw, fewest_patients
from utils.run import folder_of

ONE_LABEL = [name for name, phantom in PHANTOMS.items() if not phantom.has_findings]


def test_class_folders_are_split_80_10_10(tmp_path):
    root = class_folders(tmp_path / "own", ["cat", "dog"], 40)
    splits = load(f"folder:{root}", 16)
    assert sizes(splits) == (64, 8, 8) and splits.train.class_names == ("cat", "dog")
    assert splits.train.images.shape[1:] == (1, 16, 16)
    assert sizes(load(f"folder:{root}", 16, fractions=(0.7, 0.2, 0.1))) == (56, 16, 8)
    assert sizes(load(f"folder:{root}", 16, limit=5)) == (5, 5, 5)


def test_a_csv_table_names_patients_and_parts(tmp_path):
    rows = ["path,label,patient"]
    for index in range(60):
        noise_image(tmp_path / "images" / f"{index}.png", index)
        rows.append(f"images/{index}.png,{'ab'[index % 2]},{index // 4}")
    (tmp_path / "table.csv").write_text("\n".join(rows))
    name = f"folder:{tmp_path / 'table.csv'}"
    splits = load(name, 8)
    assert manifest(name, 8)["patients"] == "given"
    seen = [set(split.groups.tolist()) for _, split in splits.items()]
    assert sum(map(len, seen)) == len(set.union(*seen)) == 15


def test_the_root_may_be_given_hold_the_set_or_come_from_the_environment(tmp_path, monkeypatch):
    root = chest_xray(tmp_path)
    monkeypatch.setenv("DATA_ROOT", str(root))
    first = load("chest_xray", 16).train.images
    assert torch.equal(first, load("chest_xray", 16, root=root / "chest_xray").train.images)
    monkeypatch.delenv("DATA_ROOT")
    assert torch.equal(first, load("chest_xray", 16).train.images)  # the store alone is enough


def test_a_store_is_reopened_and_built_anew_only_when_files_change(tmp_path, monkeypatch):
    root = class_folders(tmp_path / "own", ["a", "b"], 20)
    first = load(f"folder:{root}", 8)
    with monkeypatch.context() as patch:
        patch.setattr(prepare, "read_listing", lambda *_: pytest.fail("read again"))
        assert torch.equal(load(f"folder:{root}", 8).train.images, first.train.images)
    noise_image(root / "a" / "new.png", 77)
    assert sum(sizes(load(f"folder:{root}", 8))) == 41
    (root / "a" / "new.png").unlink()
    assert sizes(load(f"folder:{root}", 8)) == sizes(first)


def test_only_their_owner_may_see_the_small_copies_of_images(tmp_path):
    root = class_folders(tmp_path / "own", ["a", "b"], 20)
    load(str(root), 8)
    (place,) = (tmp_path / "variables/files").iterdir()
    assert list(place.glob("*.npz")) and place.stat().st_mode & 0o777 == 0o700


def test_other_requests_go_to_other_folders(tmp_path):
    name = f"folder:{class_folders(tmp_path / 'own', ['a', 'b'], 20)}"
    requests = [{}, {"size": 12}, {"seed": 1}, {"fractions": (0.7, 0.2, 0.1)}]
    for request in requests:
        load(name, **{"size": 8, **request})
    folders = [path.name for path in (tmp_path / "variables").glob("folder_own*")]
    assert len(folders) == 4 and sum(folder.endswith("_8") for folder in folders) == 1


@pytest.mark.parametrize("name", PHANTOMS)
def test_phantoms_are_drawn_once_and_split_by_patient(name, few_patients):
    splits = load(name, 32, findings=True)
    assert splits.train.masks is not None and splits.train.class_names == PHANTOMS[name].class_names
    seen = [set(split.groups.tolist()) for _, split in splits.items()]
    assert sum(map(len, seen)) == len(set.union(*seen))
    started = time.time()
    load(name, 32, findings=True)
    assert time.time() - started < 1


@pytest.mark.parametrize("name", ONE_LABEL)
def test_drawn_test_patients_are_others_one_image_each_and_balanced(name, few_patients):
    splits, usual = load(name, 32, test_patients=60), draw(name, 32)
    assert torch.equal(splits.train.images, usual.images)
    assert len(splits.test) == 60 and len(splits.validation) == max(12, fewest_patients(name))
    for part in (splits.validation, splits.test):
        assert part.counts.max() - part.counts.min() <= 1
        assert len(set(part.patients)) == len(part)
    seen = [set(split.patients) for _, split in splits.items()]
    assert sum(map(len, seen)) == len(set.union(*seen))
    twins = duplicates_across(splits)
    assert (twins["split"] == twins["split of twin"]).all()
    assert manifest(name, 32, test_patients=60)["request"]["test_patients"] == 60


def test_drawn_test_patients_leave_real_data_and_the_usual_draw_as_they_are(tmp_path, few_patients):
    root = str(class_folders(tmp_path / "own", ["cat", "dog"], 40))
    first = load(root, 16)
    folders = list((tmp_path / "variables").iterdir())
    again = load(root, 16, test_patients=500)
    assert torch.equal(first.test.images, again.test.images)
    assert list((tmp_path / "variables").iterdir()) == folders
    assert len(load("brain_phantom", 32).all_images) == len(draw("brain_phantom", 32))


def test_drawn_test_patients_do_not_depend_on_shares_or_seed(few_patients):
    kept = load("chest_phantom", 32, fractions=(0.6, 0.2, 0.2), seed=3, test_patients=30)
    assert (
        kept.test.content_hash() == load("chest_phantom", 32, test_patients=30).test.content_hash()
    )


REFUSED = {
    "unknown name": ("alzheimers", {}, ValueError, "or give the path to a folder"),
    "no such folder": ("folder:/nowhere/at/all", {}, FileNotFoundError, "neither a folder"),
    "files not found": ("chest_xray", {}, FileNotFoundError, "download=True"),
    "files not in root": ("blood_cells", {"root": "."}, FileNotFoundError, "Chula"),
    "array file not found": ("bloodmnist", {}, FileNotFoundError, "bloodmnist.npz"),
    "no download": ("alzheimer_mri", {"download": True}, FileNotFoundError, "cannot be downloaded"),
    "wrong fractions": ("brain_phantom", {"fractions": (0.9, 0.2, 0.1)}, ValueError, "shares"),
    "few test patients": ("brain_phantom", {"test_patients": 5}, ValueError, "at least 12, 3 of"),
    "drawn in 8 bits": ("brain_phantom", {"reading": Reading(16)}, ValueError, "of your own"),
    "no size": ("brain_phantom", {"size": 0}, ValueError, "at least 1 pixel"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_impossible_request_is_refused_with_the_next_step(case):
    name, options, error, message = REFUSED[case]
    with pytest.raises(error, match=message):
        load(name, **options)


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
        noise_image(tmp_path / "own" / file, seed)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        load(f"folder:{tmp_path / 'own'}", 8)


def test_all_parts_are_read_in_colour_and_unlabelled_test_images_are_not(cervix_splits):
    assert cervix_splits.train.class_names == ("Type_1", "Type_2", "Type_3")
    assert cervix_splits.train.images.shape[1:] == (3, 32, 32)
    files = 30 * 4 + 30 + 30 * 4 // 10 + 1
    clashes = 3  # both copies under one class, and the one under the other
    assert len(cervix_splits.all_images) == files - clashes


SPELLINGS = ["own images", "./own images", "~/own images", "folder:own images", "{}/own images"]


@pytest.mark.parametrize("written", SPELLINGS)
def test_every_spelling_of_a_path_is_the_same_data_set(written, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    class_folders(tmp_path / "own images", ["a", "b"], 10)
    assert sizes(load(written.format(tmp_path), 8)) == (16, 2, 2)
    (folder,) = (tmp_path / "variables").glob("folder_own_images_*_8")
    load(f"{tmp_path}/own images", 8)
    assert [folder] == list((tmp_path / "variables").glob("*_8"))


def test_folders_of_one_name_have_caches_of_their_own(tmp_path):
    for number, place in enumerate(("first", "second")):
        class_folders(tmp_path / place / "own", ["a", "b"], 10 + number)
        assert sum(sizes(load(str(tmp_path / place / "own"), 8))) == 20 + 2 * number
    assert len(list((tmp_path / "variables").glob("folder_own_*_8"))) == 2


def test_a_split_knows_the_file_of_each_image(tmp_path, few_patients):
    root = class_folders(tmp_path / "own", ["a", "b"], 20)
    load(str(root), 8)
    splits = load(str(root), 8)  # from the cache
    files = splits.all_images.files
    assert sorted(files) == sorted(map(str, root.rglob("*.png")))
    names = [splits.train.class_names[label] for label in splits.all_images.labels]
    assert [os.path.basename(os.path.dirname(file)) for file in files] == names
    assert splits.test.take([1]).files == (splits.test.files[1],)
    assert load("brain_phantom", 32).test.files is None


def test_a_folder_that_moves_is_read_again(tmp_path, monkeypatch):
    for place in ("here", "there"):
        (tmp_path / place).mkdir()
    chest_xray(tmp_path / "here")
    assert (
        load("chest_xray", 16, tmp_path / "here").test.files[0].startswith(str(tmp_path / "here"))
    )
    (tmp_path / "here/chest_xray").rename(tmp_path / "there/chest_xray")
    moved = load("chest_xray", 16, tmp_path / "there")
    assert moved.test.files[0].startswith(str(tmp_path / "there"))


def test_records_of_a_path_are_ignored_by_git_and_differ_from_place_to_place(tmp_path, monkeypatch):
    names = set()
    for place in ("first", "second"):
        (tmp_path / place / "mine").mkdir(parents=True)
        monkeypatch.chdir(tmp_path / place)
        names |= {
            folder_of(name) for name in ("mine", "./mine", "folder:mine", os.path.abspath("mine"))
        }
    assert len(names) == 2
    records = [f"assets/{name}/resnet/seed_0/record.json" for name in names]
    ignored = subprocess.run(["git", "check-ignore", *records], cwd=HOME, capture_output=True)
    assert len(ignored.stdout.splitlines()) == 2


def nih_table(folder, count=90):
    """A table as that of NIH ChestX-ray14: three images per patient, findings in any order."""
    split = draw("chest_findings_phantom", 32, count)
    save_split(split, folder)
    table = pd.read_csv(folder / "labels.csv", dtype=str)
    turned = table["label"].str.split("|").str[::-1].str.join("|")
    table["label"] = table["label"].where(table.index % 2 == 0, turned)
    table.to_csv(folder / "labels.csv", index=False)
    return split, str(folder / "labels.csv")


def test_a_table_with_lists_of_findings_is_read_to_the_end(tmp_path):
    drawn, name = nih_table(tmp_path / "nih")
    splits = load(name, 32, findings=True)
    found = splits.all_images
    assert found.class_names == tuple(sorted(drawn.class_names)) and found.has_findings
    order = [drawn.class_names.index(each) for each in found.class_names]
    rows = [int(Path(file).stem) for file in found.files]
    assert sorted(rows) == list(range(len(drawn)))
    assert torch.equal(found.labels, drawn.labels[rows][:, order])
    assert torch.equal(found.images, drawn.images[rows])
    seen = [set(split.patients) for _, split in splits.items()]
    assert sum(map(len, seen)) == len(set.union(*seen)) == 90
    assert all(split.counts.min() > 0 for _, split in splits.items())
    assert manifest(name, 32)["counts"]["test"] == dict(
        zip(found.class_names, splits.test.counts.tolist(), strict=True)
    )


def test_findings_are_refused_where_one_label_is_needed(tmp_path):
    for name in (nih_table(tmp_path / "nih", 30)[1], "chest_findings_phantom"):
        with pytest.raises(ValueError, match="one label per image is needed here, and .* has sev"):
            load(name, 32)


def test_a_finding_that_too_few_patients_have_is_named(tmp_path):
    rows = ["path,label"]
    for index in range(40):
        noise_image(tmp_path / f"{index}.png", index)
        rows.append(f"{index}.png,{'mass|hernia' if index == 7 else 'mass'}")
    (tmp_path / "t.csv").write_text("\n".join(rows))
    with pytest.raises(ValueError, match="class 'hernia' has no image for validation"):
        load(str(tmp_path / "t.csv"), 8, findings=True)


@pytest.mark.parametrize("label", ["mass|mass", "mass|No Finding", "No Finding|normal"])
def test_a_table_with_fewer_than_two_findings_is_refused(label, tmp_path):
    noise_image(tmp_path / "1.png", 1)
    (tmp_path / "t.csv").write_text(f"path,label\n1.png,{label}\n")
    with pytest.raises(ValueError, match="only one class, ('mass'|no finding); a classifier"):
        load(str(tmp_path / "t.csv"), 8, findings=True)
