"""A reading kit shows every picture, gives nothing away, and scores exactly what was written."""

import base64
import io
import json
import re

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import binomtest
from small import NAMES, small_split

from utils.course.reading_kit import (
    kit_of,
    one_per_patient,
    read_key,
    read_pictures,
    score_kit,
    write_kit,
)
from utils.course.tables import share_table
from utils.data.split import to_float, to_uint8
from utils.run import Run

PAIRS = 24
SPLIT = small_split(PAIRS)
CLEAN = to_float(SPLIT.images)
ATTACKED = to_float(SPLIT.images ^ 4)  # four grey levels, up or down
LABELS = SPLIT.labels.numpy()
KIT = {
    "clean": CLEAN,
    "attacked": ATTACKED,
    "labels": LABELS,
    "before": LABELS,
    "after": (LABELS + 1) % 3,
    "class_names": NAMES,
}
COLOUR = {name: KIT[name].expand(-1, 3, -1, -1) for name in ("clean", "attacked")}
PNG = re.compile(r"data:image/png;base64,([^\"]*)")


@pytest.fixture
def folder(tmp_path):
    write_kit(tmp_path / "kit", **KIT)
    return tmp_path / "kit"


def fill(folder, *lines, said=lambda pair: "", diagnoses=lambda pair: ("", "")):
    """Write the sheet anew, with an answer to every pair or with the lines given."""
    key = read_key(folder)
    lines = lines or [
        ",".join([key["kit"], str(pair["pair"]), *diagnoses(pair), said(pair)])
        for pair in key["pairs"]
    ]
    text = "\n".join(["kit,pair,diagnosis_A,diagnosis_B,tampered", *lines])
    (folder / "answers.csv").write_text(text, encoding="utf-8")


def the_truth(pair):
    return [str(pair["label"] + 1)] * 2


def the_other(pair):
    return "B" if pair["tampered"] == "A" else "A"


# The page


@pytest.mark.parametrize("kit", [KIT, KIT | COLOUR], ids=["grey", "colour"])
def test_the_page_shows_every_picture_without_loss(kit, tmp_path):
    write_kit(tmp_path, **kit)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    shown = [Image.open(io.BytesIO(base64.b64decode(text))) for text in PNG.findall(page)]
    assert len(shown) == 2 * PAIRS
    wanted = {
        name: to_uint8(kit[name]).permute(0, 2, 3, 1).squeeze(3).numpy()
        for name in ("clean", "attacked")
    }
    for number, pair in enumerate(read_key(tmp_path)["pairs"]):
        for side, picture in zip("AB", shown[2 * number :][:2], strict=True):
            name = "attacked" if side == pair["tampered"] else "clean"
            assert np.array_equal(np.array(picture), wanted[name][pair["image"]])
    assert read_pictures(tmp_path).shape == (PAIRS, 2, *kit["clean"].shape[1:])


def test_the_page_works_from_a_file_without_network_or_script(folder):
    page = (folder / "page.html").read_text(encoding="utf-8").lower()
    for word in (
        "<script",
        "http",
        "://",
        'src="/',
        "@import",
        "url(",
        "<link",
        "onload",
        "onclick",
    ):
        assert word not in page


def test_nothing_but_the_pixels_tells_the_two_pictures_apart(folder):
    page = (folder / "page.html").read_text(encoding="utf-8")
    pngs = [base64.b64decode(text) for text in PNG.findall(page)]
    assert len({len(png) for png in pngs}) == 1, "a change compresses badly"
    assert len({png[:33] for png in pngs}) == 1  # signature and header
    assert not any(Image.open(io.BytesIO(png)).info for png in pngs)
    blocks = re.findall(r"<section>.*?</section>", PNG.sub("", page), re.DOTALL)
    assert len(blocks) == PAIRS and len({re.sub(r"\d+", "#", block) for block in blocks}) == 1
    for word in ("attacked", "clean", "adversarial", "seed", "key"):
        assert word not in PNG.sub("", page)


