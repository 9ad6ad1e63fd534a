"""Patients proposed from file names, and what the images say to it."""

import numpy as np
import pytest

from utils.audit.patients.file_names import likeness, shared_parts
from utils.data.phantoms import draw

COUNT = range(60)
NAMES = {
    "a number and a visit": ([f"{n // 3:04d}_{n % 3}.png" for n in COUNT], "0004"),
    "a person and a germ": ([f"person{n // 3}_virus_{n}.jpeg" for n in COUNT], "person4"),
    "a smear and a place": ([f"smear{n // 3}_x{7 * n}_y{n}.jpg" for n in COUNT], "smear4"),
    "a word before the number": ([f"IM-{n // 3:04d}-{n % 3:04d}.jpeg" for n in COUNT], "IM-0004"),
    "no separator": ([f"p{n // 3}s{n % 3}.png" for n in COUNT], "p4"),
    "a folder of no meaning": ([f"a_1/b_{n // 3}_{n % 3}.png" for n in COUNT], "b_4"),
    "numbers of files": ([f"{n:05d}.png" for n in COUNT], ""),
    "a class and a number": ([f"Very_Mild_{n}.png" for n in COUNT], ""),
    "a year and a number": ([f"{2019 + n % 3}-{n}.png" for n in COUNT], ""),
    "few files": ([f"{n // 3}_{n % 3}.png" for n in range(12)], ""),
    "each name once": ([f"{n}_scan.png" for n in COUNT], ""),
}


@pytest.mark.parametrize("case", NAMES)
def test_the_part_of_a_name_that_groups_files_is_found(case):
    files, part = NAMES[case]
    found = shared_parts(files)
    assert len(found) == len(files) and found[min(13, len(files) - 1)] == part


def test_names_of_two_forms_are_cut_at_their_own_places():
    files = [f"IM-{n // 2}-{n % 2}.png" for n in COUNT]
    files += [f"NORMAL2-IM-{n // 2}-{n % 2}.png" for n in COUNT]
    found = shared_parts(files)
    assert found[10] == "IM-5" and found[70] == "NORMAL2-IM-5" and len(set(found)) == 60


@pytest.mark.parametrize("name", ["brain_phantom", "chest_phantom"])
def test_images_of_a_patient_are_alike_and_those_of_a_random_group_are_not(name):
    drawn = draw(name, 48, 100)
    facts = drawn.images.numpy(), drawn.labels.numpy()
    copies, true = np.arange(len(drawn)), drawn.groups.numpy()
    assert likeness(*facts, true, copies).low > 0.55
    mixed = np.random.default_rng(0).permutation(true)
    assert likeness(*facts, mixed, copies).low < 0.5


def test_copies_show_no_likeness():
    images = np.random.default_rng(0).integers(0, 256, (20, 1, 32, 32)).repeat(2, 0)
    pairs = np.repeat(np.arange(20), 2)
    assert np.isnan(likeness(images, np.zeros(40), pairs, pairs).value)
