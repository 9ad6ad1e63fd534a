"""The audit: planted faults are found, a clean folder is left alone, and nothing stops it."""

import hashlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import utils.audit.folder
from utils.audit import CHECKS, audit, file_facts
from utils.audit.finding import (
    EXIT_CODES,
    NOT_AUDITED,
    SEVERITIES,
    Finding,
    count_of,
    exit_code,
    most_severe,
)
from utils.audit.folder import ImageFolder, read_folder
from utils.audit.page import BLIND
from utils.audit.planted_faults import Faults, flagged_files, plant_faults, score_findings
from utils.contamination.backdoor import Sinusoid
from utils.course import __main__
from utils.data import loading
from utils.data.image_files import Unreadable, read_file
from utils.data.patient_split import GatheredImages, split_dataset
from utils.data.phantoms import draw
from utils.folders import HOME

FACTS = ("unreadable", "wrong name", "copy in the test", "under two classes")


@pytest.fixture(scope="session")
def splits():
    drawn = draw("brain_phantom", 48, 120)
    return split_dataset(GatheredImages(drawn, np.full(len(drawn), ""), ""), (0.6, 0.1, 0.3), 0)[0]


@pytest.fixture(scope="session")
def audited(splits, tmp_path_factory):
    """A foul folder with its truth, its audit, and that of the clean control."""
    place, before = tmp_path_factory.mktemp("folders"), utils.audit.folder.CACHE
    utils.audit.folder.CACHE = place / "cache"
    foul = plant_faults(splits, place / "foul", Faults(noisy=0.05, poisoned=0.12))
    clean = plant_faults(splits, place / "clean", Faults.none())
    both = [
        audit(f"folder:{each.folder}", size=48, out=place / f"{each.folder.name} report")
        for each in (foul, clean)
    ]
    utils.audit.folder.CACHE = before
    return foul, *both


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(utils.audit.folder, "CACHE", tmp_path / "cache")
    return tmp_path / "cache"