def test_the_page_names_classes_as_text_not_as_code(tmp_path):
    write_kit(tmp_path, **KIT | {"class_names": ("<b>", "$kit", "a & b")}, title="<i>")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;" in page and "$kit" in page and "a &amp; b" in page and "<i>" not in page


def test_order_and_sides_are_shuffled(folder):
    pairs = read_key(folder)["pairs"]
    images = [pair["image"] for pair in pairs]
    assert sorted(images) == list(range(PAIRS)) != images
    assert {pair["tampered"] for pair in pairs} == {"A", "B"}


def test_same_seed_same_kit_and_another_seed_another(folder, tmp_path):
    write_kit(tmp_path / "same", **KIT)
    write_kit(tmp_path / "other", **KIT, seed=1)
    for name in ("page.html", "answers.csv", "key.json"):
        assert (tmp_path / "same" / name).read_bytes() == (folder / name).read_bytes()
        assert (tmp_path / "other" / name).read_bytes() != (folder / name).read_bytes()


def test_the_sides_of_one_kit_do_not_tell_those_of_another(folder, tmp_path):
    write_kit(tmp_path / "next", **KIT | {"attacked": to_float(SPLIT.images ^ 2)})
    first, second = (
        [p["tampered"] for p in read_key(f)["pairs"]] for f in (folder, tmp_path / "next")
    )
    assert first != second


def test_writing_says_how_often_the_model_is_wrong_on_these_pictures(tmp_path):
    said = write_kit(tmp_path, **KIT)
    assert said["pairs"] == said["model wrong on attacked"] == PAIRS
    assert said["model wrong on clean"] == 0


def test_nothing_but_the_three_files_is_left(folder):
    assert {path.name for path in folder.iterdir()} == {"page.html", "answers.csv", "key.json"}


def test_one_picture_of_each_patient():
    few = one_per_patient(SPLIT, 8, seed=3)
    assert len(few) == 8 == len(few.groups.unique())
    assert len(one_per_patient(SPLIT)) == len(SPLIT.groups.unique())


def test_whole_grey_levels_survive_the_way_to_pixels_and_back():
    levels = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(to_uint8(to_float(levels)), levels)


# Answers that somebody has begun


def test_a_begun_sheet_survives_the_same_kit_written_again(folder):
    fill(folder, said=the_other)
    before = (folder / "answers.csv").read_bytes()
    write_kit(folder, **KIT)
    assert (folder / "answers.csv").read_bytes() == before


def test_a_begun_sheet_moves_aside_with_its_kit_when_another_is_written(folder):
    old = read_key(folder)["kit"]
    fill(folder, said=the_other)
    write_kit(folder, **KIT, seed=1)
    assert not score_kit(folder).begun
    assert score_kit(folder.with_name(f"kit_{old}")).tampering["of"].item() == PAIRS


# Scores

