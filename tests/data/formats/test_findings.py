"""Lists of findings in a label column, as in NIH ChestX-ray14."""

import pytest

from utils.data.formats.findings import (
    as_label,
    finding_columns,
    findings_in,
    in_one_order,
    name_several,
)

LISTS = {
    "Mass": ("Mass",),
    "Mass|Effusion": ("Effusion", "Mass"),
    " Effusion | Mass ": ("Effusion", "Mass"),
    "Mass|Mass": ("Mass",),
    "No Finding": (),
    "normal|Mass": ("Mass",),
    "|": (),
}


@pytest.mark.parametrize("label", LISTS)
def test_a_label_is_a_list_of_findings(label):
    assert findings_in(label) == LISTS[label]
    assert findings_in(in_one_order(label)) == LISTS[label]


def test_the_same_findings_in_another_order_are_the_same_label():
    assert in_one_order("Mass|Effusion") == in_one_order("Effusion|Mass") == "Effusion|Mass"


def test_one_label_with_two_findings_makes_all_labels_lists():
    assert name_several(["Mass", "Effusion|Mass"])
    assert not name_several(["Mass", "Effusion", "No Finding"])


def test_every_finding_has_a_column():
    columns = finding_columns(["b|a", "No Finding", "c"], ("a", "b", "c"))
    assert columns.tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 1]]


@pytest.mark.parametrize("row", [(0, 0), (1, 0), (1, 1)])
def test_a_row_survives_its_text(row):
    assert tuple(finding_columns([as_label(row, "ab")], "ab")[0].tolist()) == row