def picture(path, seed=0, size=(40, 40), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    levels = np.random.default_rng(seed).integers(0, 256, size[::-1]).astype(np.uint8)
    Image.fromarray(levels).resize(size, Image.Resampling.BILINEAR).save(path, **options)
    return path


def two_classes(folder, each=3):
    for number in range(2 * each):
        picture(folder / "ab"[number % 2] / f"{number}.png", number)
    return folder


@pytest.mark.parametrize("fault", FACTS)
def test_facts_are_found_whole(fault, audited):
    foul, found, clean = audited
    row = score_findings(foul, found, clean).loc[fault]
    assert row["rightly"] == row["files"] > 0 and row["named in the clean folder"] == 0


@pytest.mark.parametrize(
    ("check", "least"),
    [
        ("Unreadable files", "warning"),
        ("Duplicates", "alarm"),
        ("Leakage between parts", "alarm"),
        ("Shortcuts", "warning"),
        ("Noise", "warning"),
        ("Marks and triggers", "alarm"),
    ],
)
def test_a_planted_fault_raises_its_check_and_a_clean_folder_does_not(check, least, audited):
    _, found, clean = audited
    assert SEVERITIES.index(found[check].severity) >= SEVERITIES.index(least)
    assert EXIT_CODES[clean[check].severity] == 0


@pytest.mark.parametrize(
    ("sure", "expected"), [(0.5, "note ok skipped"), (0.8, "warning"), (0.98, "alarm")]
)
def test_a_width_that_tells_the_class_is_as_grave_as_it_tells(sure, expected, cache):
    facts = said_of(200)
    told = np.random.default_rng(0).random(200) < sure
    facts["width"] = np.where(told == (facts["label"] == "a"), 64, 80)
    images = torch.randint(0, 256, (200, 1, 32, 32), generator=torch.Generator().manual_seed(0))
    found = CHECKS["Shortcuts"](ImageFolder("x", facts, images.byte(), NOBODY, ("a", "b")))
    assert found.severity in expected.split()


def marks_of(images):
    return CHECKS["Marks and triggers"](
        ImageFolder("x", said_of(len(images)), images.clamp(0, 255).byte(), NOBODY, ("a", "b"))
    )


def strangers():
    coin = torch.Generator().manual_seed(0)
    return 150 + 20 * torch.randn(400, 1, 64, 64, generator=coin).cumsum(-1).clamp(-3, 3)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("place", [(0, 0), (15, 41), (24, 56), (58, 58)])
def test_a_small_pattern_in_one_class_is_a_mark(place, sign, cache):
    images, grid = strangers(), torch.arange(6)
    checkers = 128 + 100 * sign * (-1.0) ** (grid[:, None] + grid)
    images[:100:2, :, place[0] : place[0] + 6, place[1] : place[1] + 6] = checkers
    found = marks_of(images)
    assert found.severity == "alarm" and sorted(found.flagged) == list(range(0, 100, 2))


@pytest.mark.parametrize("width", [6, 12])
def test_where_one_class_lies_at_the_edge_of_the_picture_there_is_no_mark(width, cache):
    images = strangers()
    images[:100:2, ..., :width] = torch.linspace(0, 150, width)
    assert marks_of(images).severity == "ok"


NOBODY = pd.DataFrame(columns=["file", "reason"])


def said_of(count):
    """Facts of files that say nothing."""
    facts = pd.DataFrame({"file": [f"{n}.png" for n in range(count)], "part": "", "patient": ""})
    facts["label"] = ["ab"[n % 2] for n in range(count)]
    same = {"bytes": 900, "width": 64, "height": 64, "bits": 8, "colour": "L", "format": "PNG"}
    return facts.assign(**same)


@pytest.mark.parametrize(("fault", "precise"), [("noise", 0.8), ("poison", 0.9)])
def test_who_is_accused_of_noise_or_a_patch_is_guilty(fault, precise, audited):
    row = score_findings(*audited).loc[fault]
    assert row["rightly"] >= 0.7 * row["files"] and row["rightly"] >= precise * row["named"]


def test_lonely_labels_are_wrong_more_often_than_by_chance(audited):
    foul, found, clean = audited
    row = score_findings(*audited).loc["label error"]
    assert row["rightly"] / row["named"] > 2 * row["files"] / len(found.delivery)
    assert EXIT_CODES[found["Suspicious labels"].severity] == 0  # a suspicion stops no pipeline


def test_the_exit_code_is_that_of_the_gravest_finding(audited):
    _, found, clean = audited
    assert (found.exit_code, clean.exit_code) == (2, 0)
    assert exit_code([]) == 0 and most_severe(["note", "skipped", "ok"]) == "note"
    assert [exit_code([Finding(severity, "")]) for severity in SEVERITIES] == [0, 0, 0, 1, 2, 3]
    with pytest.raises(ValueError, match="unknown"):
        Finding("fatal", "")


def test_nouns_agree_with_their_numbers():
    assert [count_of(n, "pair") for n in (0, 1, 1234)] == ["0 pairs", "1 pair", "1,234 pairs"]
    assert count_of(1, "image is", "images are") == "1 image is"


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ({"": (12, 12)}, "No class has fewer than 10 images."),
        ({"": (12, 9)}, "1 class has fewer than 10 images."),
        ({"train": (12, 12), "test": (10, 10)}, "No class has fewer than 10 images in any part."),
        ({"train": (12, 12), "test": (0, 9)}, "2 classes have fewer than 10 images in some part; "
         "1 class has none in some part."),
    ],
)  # fmt: skip
def test_few_images_are_told_by_class(counts, told):
    rows = [
        (part, "ab"[n]) for part, each in counts.items() for n in (0, 1) for _ in range(each[n])
    ]
    facts = pd.DataFrame(rows, columns=["part", "label"])
    images = torch.zeros(len(rows), 1, 32, 32, dtype=torch.uint8)
    found = CHECKS["Class balance"](ImageFolder("x", facts, images, NOBODY, ("a", "b")))
    assert found.measured.endswith(told)


@pytest.mark.parametrize("width", [20, 60, 200])
def test_a_terminal_cuts_nothing(width, audited):
    for finding in audited[1].findings:
        told = finding.explained(width)
        assert " ".join(told.split()) == f"{finding.severity} {finding.title}: {finding.measured}"
        assert max(map(len, told.splitlines())) <= max(40, width)


def test_page_and_readme_name_the_same_blind_spots(audited):
    assert BLIND in audited[1].page.read_text()
    assert BLIND.lower() in (HOME / "README.md").read_text(encoding="utf-8").lower()


def test_the_page_says_what_its_exit_code_means_in_the_words_of_the_terminal(audited):
    _, found, clean = audited
    for each, said in ((found, "2 (an alarm)"), (clean, "0 (nothing above a note)")):
        page = each.page.read_text()
        assert f"Exit code {said}" in page and f"Exit code   {said}" in each.summary()
        assert "`" not in page and "<code>detective</code>" in page
        assert all(f">{finding.severity}</span>" in page for finding in each.findings)


