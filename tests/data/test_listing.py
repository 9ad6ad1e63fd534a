"""Which files a folder or a table lists, and which it refuses with a reason."""

import errno
import os
import subprocess

import pytest
from file_samples import GREY, RAMP, dicom, encoded
from folders import class_folders, noise_image, sizes

from utils.data.listing import class_folders as listed_folders
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
        ("path,label\n", "a header and no row"),
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


def test_rows_without_a_label_are_set_aside_and_make_no_class(tmp_path):
    rows = ["path,label"]
    for index in range(40):
        noise_image(tmp_path / f"{index}.png", index)
        rows.append(f"{index}.png,{('cat', 'dog', ' ', '')[index % 4]}")
    (tmp_path / "table.csv").write_text("\n".join(rows))
    name = str(tmp_path / "table.csv")
    assert load(name, 8).train.class_names == ("cat", "dog")
    assert [reason for _, reason in manifest(name, 8)["quarantine"]] == ["no label"] * 20


def test_a_name_that_no_file_can_have_is_one_row_set_aside(tmp_path):
    long, deep = f"{300 * 'x'}.png", "short/" * 800 + "x.png"
    rows = ["path,label", "a.png,cat", f"{long},dog", f"{deep},dog", "b,dog"]
    (tmp_path / "table.csv").write_text("\n".join(rows))
    found = table_files(tmp_path / "table.csv")
    assert [file.name for file in found.files] == ["a.png", "b"]
    reasons = ["a name of more than 255 bytes", "a path of more than 4095 bytes"]
    assert [reason for _, reason in found.refused] == reasons
    assert signature(tmp_path / "table.csv")


def test_a_path_too_long_for_this_system_does_not_stop_the_table(tmp_path, monkeypatch):
    """Some systems take fewer bytes than Linux does."""
    deep = "short/" * 600 + "x.png"
    (tmp_path / "table.csv").write_text(f"path,label\na.png,cat\n{deep},dog\n")
    stat = os.stat

    def short_only(path, *arguments, **options):
        if len(os.fsencode(path)) > 1024:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        return stat(path, *arguments, **options)

    monkeypatch.setattr(os, "stat", short_only)
    assert signature(tmp_path / "table.csv")


def test_a_table_of_test_images_alone_says_what_it_lacks(tmp_path):
    rows = ["path,label,split"]
    for index in range(40):
        noise_image(tmp_path / f"{index}.png", index)
        rows.append(f"{index}.png,{'ab'[index % 2]},test")
    (tmp_path / "table.csv").write_text("\n".join(rows))
    with pytest.raises(ValueError, match="all 40 images are for test, and none is for training"):
        load(str(tmp_path / "table.csv"), 8)


@pytest.mark.parametrize("only, part", [("test", "test"), ("train", ""), ("delivery", "")])
def test_a_test_set_alone_stays_one_and_a_wrapper_is_opened(tmp_path, only, part):
    for name in "ab":
        (tmp_path / "d" / only / name).mkdir(parents=True)
        (tmp_path / "d" / only / name / "x.png").touch()
    found = listed_folders(tmp_path / "d")
    assert found.labels == ("a", "b") and set(found.parts) == {part}


def test_a_thousand_nested_folders_are_gone_through(tmp_path):
    deep = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1100):  # a wrapper in a wrapper: too deep for one path in some calls
        os.mkdir("w", dir_fd=deep)
        inner = os.open("w", os.O_RDONLY, dir_fd=deep)
        os.close(deep)
        deep = inner
    os.close(deep)
    try:
        with pytest.raises(FileNotFoundError, match="no class folders"):
            listed_folders(tmp_path / "w")
    finally:  # Python's own removal recurses
        subprocess.run(["rm", "-r", tmp_path / "w"], check=True)


@pytest.mark.parametrize("place", ["", "extra/cat", "train"])
@pytest.mark.parametrize("name", ["IM0001", "x.gif", "x.webp", "x.png", "photo"])
def test_an_image_outside_the_classes_is_listed_whatever_its_name(name, place, tmp_path):
    content = {"IM0001": dicom(RAMP), "x.webp": encoded(GREY, "WEBP")}
    content = content.get(name, encoded(GREY, "GIF" if name == "x.gif" else "PNG"))
    root = class_folders(tmp_path / "own" / "train", ["a", "b"], 2).parent
    class_folders(root / "test", ["a", "b"], 2)
    path = root / place / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.with_name("notes.txt").write_text("no image")
    ((file, reason),) = listed_folders(root).refused
    assert file == str(path) and reason.startswith("in no")
