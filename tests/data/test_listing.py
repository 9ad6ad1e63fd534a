"""Which files a folder or a table lists, and which it refuses with a reason."""

import os

import pytest
from folders import class_folders, noise_image, sizes

from utils.data.listing import signature, table_files, unlabelled_files
from utils.data.loading import load, manifest


@pytest.mark.parametrize("spelling", ["train valid test", "Training Validation Testing"])
def test_official_parts_are_kept_whatever_they_are_called(spelling, tmp_path):
    for seed, part in enumerate(spelling.split()):
        for label in ("a", "b"):
            for index in range(4 + seed):
                path = tmp_path / "own" / part / label / f"{index}.png"
                noise_image(path, 100 * seed + index + 50 * (label == "b"))
    assert sizes(load(f"folder:{tmp_path / 'own'}", 8)) == (8, 10, 12)


def test_a_csv_table_may_not_leave_its_folder_unless_it_says_so(tmp_path):
    for index in range(12):
        noise_image(tmp_path / "home" / f"{index}.png", index)
    noise_image(tmp_path / "outside.png", 99)
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
    root = class_folders(tmp_path / "own", ["a", "b"], 10)
    noise_image(tmp_path / "other" / "x.png", 500)
    noise_image(root / "stray.png", 501)
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


def test_a_folder_without_its_classes_says_what_it_lacks(tmp_path):
    noise_image(tmp_path / "cervical_cancer/test/test/1.jpg", 0, colour=True)
    with pytest.raises(FileNotFoundError, match="no folders named Type_1, Type_2, Type_3"):
        load("cervical_cancer", 32, root=tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,name\n", "lacks the column 'label'"),
        ("path,label,split\na.png,a,exam\n", "names the split 'exam'; choose from train"),
        ("", "cannot be read as a table"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(text, message, tmp_path):
    (tmp_path / "table.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        table_files(tmp_path / "table.csv")


def test_an_image_without_a_patient_is_a_patient_of_its_own(tmp_path):
    (tmp_path / "table.csv").write_text("path,label,patient\na,x,p\nb,x,\nc,x,\nd,x,p\n")
    assert table_files(tmp_path / "table.csv").patients == ("p", "row 1", "row 2", "p")


def test_a_folder_without_classes_lists_its_images(tmp_path):
    for name in ("a.png", "deep/b.png", "test/c.png"):
        noise_image(tmp_path / "own" / name, 0)
    (tmp_path / "own" / "notes.txt").write_text("no image")
    found = unlabelled_files(tmp_path / "own")
    assert [path.name for path in found.files] == ["a.png", "b.png", "c.png"]
    assert found.parts == ("", "", "test") and set(found.labels) == {""}


def test_the_signature_follows_names_sizes_times_and_places(tmp_path):
    root = class_folders(tmp_path / "own", ["a", "b"], 2)
    seen = {signature(root)}
    assert signature(root) in seen
    noise_image(root / "a" / "new.png", 9)
    seen.add(signature(root))
    (root / "a" / "new.png").rename(root / "b" / "new.png")
    seen.add(signature(root))
    os.utime(root / "b" / "new.png", (1, 1))
    seen.add(signature(root))
    root.rename(tmp_path / "moved")
    seen.add(signature(tmp_path / "moved"))
    assert len(seen) == 5