def test_faint_stripes_are_not_found_and_the_report_says_so(splits, tmp_path, cache):
    folder = plant_faults(
        splits, tmp_path / "f", Faults.none(poisoned=0.1, trigger=Sinusoid())
    ).folder
    finding = CHECKS["Marks and triggers"](read_folder(f"folder:{folder}", None, 48))
    assert finding.severity == "ok" and "not found by this check" in finding.meaning


def test_the_page_needs_no_network_and_the_facts_hold_no_picture(audited):
    _, found, _ = audited
    page = found.page.read_text()
    assert "<script" not in page and "http" not in page and 'src="data:image/png' in page
    assert "contains pictures" in page and all(title in page for title in CHECKS)
    facts = json.loads((found.page.parent / "findings.json").read_text())
    assert facts["exit code"] == 2 and facts["severity"] == "alarm"
    assert [finding["title"] for finding in facts["findings"]] == list(CHECKS)
    assert "base64" not in json.dumps(facts)
    accused = {one["title"]: set(one["flagged"]) for one in facts["findings"]}
    assert accused["Noise"] == flagged_files(found, "Noise")


def test_nothing_is_sent_and_nothing_in_the_folder_is_changed(tmp_path, cache, monkeypatch):
    folder = two_classes(tmp_path / "f")
    before = {path: path.read_bytes() for path in folder.rglob("*.png")}

    def refuse(*_):
        raise AssertionError("no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    audit(f"folder:{folder}", size=32, out=tmp_path / "report")
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


HOSTILE = {
    "empty": b"",
    "text": b"Dear colleague",
    "pickle": b"\x80\x04cos\nsystem\n(S'touch PWNED'\ntR.",
    "archive": b"PK\x03\x04" + bytes(200),
    "half": None,
    "bomb": None,
    "nan": None,
}


@pytest.fixture
def hostile(tmp_path):
    folder = two_classes(tmp_path / "<script>alert(1)</script>")
    whole = picture(tmp_path / "x.bmp").read_bytes()
    bomb = whole[:18] + struct.pack("<ii", 40_000, 40_000) + whole[26:]
    contents = HOSTILE | {"half": whole[: len(whole) // 2], "bomb": bomb}
    for name, content in contents.items():
        (folder / "a" / f"{name}.png").write_bytes(content or b"")
    Image.fromarray(np.full((8, 8), np.nan, np.float32)).save(folder / "a/nan.tif")
    (folder / "a/leads_out.png").symlink_to(tmp_path / "x.bmp")
    (folder / "a" / os.fsdecode(b"\xff<b>.png")).write_bytes(b"no picture")
    os.mkfifo(folder / "b/pipe.png")
    return folder


def test_hostile_files_are_set_aside_with_reasons_and_run_no_code(hostile, tmp_path, cache):
    found = audit(f"folder:{hostile}", size=32, out=tmp_path / "report")
    assert len(found.delivery) == 6 and found["Unreadable files"].severity == "alarm"
    reasons = dict(found["Unreadable files"].table.itertuples(index=False))
    assert len(reasons) == len(HOSTILE) + 4 and all(reasons.values())
    assert not list(tmp_path.rglob("PWNED")) and not os.path.exists("PWNED")
    page = found.page.read_text()
    assert "<script>alert" not in page and "<b>.png" not in page


def test_deep_files_of_dicom_tell_bits_and_patients(tmp_path, cache):
    pydicom = pytest.importorskip("pydicom")
    for number in range(6):
        path = tmp_path / "f" / "ab"[number % 2] / f"{number}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_dicom(pydicom, path, f"patient {number // 2}", number)
    facts = read_folder(f"folder:{tmp_path / 'f'}", None, 32)
    assert set(facts.facts["bits"]) == {12} and set(facts.facts["format"]) == {"DICOM"}
    assert facts.has_patients and facts.facts["patient"].nunique() == 3
    assert not facts.facts["patient"].str.contains("patient").any()  # only a digest


def test_sixteen_bits_of_colour_are_told(tmp_path, cache):
    two_classes(tmp_path / "f")
    deep = struct.pack(">IIBBBBB", 40, 40, 16, 2, 0, 0, 0)  # 16 bits, colour
    rows = (b"\0" + np.random.default_rng(0).bytes(6 * 40) for _ in range(40))
    chunks = ((b"IHDR", deep), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b""))
    written = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    (tmp_path / "f/a/deep.png").write_bytes(b"\x89PNG\r\n\x1a\n" + written)
    facts = read_folder(f"folder:{tmp_path / 'f'}", None, 32).facts.set_index("file")
    assert facts["bits"].to_dict() == {
        file: 16 if file.endswith("deep.png") else 8 for file in facts.index
    }


def test_a_crowd_of_like_images_is_told_in_few_pairs(cache, tmp_path):
    two_classes(tmp_path / "f", 30)
    for number in range(100):
        levels = np.full((40, 40), 90, np.uint8)
        levels[0, number % 40] += 1 + number // 40  # no two the same
        Image.fromarray(levels).save(tmp_path / "f" / "ab"[number % 2] / f"blank{number}.png")
    found = audit(f"folder:{tmp_path / 'f'}", size=40, out=tmp_path / "report")
    pairs = found["Duplicates"].table
    assert len(pairs) < 4 * 100  # of 4,950; there are two classes, and two sides of a pair
    blank = {str(file) for file in (tmp_path / "f").rglob("blank*.png")}
    assert blank == set(pairs["one"]) | set(pairs["other"])
    one, other = (pairs[side].map(lambda file: Path(file).parent.name) for side in pairs)
    assert (one != other).any()  # that they stand under two classes is told


def test_a_crowd_on_both_sides_is_counted_whole(cache, tmp_path):
    for number in range(500):
        picture(tmp_path / "f/train" / "ab"[number % 2] / f"{number}.png", number)
    for part, count in (("train", 30), ("test", 20)):
        for number in range(count):
            levels = np.full((40, 40), 90, np.uint8)
            levels[0 if part == "test" else 1, number] += 1
            path = tmp_path / "f" / part / "ab"[number % 2] / f"blank{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(levels).save(path)
    found = audit(f"folder:{tmp_path / 'f'}", size=40, out=tmp_path / "r")["Leakage between parts"]
    assert found.severity == "alarm" and found.measured.startswith("20 test images have a copy")


def test_few_training_images_have_no_siblings_to_ask_for(cache, tmp_path):
    for part in ("train", "test"):
        two_classes(tmp_path / "f" / part, 6)
    found = audit(f"folder:{tmp_path / 'f'}", size=32, out=tmp_path / "r")["Leakage between parts"]
    assert "not looked for" in found.measured and "nan" not in found.measured


@pytest.mark.parametrize(("share", "named"), [(0.9, False), (0.3, True)])
def test_a_name_for_most_images_is_a_placeholder(share, named, tmp_path, cache):
    names = ["anonymous" if n < share * 40 else f"p{n // 2}" for n in range(40)]
    found = table_of(tmp_path, [(f"{n}.png", "ab"[n % 2], names[n], "") for n in range(40)])
    assert found.delivery.has_patients == named


def test_a_copy_in_the_test_that_was_scaled_and_saved_is_named(cache, tmp_path):
    made = draw("chest_phantom", 64, 120)
    for part, patients in (("train", range(100)), ("test", range(100, 120))):
        for row in np.flatnonzero(np.isin(made.patients, patients)):
            path = tmp_path / "f" / part / made.class_names[made.labels[row]] / f"{row}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(made.images[row, 0].numpy()).save(path)
    clean = audit(f"folder:{tmp_path / 'f'}", out=tmp_path / "report")["Leakage between parts"]
    originals = sorted((tmp_path / "f/train").rglob("*.png"))[::60]
    copies = {
        tmp_path / "f/test" / file.parent.name / f"copy{file.stem}.jpg": file for file in originals
    }
    for copy, file in copies.items():
        copy.parent.mkdir(exist_ok=True)
        Image.open(file).resize((40, 40), Image.Resampling.BICUBIC).save(copy, quality=60)
    found = audit(f"folder:{tmp_path / 'f'}", out=tmp_path / "report")
    finding = found["Leakage between parts"]
    files = {Path(file) for file in found.delivery.files[list(finding.flagged)]}
    assert clean.severity == "ok" and not clean.flagged
    assert finding.severity == "alarm" and files == {*copies, *copies.values()}


def write_dicom(pydicom, path, patient, seed):
    meta = pydicom.dataset.FileMetaDataset()
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = pydicom.uid.SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    data = pydicom.dataset.Dataset()
    data.file_meta, data.PatientID = meta, patient
    data.Rows = data.Columns = 16
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
    levels = np.random.default_rng(seed).integers(0, 4096, (16, 16)).astype(np.uint16)
    data.PixelData = levels.tobytes()
    data.save_as(path, enforce_file_format=True)


def test_a_folder_without_classes_is_audited_and_says_what_was_not_asked(tmp_path, cache):
    for number in range(4):
        picture(tmp_path / "f" / f"{number}.png", number)
    found = audit(f"folder:{tmp_path / 'f'}", size=32, out=tmp_path / "report")
    assert len(found.delivery) == 4 and found["Class balance"].severity == "skipped"
    assert found["Shortcuts"].severity == "skipped" and found.exit_code == 0


def test_a_table_tells_patients_and_parts(tmp_path, cache):
    rows = []
    for number in range(8):
        picture(tmp_path / f"{number}.png", number)
        part = "train" if number < 4 else "test"
        rows.append((f"{number}.png", "ab"[number % 2], f"p{number % 4}", part))
    table = pd.DataFrame(rows, columns=["path", "label", "patient", "split"])
    table.to_csv(tmp_path / "table.csv", index=False)
    found = audit(f"folder:{tmp_path / 'table.csv'}", size=32, out=tmp_path / "report")
    assert "4 named patients lie in two" in found["Leakage between parts"].measured
    assert found["Leakage between parts"].severity == "alarm"


# Handed over: who belongs together


def written(split, folder):
    """The images of a split in class folders."""
    for row, label in enumerate(split.labels.tolist()):
        path = folder / split.class_names[label] / f"{row}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(split.images[row, 0].numpy()).save(path)
    return folder


def handed(found, size, monkeypatch, store):
    """The table, and what the course makes of it: the file of each image, by its part."""
    monkeypatch.setattr(loading, "VARIABLES", store)
    name = f"folder:{found.patients}"
    loaded = loading.load(name, size)
    files = {part: loading.files_of(name, split) for part, split in loaded.items()}
    return pd.read_csv(found.patients, dtype=str, keep_default_na=False), loaded, files


def test_the_course_splits_by_the_patients_that_an_audit_has_found(tmp_path, cache, monkeypatch):
    folder = written(draw("brain_phantom", 64, 60), tmp_path / "my images")
    broken = next(folder.iterdir()) / "broken.png"
    broken.write_bytes(b"no image")
    monkeypatch.chdir(tmp_path)  # named from here, the table is read from anywhere
    found = audit("folder:my images", out="my report")
    table, loaded, files = handed(found, 64, monkeypatch, tmp_path / "store")
    assert len(table) == len(found.delivery) == sum(len(split) for _, split in loaded.items())
    assert str(broken) not in set(table["path"]) and list(table) == ["path", "label", "patient"]
    assert list(table["label"]) == [Path(file).parent.name for file in table["path"]]
    owner = table.set_index("path")["patient"]
    owners = [set(owner[some]) for some in files.values()]
    assert sum(map(len, owners)) == owner.nunique() < len(table) / 2
    assert f"'DATASET=folder:{tmp_path}/my report/patients.csv'" in found.summary()
    assert f"{tmp_path}/my report/patients.csv" in found.page.read_text()


def test_a_test_set_stays_one_in_the_table(audited, monkeypatch, tmp_path):
    _, _, clean = audited
    table, loaded, files = handed(clean, 48, monkeypatch, tmp_path)
    assert set(table["split"]) == {"train", "validation", "test"}
    assert set(files["test"]) == set(table["path"][table["split"] == "test"])
    withheld = loading.manifest(f"folder:{clean.patients}", 48)["withheld"]
    assert len(table) == withheld + sum(len(split) for _, split in loaded.items())


def test_known_patients_are_handed_over_and_who_has_no_label_is_not(tmp_path, cache):
    rows = [(f"{n}.png", "ab"[n % 2] if n else "", f"p{n // 3}", "") for n in range(12)]
    table = pd.read_csv(table_of(tmp_path, rows).patients, dtype=str)
    assert list(table["patient"]) == [patient for _, _, patient, _ in rows[1:]]


def test_a_name_that_is_no_text_is_told_and_not_in_the_table(tmp_path, cache):
    folder = written(draw("brain_phantom", 64, 30), tmp_path / "f")
    odd = picture(folder / "tumour" / os.fsdecode(b"\xff.png"))
    found = audit(f"folder:{folder}", out=tmp_path / "r")
    assert str(odd) in set(found.delivery.files)
    assert len(pd.read_csv(found.patients)) == len(found.delivery) - 1
    assert "1 file whose name is no text" in found["Patients"].advice


def test_nobody_s_table_is_overwritten_and_an_old_one_of_ours_is(tmp_path, cache):
    rows = [(f"{n}.png", "ab"[n % 2], f"p{n // 3}", "") for n in range(12)]
    place = table_of(tmp_path, rows).patients
    first = place.read_text()
    assert table_of(tmp_path, rows[:9]).patients == place and place.read_text() != first
    mine = place.read_text().replace("p0", "me")
    place.write_text(mine)
    found = table_of(tmp_path, rows)
    assert found.patients is None and place.read_text() == mine
    assert "left alone" in found["Patients"].advice
    place.unlink()
    assert table_of(tmp_path, rows).patients == place
    assert table_of(tmp_path, [(*row[:2], "", "") for row in rows]).patients is None
    assert not place.exists()  # twelve images without names: it would say what nobody knows


def table_of(folder, rows, columns=("path", "label", "patient", "split")):
    """A table of pictures, each its own unless two rows name the same file."""
    for number, (name, *_) in enumerate(rows):
        if not (folder / name).exists():
            picture(folder / name, number)
    pd.DataFrame(rows, columns=columns).to_csv(folder / "table.csv", index=False)
    return audit(f"folder:{folder / 'table.csv'}", size=32, out=folder / "report")


def test_who_has_no_label_belongs_to_no_class(tmp_path, cache):
    rows = [(f"{n}.png", "ab"[n % 2], "", "") for n in range(60)]
    rows += [(f"bright{n}.png", "", "", "") for n in range(30)]
    for n in range(30):
        Image.new("L", (40, 40), 255 - n).save(tmp_path / f"bright{n}.png")
    (tmp_path / "bright0.png").write_bytes(picture(tmp_path / "0.png", 0).read_bytes())
    found = table_of(tmp_path, rows)
    assert "30 images have no label" in found["Class balance"].measured
    assert found["Shortcuts"].severity == "ok" and "60 images" in found["Shortcuts"].measured
    assert "No pair stands under two classes" in found["Duplicates"].measured


@pytest.mark.parametrize(
    ("names", "told", "severity"),
    [
        ([""] * 60, "Nobody wrote down who is who", "ok note skipped"),
        (["anonymous"] * 60, "Nobody wrote down who is who", "ok note skipped"),
        (["anonymous"] * 40 + [f"p{n}" for n in range(20)], "one name stands for 67%", "warning"),
        (["anonymous"] * 20 + [f"p{n}" for n in range(40)], "41 patients are named", "warning"),
        ([f"p{n // 2}" for n in range(60)], "30 patients are named", "ok note"),
    ],
)
def test_a_column_that_names_nobody_is_no_column_of_patients(
    names, told, severity, tmp_path, cache
):
    rows = [(f"{n}.png", "ab"[n // 2 % 2], name, "") for n, name in enumerate(names)]
    found = table_of(tmp_path, rows)["Patients"]
    assert told in found.measured and found.severity in severity.split()


def test_a_class_of_which_nothing_can_be_read_ends_no_audit(tmp_path, cache):
    for n in range(60):
        picture(tmp_path / "f/a" / f"{n}.png", n)
    (tmp_path / "f/b").mkdir()
    (tmp_path / "f/b/x.png").write_bytes(b"no image")
    found = audit(f"folder:{tmp_path / 'f'}", size=32, out=tmp_path / "r")
    assert found["Shortcuts"].severity == "skipped" and found["Class balance"].severity == "warning"


def test_a_link_to_a_folder_is_no_class(tmp_path, cache):
    folder = two_classes(tmp_path / "f")
    os.symlink(folder / "a", folder / "latest")
    found = audit(f"folder:{folder}", size=32, out=tmp_path / "r")["Class balance"]
    assert found.measured.startswith("2 classes")


@pytest.mark.parametrize("part", ["", "train"])
def test_an_empty_class_folder_is_told(part, tmp_path, cache):
    folder = two_classes(tmp_path / "f" / part)
    (folder / "c").mkdir()
    found = audit(f"folder:{tmp_path / 'f'}", size=32, out=tmp_path / "r")["Class balance"]
    assert found.severity == "warning" and "3 classes" in found.measured


def test_what_could_not_be_read_yesterday_is_read_today(tmp_path, cache, monkeypatch):
    folder = two_classes(tmp_path / "f")

    def locked(file, *others):
        if file.name == "0.png":
            raise Unreadable("Permission denied")
        return read_file(file, *others)

    with monkeypatch.context() as yesterday:
        yesterday.setattr(file_facts, "read_file", locked)
        assert len(read_folder(f"folder:{folder}", None, 32).refused) == 1
    assert not len(read_folder(f"folder:{folder}", None, 32).refused)


def test_a_header_broken_in_an_unknown_way_is_set_aside(tmp_path, cache, monkeypatch):
    def broken(content):
        raise KeyError("BytesLength")

    monkeypatch.setattr(file_facts, "_facts", broken)
    with pytest.raises(ValueError, match="KeyError"):
        read_folder(f"folder:{two_classes(tmp_path / 'f')}", None, 32)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is locked for root")
def test_a_locked_folder_is_set_aside(tmp_path, cache):
    folder = two_classes(tmp_path / "f")
    (folder / "a/locked").mkdir(mode=0)
    refused = read_folder(f"folder:{folder}", None, 32).refused
    assert list(refused["reason"]) == ["folder cannot be opened"]


def test_among_copies_the_others_are_not_odd(tmp_path, cache):
    images = draw("brain_phantom", 48, 30).images[:60]
    images = torch.cat([images, images[:1].repeat(80, 1, 1, 1)])
    made = ImageFolder("x", said_of(140), images, NOBODY, ("a", "b"))
    assert CHECKS["Odd images"](made).severity == "ok"


def test_labels_that_a_coin_gave_to_each_patient_accuse_nobody(cache):
    """Where neighbours cannot know the class the check says so, but for the share it allows."""
    heads = draw("brain_phantom", 32, 60)
    facts = said_of(len(heads)).assign(patient=heads.groups.numpy().astype(str))
    asked = []
    for seed in range(40):
        coin = np.random.default_rng(seed).integers(0, 2, int(heads.groups.max()) + 1)
        facts["label"] = np.array(["a", "b"])[coin[heads.groups.numpy()]]
        made = ImageFolder("x", facts.copy(), heads.images, NOBODY, ("a", "b"))
        asked.append(CHECKS["Suspicious labels"](made).severity != "skipped")
    assert sum(asked) <= 6  # of 40, where 1 in 21 is allowed: more by luck in 1 of 200 tries


def test_a_mark_that_siblings_share_is_none(cache):
    """The same head ten times, all in one class: it is one patient, and no trigger."""
    heads = draw("brain_phantom", 48, 60).images[::3]
    many = heads[:1].repeat(10, 1, 1, 1).int() + torch.randint(-2, 3, (10, 1, 48, 48))
    images = torch.cat([heads, many.clamp(0, 255).byte()])
    facts = said_of(len(images))
    facts.loc[len(heads) :, "label"] = "a"
    made = ImageFolder("x", facts, images, NOBODY, ("a", "b"))
    assert CHECKS["Marks and triggers"](made).severity == "ok"


# Interrupted, repeated, changed


def digest(report):
    files = [report / name for name in ("report.html", "findings.json")]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def test_a_second_audit_reads_only_what_has_changed(tmp_path, cache, monkeypatch):
    folder, read = two_classes(tmp_path / "f"), []
    learned = file_facts._learned
    monkeypatch.setattr(
        file_facts, "_learned", lambda f, size: (read.extend(f), learned(f, size))[1]
    )
    first = read_folder(f"folder:{folder}", None, 32)
    read_folder(f"folder:{folder}", None, 32)
    assert len(read) == 6
    picture(folder / "a/0.png", 99)
    os.utime(folder / "a/0.png", (1, 1))
    second = read_folder(f"folder:{folder}", None, 32)
    assert read[6:] == [folder / "a/0.png"]
    assert (first.images[1:] == second.images[1:]).all()
    assert (first.images[0] != second.images[0]).any()


def test_a_damaged_piece_is_read_anew(tmp_path, cache):
    folder = two_classes(tmp_path / "f")
    first = read_folder(f"folder:{folder}", None, 32)
    (piece,) = cache.rglob("*.pt")
    piece.write_bytes(piece.read_bytes()[:100])
    second = read_folder(f"folder:{folder}", None, 32)
    assert torch.equal(first.images, second.images) and first.facts.equals(second.facts)


def test_what_a_killed_audit_has_left_half_written_is_removed(tmp_path, cache):
    folder = two_classes(tmp_path / "f")
    read_folder(f"folder:{folder}", None, 32)
    (piece,) = cache.rglob("*.pt")
    old, young = (piece.with_name(f".{piece.name}.{pid}.part") for pid in (1, 2))
    for path in (old, young, piece.with_name("mine.part")):
        path.write_bytes(b"half")
    for path in (old, piece, piece.with_name("mine.part")):
        os.utime(path, (1, 1))
    read_folder(f"folder:{folder}", None, 32)
    assert {path.name for path in piece.parent.iterdir()} == {piece.name, young.name, "mine.part"}


KILLED = """
import sys, os, signal, pathlib
from utils.audit import audit, file_facts, folder
folder.CACHE, file_facts.PIECE = pathlib.Path(sys.argv[2]), 5
learned, pieces = file_facts._learned, []
def counted(*arguments):
    pieces.append(1)
    if len(pieces) == int(sys.argv[4]):
        os.kill(os.getpid(), signal.SIGKILL)
    return learned(*arguments)
file_facts._learned = counted
audit("folder:" + sys.argv[1], size=32, out=sys.argv[3])
print(len(pieces))
"""


def test_killed_and_started_again_ends_with_the_same_report(tmp_path):
    folder = two_classes(tmp_path / "f", 15)

    def start(cache, kill):
        command = [sys.executable, "-c", KILLED, folder, tmp_path / cache, tmp_path / f"{cache}_r"]
        return subprocess.run(
            [*map(str, command), str(kill)], cwd=HOME, capture_output=True, text=True, timeout=120,
            env={**os.environ, "PYTHONPATH": str(HOME), "OMP_NUM_THREADS": "1"},
        )  # fmt: skip

    assert start("killed", 4).returncode == -signal.SIGKILL
    again, never = start("killed", 0), start("never", 0)
    assert (again.stdout, never.stdout) == ("3\n", "6\n"), again.stderr
    assert digest(tmp_path / "killed_r") == digest(tmp_path / "never_r")


# The command line


def command(*arguments):
    """The exit code of the command, asked within this process."""
    with pytest.raises(SystemExit) as end:
        __main__.main(["audit", *map(str, arguments)])
    return end.value.code


def test_the_command_prints_a_summary_and_where_the_report_lies(tmp_path, cache, capsys):
    folder = two_classes(tmp_path / "f")
    asked = (f"folder:{folder}", "--out", tmp_path / "r", "--size", 32)
    assert command(*asked) == 0
    printed = capsys.readouterr().out
    assert str(tmp_path / "r/report.html") in printed and "Class balance" in printed
    (folder / "b/0.png").write_bytes((folder / "a/0.png").read_bytes())
    assert command(*asked) == 2


def test_a_crash_is_not_taken_for_warnings(tmp_path, cache, monkeypatch):
    monkeypatch.setitem(CHECKS, "broken", lambda made: 1 / 0)
    assert command(f"folder:{two_classes(tmp_path / 'f')}", "--out", tmp_path / "r") == NOT_AUDITED
    page = (tmp_path / "r/report.html").read_text()
    assert "ZeroDivisionError" in page and "Class balance" in page  # the others are told


def test_a_name_that_no_terminal_can_print_changes_no_exit_code(tmp_path):
    for name in ("\u0142", "\u0144"):
        picture(tmp_path / "f" / name / "0.png")
    asked = [sys.executable, "-m", "utils.course", "audit", f"folder:{tmp_path / 'f'}"]
    plain = {"PYTHONIOENCODING": "ascii", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(HOME)}
    ended = subprocess.run(
        [*asked, "--out", tmp_path / "r"], cwd=tmp_path, env={**os.environ, **plain},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert ended.returncode == 2 and "Exit code   2" in ended.stdout, ended.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["folder:/nowhere"], "neither a folder"),
        (["{}/one"], "did you mean folder:/"),
        (["folder:{}/one"], "only one class"),
        (["folder:{}/empty"], "no class folders"),
        (["folder:{}/broken"], "none of 2 files could be read"),
        (["brain_phantom"], "no image files of its own"),
        (["folder:{}/one", "--size", "2"], "size must be"),
        (["folder:{}/one", "--sise", "2"], "unrecognized"),
        (["folder:{}/none.csv"], "lists no file"),
        (["folder:{}/one", "--", "--jobs", "2"], "only run takes options"),
        (["folder:{}/latin.csv"], "latin.csv cannot be read as a table"),
        (["folder:{}/zero.csv"], "zero.csv names a file with a zero byte"),
        ([], "required"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_audited_ends_with_three_and_a_reason(
    arguments, told, tmp_path, cache, capsys
):
    picture(tmp_path / "one/a/0.png")
    (tmp_path / "empty").mkdir()
    (tmp_path / "none.csv").write_text("path,label\n")
    (tmp_path / "latin.csv").write_bytes(b"path,label\nM\xfcller.png,a\n")
    (tmp_path / "zero.csv").write_bytes(b"path,label\na\0.png,a\n")
    for name in "ab":
        (tmp_path / "broken" / name).mkdir(parents=True)
        (tmp_path / "broken" / name / "x.png").write_bytes(b"")
    assert command(*(argument.format(tmp_path) for argument in arguments)) == NOT_AUDITED
    said = capsys.readouterr().err
    assert told in said and "Traceback" not in said


def test_reports_are_ignored_by_git():
    ignored = subprocess.run(["git", "check-ignore", "assets/audit/x/report.html"], cwd=HOME)
    assert ignored.returncode == 0
