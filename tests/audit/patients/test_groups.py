"""Where the patients of a folder are from, and what may be said of them."""

import pytest
from folders import NONE_REFUSED, plain_facts

from utils.audit.folder import ImageFolder
from utils.data.phantoms import draw


def folder_of(patients, patients_from="", form="PNG"):
    images = draw("chest_phantom", 32, 30).images[: len(patients)]
    facts = plain_facts(len(patients)).assign(patient=patients, format=form)
    return ImageFolder("x", facts, images, NONE_REFUSED, ("a", "b"), patients_from)


@pytest.mark.parametrize(
    ("patients_from", "form", "source", "proposed"),
    [
        ("column", "PNG", "column", False),
        ("column", "DICOM", "column", False),
        ("", "DICOM", "DICOM", False),
        ("", "TIFF", "file", False),
        ("pixels", "PNG", "pixels", True),
        ("name and pixels", "PNG", "name and pixels", True),
    ],
)
def test_a_folder_knows_where_its_patients_are_from(patients_from, form, source, proposed):
    folder = folder_of(["a", "a", "b", "c"], patients_from, form)
    assert set(folder.patient_sources) == {source} and folder.are_proposed == proposed
    assert folder.knows_patients
    assert ("proposed" in folder.group_description) == proposed


def test_without_names_few_images_know_no_patients():
    folder = folder_of([""] * 4)
    assert not folder.knows_patients and "unknown" in folder.group_description
    assert set(folder.patient_sources) == {"pixels"} and not len(folder.patient_names)


def test_a_group_that_is_far_larger_than_the_rest_is_doubted():
    names = ["large"] * 25 + [f"p{number // 2}" for number in range(30)]
    folder = folder_of(names, "column")
    assert folder.are_sure.tolist() == [False] * 25 + [True] * 30
    proposed = folder_of(names, "name")  # and here each pair is of two classes
    assert not proposed.are_sure.any()
