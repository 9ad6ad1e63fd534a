"""Tables as spreadsheets write them."""

import pandas as pd
import pytest

from utils.data.formats.table import proposed_from, read_table

PARTS = ("train", "test")
WRONG = {
    "no row": ("path,label\n", "a header and no row"),
    "no label": ("path,name\na,b\n", "lacks the column 'label'"),
    "a long split": ("path,label,split\na,b," + 5000 * "x" + "\n", "names the split 'xxx"),
    "a long header": ("path," + 5000 * "x" + "\na,b\n", "lacks the column"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_table_that_cannot_be_used_says_why_in_few_words(case, tmp_path):
    text, message = WRONG[case]
    (tmp_path / "table.csv").write_text(text)
    with pytest.raises(ValueError, match=message) as error:
        read_table(tmp_path / "table.csv", PARTS)
    assert len(str(error.value)) < 400


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_table_in_another_encoding_says_how_to_save_it(encoding, tmp_path):
    (tmp_path / "table.csv").write_text("path,label\nM\u00fcller.png,a\n", encoding=encoding)
    with pytest.raises(ValueError, match="cannot be read as a table: .*; save it as CSV UTF-8"):
        read_table(tmp_path / "table.csv", PARTS)


@pytest.mark.parametrize("end", ["", ",", ",more"])
def test_a_comma_at_the_end_of_each_row_shifts_nothing(end, tmp_path):
    (tmp_path / "table.csv").write_text(f"path,label\na.png,cat{end}\nb.png, dog {end}\n")
    table = read_table(tmp_path / "table.csv", PARTS)
    assert table["path"].tolist() == ["a.png", "b.png"] and table["label"].tolist() == [
        "cat",
        "dog",
    ]


@pytest.mark.parametrize(
    ("sources", "proposed"),
    [
        (["column", "DICOM"], ""),
        (["pixels"] * 2, "pixels"),
        (["pixels", "name"], "name and pixels"),
        (None, ""),
    ],
)
def test_patients_of_names_and_pixels_are_proposed(sources, proposed):
    table = pd.DataFrame({"path": ["a", "b"]} | ({"source": sources} if sources else {}))
    assert proposed_from(table) == proposed
