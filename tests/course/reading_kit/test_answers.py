"""A sheet is understood however it was saved, and nothing in it is guessed."""

import re

import pytest
from reading_samples import KIT, PAIRS, fill, rewritten, the_other
from small import NAMES

from utils.course.reading_kit.answers import choices, diagnoses_allowed, is_blank
from utils.course.reading_kit.kit import read_key, score_kit, write_kit

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
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_scored_is_refused_with_a_reason(name, folder):
    break_it, reason = REFUSED[name]
    break_it(folder)
    with pytest.raises((ValueError, FileNotFoundError), match=reason):
        score_kit(folder)


def test_class_names_and_numbers_may_be_written_in_any_spelling():
    allowed = diagnoses_allowed(("mild_case", "No-Finding"))
    assert allowed["mild case"] == allowed["1"] == "mild_case"
    assert allowed["no finding"] == "No-Finding" and allowed["?"] == "?" and allowed[""] == ""
    assert choices(("0", "1")) == {"0": "0", "1": "1"}


def test_a_sheet_is_blank_until_it_has_an_answer(folder):
    sheet = folder / "answers.csv"
    assert is_blank(sheet)
    fill(folder, said=lambda pair: "?" if pair["pair"] == 7 else "")
    assert not is_blank(sheet)
    sheet.write_bytes(b"unreadable")
    assert not is_blank(sheet)
