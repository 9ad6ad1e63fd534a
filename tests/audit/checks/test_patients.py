"""Patients by name, and names that are placeholders."""

import pytest
from folders import table_of


@pytest.mark.parametrize(("share", "named"), [(0.9, False), (0.3, True)])
def test_a_name_for_most_images_is_a_placeholder(share, named, tmp_path, cache):
    names = ["anonymous" if n < share * 40 else f"p{n // 2}" for n in range(40)]
    found = table_of(tmp_path, [(f"{n}.png", "ab"[n % 2], names[n], "") for n in range(40)])
    assert found.folder.has_patients == named


@pytest.mark.parametrize(
    ("names", "measured", "severity"),
    [
        ([""] * 60, "No patient names", "ok note skipped"),
        (["anonymous"] * 60, "No patient names", "ok note skipped"),
        (["anonymous"] * 40 + [f"p{n}" for n in range(20)], "name is given to 67%", "warning"),
        (["anonymous"] * 20 + [f"p{n}" for n in range(40)], "41 patients are named", "warning"),
        ([f"p{n // 2}" for n in range(60)], "30 patients are named", "ok note"),
    ],
)
def test_a_column_of_placeholders_names_no_patients(names, measured, severity, tmp_path, cache):
    rows = [(f"{n}.png", "ab"[n // 2 % 2], name, "") for n, name in enumerate(names)]
    found = table_of(tmp_path, rows)["Patients"]
    assert measured in found.measured and found.severity in severity.split()
