"""Patients by name, and names that are placeholders."""

import numpy as np
import pytest
from folders import NONE_REFUSED, plain_facts, table_of

from utils.audit.checks.leakage import check_leakage
from utils.audit.checks.patients import check_patients, find_groups
from utils.audit.folder import ImageFolder
from utils.audit.patients.table import table_of_groups
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


def test_a_group_by_pixels_that_spans_classes_is_doubted_and_not_counted():
    drawn = draw("brain_phantom", 48, 60)
    facts = plain_facts(len(drawn)).assign(label=[drawn.class_names[n] for n in drawn.labels])
    folder = ImageFolder("x", facts, drawn.images, NONE_REFUSED, drawn.class_names)
    known, groups = find_groups(folder), folder.recovered.members
    first = np.flatnonzero(folder.are_sure & (folder.recovered.sizes[groups] > 1))[0]
    facts.loc[first, "label"] = next(n for n in drawn.class_names if n != facts.label[first])
    spanning = find_groups(folder)
    assert (spanning.patients, spanning.doubted) == (known.patients - 1, known.doubted + 1)
    assert spanning.images == known.images - (groups == groups[first]).sum()
    assert f"{spanning.doubted} more group" in check_patients(folder).measured
    assert not folder.are_sure[first]


def folder_with_names(patients):
    """X-rays whose file names hold a patient and a number."""
    drawn = draw("chest_phantom", 48, 100)
    facts = plain_facts(len(drawn))
    facts["file"] = [f"f/P{who}_{n}.png" for n, who in enumerate(patients(drawn))]
    facts["label"] = [drawn.class_names[label] for label in drawn.labels]
    return ImageFolder("x", facts, drawn.images, NONE_REFUSED, drawn.class_names)


def test_patients_are_proposed_from_names_that_the_images_confirm():
    folder = folder_with_names(lambda drawn: drawn.patients)
    found, table = check_patients(folder), table_of_groups(folder)
    assert found.severity == "note" and "not given: 100 groups" in found.measured
    assert folder.knows_patients and not folder.has_patients
    assert set(table["source"]) == {"name"} and table["patient"].nunique() == 100
    spanning = table.groupby("patient")["label"].transform("nunique") > 1
    assert (table["sure"] == np.where(spanning, "no", "yes")).all()


def test_names_that_group_unlike_images_are_reported_and_not_used():
    folder = folder_with_names(lambda d: np.random.default_rng(0).permutation(d.patients))
    found = check_patients(folder)
    assert found.severity == "skipped" and "would give 100 groups" in found.measured
    assert not folder.knows_patients and not len(table_of_groups(folder))


def test_a_patient_by_name_in_two_parts_is_leakage():
    folder = folder_with_names(lambda drawn: drawn.patients)
    folder.facts["part"] = np.where(np.arange(len(folder)) % 3 == 0, "test", "train")
    found = check_leakage(folder)
    assert found.severity == "alarm" and "100 patients proposed from file names" in found.measured
    assert (found.files["leaks.csv"]["kind"] == "patient").sum() == 100