HALF = {True: lambda pair: pair["tampered"], False: the_other}
SCORED = {
    "all right": (lambda pair: pair["tampered"], PAIRS, PAIRS),
    "all wrong": (the_other, 0, PAIRS),
    "half right": (lambda pair: HALF[pair["pair"] % 2 == 0](pair), PAIRS // 2, PAIRS),
    "undecided": (lambda pair: "?", 0, 0),
    "three answers": (lambda pair: pair["tampered"] if pair["pair"] < 4 else "", 3, 3),
}


@pytest.mark.parametrize("name", SCORED)
def test_finding_the_change_is_scored_as_scipy_scores_a_coin(name, folder):
    said, right, of = SCORED[name]
    fill(folder, said=said)
    row = score_kit(folder).tampering.iloc[0]
    assert (row["right"], row["of"]) == (right, of)
    if of:
        witness = binomtest(right, of, 0.5)
        interval = witness.proportion_ci(0.95, method="exact")
        assert row["p"] == witness.pvalue and (row["low"], row["high"]) == tuple(interval)
        assert row["value"] == right / of and row["chance"] == 0.5
    else:
        assert row[["value", "low", "high", "p"]].isna().all()


def test_intervals_in_closed_form_at_the_ends(folder):
    fill(folder, said=lambda pair: pair["tampered"])
    row = score_kit(folder).tampering.iloc[0]
    assert row["low"] == pytest.approx(0.025 ** (1 / PAIRS)) and row["high"] == 1
    assert row["p"] == pytest.approx(2 / 2**PAIRS)


def test_the_table_for_the_reader_shows_the_counts_the_interval_and_the_coin(folder):
    fill(folder, said=lambda pair: pair["tampered"] if pair["pair"] > 6 else the_other(pair))
    row = share_table(score_kit(folder).tampering).iloc[0]
    assert row["share (%)"] == "75.0 (53.3 to 90.2)"  # exact interval of 18 in 24
    assert (row["right"], row["of"], row["chance (%)"], row["p"]) == (18, 24, 50, "0.023")


def test_diagnoses_of_reader_and_model_are_scored_on_both_pictures(folder):
    fill(folder, diagnoses=the_truth)
    found = score_kit(folder).diagnoses["value"]
    for pictures, model in (("clean", 1), ("attacked", 0)):
        assert found[pictures, "reader"] == 1
        assert found[pictures, "model, all pictures"] == model
        assert found[pictures, "reader and model agree"] == model


def test_sides_are_turned_back_into_clean_and_attacked(folder):
    """Right about the original, and on the changed picture exactly what the model says."""

    def said(pair):
        after = (pair["label"] + 1) % 3 + 1
        right = pair["label"] + 1
        return map(str, (after, right) if pair["tampered"] == "A" else (right, after))

    fill(folder, diagnoses=said)
    found = score_kit(folder).diagnoses["value"]
    assert found["clean", "reader"] == 1 and found["attacked", "reader"] == 0
    assert found["attacked", "reader and model agree"] == 1


def test_only_what_was_decided_counts(folder):
    fill(folder, diagnoses=lambda pair: the_truth(pair) if pair["pair"] < 7 else ("?", ""))
    reading = score_kit(folder)
    assert (reading.diagnoses.loc["clean", "of"][["reader", "model, the same pictures"]] == 6).all()
    assert reading.diagnoses.loc[("clean", "model, all pictures"), "of"] == PAIRS
    counts = reading.counts
    assert (counts.sum(axis=1) == PAIRS).all()
    assert counts.loc["which is tampered"].tolist() == [0, 0, PAIRS]


def test_an_empty_sheet_is_no_reader_and_the_model_still_answers(folder):
    reading = score_kit(folder)
    assert not reading.begun and (reading.counts["empty"] == PAIRS).all()
    assert reading.diagnoses.loc[("attacked", "model, all pictures"), "of"] == PAIRS
    assert reading.diagnoses["value"].xs("reader", level="who").isna().all()


# Sheets as spreadsheets save them

TOLERATED = {
    "semicolons": lambda text: text.replace(",", ";"),
    "tabs": lambda text: text.replace(",", "\t"),
    "a mark at the beginning": lambda text: "\ufeff" + text,
    "blank lines": lambda text: text.replace("\n", "\n\n") + "\n,,,,\n  \n",
    "capitals and spaces": lambda text: text.upper().replace(",", " , "),
    "a hint on the separator": lambda text: "sep=;\n" + text.replace(",", ";"),
    "a hint that was kept as a row": lambda text: '"sep=,",,,,\n' + text,
    "another column": lambda text: text.replace("\n", ",remark\n"),
    "lines of Windows": lambda text: text.replace("\n", "\r\n"),
    "quotes": lambda text: re.sub(r"[^,\n]+", lambda cell: f'"{cell[0]}"', text),
    "another order": lambda text: "\n".join([*text.split("\n")[:1], *text.split("\n")[:0:-1]]),
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
@pytest.mark.parametrize("name", TOLERATED)
def test_the_same_answers_however_they_were_saved(name, encoding, folder):
    def diagnosed(pair):
        return NAMES[pair["label"]], str(pair["label"] + 1)

    fill(folder, said=lambda pair: pair["tampered"], diagnoses=diagnosed)
    wanted = score_kit(folder)
    sheet = folder / "answers.csv"
    text = TOLERATED[name](sheet.read_text(encoding="utf-8"))
    sheet.write_bytes(text.encode(encoding, errors="ignore"))
    assert score_kit(folder).rows.equals(wanted.rows)


def test_names_with_underscores_and_umlauts_are_understood(tmp_path):
    names = ("gesund", "früh_krank", "krank")
    write_kit(tmp_path, **KIT | {"class_names": names})
    fill(tmp_path, diagnoses=lambda pair: [names[pair["label"]].replace("_", " ").upper()] * 2)
    sheet = tmp_path / "answers.csv"
    sheet.write_bytes(sheet.read_text(encoding="utf-8").encode("cp1252"))
    assert score_kit(tmp_path).diagnoses["value"]["clean", "reader"] == 1


def test_where_classes_are_called_by_numbers_a_number_is_a_name(tmp_path):
    write_kit(tmp_path, **KIT | {"class_names": ("0", "1", "2")})
    fill(tmp_path, diagnoses=lambda pair: [str(pair["label"])] * 2)
    assert score_kit(tmp_path).diagnoses["value"]["clean", "reader"] == 1


def test_a_sheet_from_elsewhere_is_read(folder, tmp_path):
    fill(folder, said=the_other)
    (folder / "answers.csv").rename(tmp_path / "reader 1.csv")
    assert score_kit(folder, tmp_path / "reader 1.csv").begun


# What is refused, and what is said about it


def changed(**values):
    """A line of pair 2 with other cells."""

    def change(folder):
        kit = read_key(folder)["kit"]
        cells = {"kit": kit, "pair": "2", "a": "1", "b": "1", "tampered": "A"} | values
        lines = [f"{kit},{pair},,," for pair in range(1, PAIRS + 1)]
        lines[1] = ",".join(cells.values())
        fill(folder, *lines)

    return change


def lines_left(count):
    return lambda folder: fill(
        folder, *[f"{read_key(folder)['kit']},{pair},,," for pair in range(1, count + 1)]
    )


def rewritten(name, change):
    def rewrite(folder):
        path = folder / name
        path.write_bytes(change(path.read_bytes()))

    return rewrite


def with_another_side(raw):
    facts = json.loads(raw)
    facts["pairs"][0]["tampered"] = "A" if facts["pairs"][0]["tampered"] == "B" else "B"
    return json.dumps(facts).encode()


REFUSED = {
    "a side that is none": (changed(tampered="C"), r"line 3 \(pair 2\): tampered takes A, B"),
    "an unknown diagnosis": (changed(b="stripy"), r"diagnosis_B takes 1, 2, 3, dark.*'stripy'"),
    "a number too high": (changed(a="4"), r"diagnosis_A takes .*'4'"),
    "the sheet of another kit": (changed(kit="bcdfghjk"), "is of kit 'bcdfghjk', but the key"),
    "a line without its kit": (changed(kit=""), "line 3 is of kit ''"),
    "a pair that is none": (changed(pair="99"), "from 1 to 24, got '99'"),
    "a pair twice": (changed(pair="1"), "pair 1 is there twice"),
    "lines missing": (lines_left(22), "has 22 of 24 pairs; missing: 23, 24"),
    "no lines": (rewritten("answers.csv", lambda _: b""), "must begin with the columns kit"),
    "a column missing": (
        rewritten("answers.csv", lambda raw: raw.replace(b"tampered", b"said")),
        "must begin with the columns",
    ),
    "a workbook": (rewritten("answers.csv", lambda _: b"PK\x03\x04"), "save it as CSV"),
    "no sheet": (lambda folder: (folder / "answers.csv").unlink(), "no answer sheet"),
    "no key": (lambda folder: (folder / "key.json").unlink(), "no key.json.*Next"),
    "half a key": (rewritten("key.json", lambda raw: raw[:200]), "is damaged"),
    "a key of another form": (rewritten("key.json", lambda _: b"[1]"), "is damaged"),
    "a key that is no text": (rewritten("key.json", lambda _: b"\xff\x00"), "is damaged"),
    "a key with another truth": (rewritten("key.json", with_another_side), "was changed since"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_scored_is_refused_with_a_reason(name, folder):
    break_it, reason = REFUSED[name]
    break_it(folder)
    with pytest.raises((ValueError, FileNotFoundError), match=reason):
        score_kit(folder)


def with_the_page_of_another(folder):
    other = folder.with_name("other")
    write_kit(other, **KIT, seed=1)
    (other / "page.html").replace(folder / "page.html")


PAGES = {
    "no page": (lambda folder: (folder / "page.html").unlink(), "no page.html"),
    "half a page": (rewritten("page.html", lambda raw: raw[:5000]), "is damaged|not belong"),
    "a page without pictures": (rewritten("page.html", lambda _: b"<p>"), "is damaged"),
    "pictures broken": (
        rewritten("page.html", lambda raw: raw.replace(b"64,i", b"64,x")),
        "damaged",
    ),
    "another page": (with_the_page_of_another, "not belong"),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_that_is_not_the_one_of_the_key_is_refused(name, folder):
    break_it, reason = PAGES[name]
    break_it(folder)
    with pytest.raises((ValueError, FileNotFoundError), match=reason):
        read_pictures(folder)


UNWRITABLE = {
    "pictures between grey levels": ({"attacked": CLEAN + 0.3 / 255}, "as_grey_levels"),
    "pictures out of range": ({"attacked": CLEAN + 1}, "whole grey levels in"),
    "no number": ({"attacked": CLEAN * torch.nan}, "whole grey levels in"),
    "two channels": ({"clean": CLEAN.expand(-1, 2, -1, -1)}, r"1 or 3 channels.*24, 2"),
    "other sizes": ({"attacked": ATTACKED[:5]}, "they make no pairs"),
    "no pictures": ({"clean": CLEAN[:0]}, r"\(0, 1, 16, 16\)"),
    "an attack that did nothing": ({"attacked": CLEAN}, "changed nothing in image 0, 1"),
    "labels of others": ({"labels": LABELS[:3]}, "labels must be one class number for each of 24"),
    "probabilities for classes": ({"after": np.full(24, 0.5)}, "after must be one class number"),
    "an unknown class": ({"before": LABELS + 1}, "before must be from 0 to 2, got 1 to 3"),
    "names alike": ({"class_names": ("a_b", "a b", "c")}, "must differ"),
    "a name that means unsure": ({"class_names": ("?", "b", "c")}, "must differ"),
}


@pytest.mark.parametrize("name", UNWRITABLE)
def test_what_makes_no_kit_is_refused_before_anything_is_written(name, tmp_path):
    values, reason = UNWRITABLE[name]
    with pytest.raises(ValueError, match=reason):
        write_kit(tmp_path / "kit", **KIT | values)
    assert not (tmp_path / "kit").exists()


def test_a_run_without_a_kit_names_the_notebook_to_run(tmp_path, monkeypatch):
    monkeypatch.setattr("utils.run.ROOT", tmp_path)
    with pytest.raises(
        FileNotFoundError, match="run the notebook resnet_atk with DATASET = 'brain'"
    ):
        kit_of(Run("resnet_atk", "brain", 0, torch.device("cpu")))
