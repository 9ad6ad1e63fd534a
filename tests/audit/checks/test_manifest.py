"""A keyed manifest notices what has changed, and cannot be forged without the key."""

import hashlib
import hmac
import json

import pytest
from folders import picture, two_classes

from utils.audit import audit
from utils.audit.checks.manifest import FILE, LEAST_KEY, TITLE, file_codes, read_key
from utils.audit.folder import read_folder
from utils.course import __main__


@pytest.fixture
def audited(tmp_path, cache):
    """A folder that was audited with a key, and how to audit it again."""
    folder, keyfile = two_classes(tmp_path / "f"), tmp_path / "key"
    keyfile.write_bytes(bytes(range(32)))

    def again(key=keyfile):
        out = tmp_path / "report"
        return audit(str(folder), size=32, out=out, manifest=key)[TITLE]

    assert again().severity == "note" and (tmp_path / "report" / FILE).exists()
    return folder, again, tmp_path / "report" / FILE


def change(folder):
    picture(folder / "a" / "0.png", 77)


def swap(folder):
    first, second = folder / "a" / "0.png", folder / "b" / "1.png"
    one, other = first.read_bytes(), second.read_bytes()
    first.write_bytes(other)
    second.write_bytes(one)


def add(folder):
    picture(folder / "a" / "90.png", 90)


def remove(folder):
    (folder / "a" / "0.png").unlink()


def spoil(folder):
    (folder / "a" / "0.png").write_text("no image")


CHANGES = {
    change: ("alarm", "1 changed"),
    swap: ("alarm", "2 changed"),
    add: ("warning", "1 new"),
    remove: ("alarm", "1 missing"),
    spoil: ("alarm", "1 changed"),
}


@pytest.mark.parametrize("act", CHANGES, ids=lambda act: act.__name__)
def test_what_happened_to_the_files_is_found(act, audited):
    folder, again, _ = audited
    assert again().severity == "ok"
    act(folder)
    severity, words = CHANGES[act]
    found = again()
    assert found.severity == severity and words in found.measured


def test_a_manifest_that_was_changed_too_does_not_fit_the_key(audited):
    folder, again, place = audited
    change(folder)
    facts = json.loads(place.read_text())
    facts["files"]["a/0.png"] = hashlib.sha256((folder / "a/0.png").read_bytes()).hexdigest()
    place.write_text(json.dumps(facts))
    assert "does not fit the key" in again().measured


def test_another_key_does_not_fit(audited, tmp_path):
    (tmp_path / "other").write_bytes(bytes(32))
    assert audited[1](tmp_path / "other").severity == "alarm"


def test_a_code_is_that_of_the_standard_library(tmp_path, cache):
    folder = read_folder(str(two_classes(tmp_path / "f")), None, 32)
    codes, key = file_codes(folder, b"k" * 32), b"k" * 32
    content = (tmp_path / "f" / "a" / "0.png").read_bytes()
    assert codes["a/0.png"] == hmac.new(key, b"file " + content, "sha256").hexdigest()
    assert len(codes) == len(folder)


@pytest.mark.parametrize("content", [None, b"short"])
def test_a_key_that_is_none_says_how_to_make_one(content, tmp_path):
    if content:
        (tmp_path / "key").write_bytes(content)
    with pytest.raises(ValueError, match="make one: head -c 32"):
        read_key(tmp_path / "key")
    assert len(content or b"") < LEAST_KEY


def test_damaged_manifests_and_missing_folders_are_refused(audited):
    folder, again, place = audited
    place.write_text("[]")
    with pytest.raises(ValueError, match="is no manifest .*; delete it to begin anew"):
        again()
    with pytest.raises(ValueError, match="name a folder out"):
        audit(str(folder), size=32, manifest=place.parent.parent / "key")


def test_the_command_takes_the_key(audited, capsys):
    folder, _, place = audited
    arguments = ["audit", str(folder), "--out", str(place.parent), "--size", "32"]
    with pytest.raises(SystemExit):
        __main__.main([*arguments, "--manifest", str(place.parent.parent / "key")])
    assert "Manifest: All 6 files are as written down" in capsys.readouterr().out
