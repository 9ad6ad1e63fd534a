import pandas as pd
import pytest
from bs4 import BeautifulSoup

from utils.course.site.tables import tidy_table

MAP = "<table><tr><td></td><td><strong>Part I</strong></td><td></td></tr></table>"


def tidied(html):
    soup = BeautifulSoup(html, "html.parser")
    tidy_table(soup.table)
    return soup


def test_a_table_scrolls_in_its_own_box_without_its_own_style():
    soup = tidied('<table border="1"><tr style="text-align: right"><td>1</td></tr></table>')
    assert soup.table.parent["class"] == ["wide"] and soup.table.parent["tabindex"] == "0"
    assert "style" not in str(soup) and "border" not in str(soup)


def test_a_cell_knows_whether_its_words_fit_on_a_line():
    cells = "".join(f"<td>{'word ' * words}</td>" for words in (4, 7, 12))
    soup = tidied(f"<table><tr>{cells}</tr></table>")
    assert [cell["class"] for cell in soup("td")] == [["short"], [], ["long"]]


@pytest.mark.parametrize(("columns", "many"), [(6, False), (7, True)])
def test_a_table_of_many_columns_is_known(columns, many):
    table = tidied(f"<table><tr>{'<td>1</td>' * columns}</tr></table>").table
    assert ("many" in table.get("class", [])) is many


def test_names_of_columns_and_index_share_a_row():
    scores = pd.DataFrame({"clean": [1], "attacked": [0]}, index=pd.Index(["a"], name="model"))
    (row,) = tidied(scores.to_html()).thead("tr")
    assert [cell.get_text() for cell in row("th")] == ["model", "clean", "attacked"]


def test_two_rows_of_names_stay_two():
    columns = pd.MultiIndex.from_tuples([("clean", "low"), ("attacked", "low")])
    assert len(tidied(pd.DataFrame([[1, 2]], columns=columns).to_html()).thead("tr")) == 2


def test_a_row_of_one_bold_cell_heads_those_below():
    first, heading = tidied(MAP)("td")
    assert not first.get_text() and heading["colspan"] == "2"
