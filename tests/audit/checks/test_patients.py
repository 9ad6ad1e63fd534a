"""Patients by name, and names that are placeholders."""

import pytest
from folders import NONE_REFUSED, plain_facts, table_of

from utils.audit.checks.patients import check_patients
from utils.audit.folder import ImageFolder
from utils.audit.patient_table import table_of_groups
from utils.data.phantoms import draw


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


@pytest.mark.parametrize(("name", "shown"), [("chest_phantom", False), ("brain_phantom", True)])
def test_pixels_of_slices_show_patients_and_those_of_x_rays_do_not(name, shown):
    drawn = draw(name, 48, 60)
    folder = ImageFolder(name, plain_facts(len(drawn)), drawn.images, NONE_REFUSED, ("a", "b"))
    found, table = check_patients(folder), table_of_groups(folder)
    assert folder.knows_patients == shown and (len(table) > 0) == shown
    assert (found.severity == "skipped") != shown
    assert ("pixels do not show patients" in found.measured) != shown
