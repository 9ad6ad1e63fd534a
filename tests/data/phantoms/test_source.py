"""Drawn images are drawn alike each time; validation and test patients can be drawn apart."""

import numpy as np

from utils.data.phantoms.source import DrawnImages


def test_patients_drawn_apart_are_no_patients_of_the_training(few_patients):
    alone, gathered = (DrawnImages("brain_phantom", count).read(32) for count in (0, 20))
    parts, groups = gathered.parts, gathered.split.patients
    assert set(alone.parts) == {""} and set(parts) == {"", "validation", "test"}
    members = [set(groups[parts == part].tolist()) for part in ("", "validation", "test")]
    assert sum(map(len, members)) == len(set().union(*members)) == len(np.unique(groups))
    assert len(members[2]) == (parts == "test").sum() == 20
    assert (gathered.split.images[parts == ""] == alone.split.images).all()


def test_the_signature_is_that_of_the_code_that_draws():
    assert DrawnImages("brain_phantom").signature() == DrawnImages("chest_phantom").signature()
