"""A gap between groups is found where there is one, and chance alone raises no warning."""

from dataclasses import replace

import numpy as np
import pandas as pd

from utils.examine.sections.subgroups import ask_subgroups


def test_a_group_with_wrong_answers_is_warned_of(subject):
    wrong = ~subject.clean.right
    site = np.where(wrong | (np.arange(len(wrong)) % 4 == 0), "B", "A")
    flipped = subject.clean.probabilities.copy()
    flipped[site == "B"] = np.roll(flipped[site == "B"], 1, 1)
    found = replace(subject, columns=pd.DataFrame({"site": site}))
    found.__dict__["clean"] = replace(subject.clean, probabilities=flipped)
    section = ask_subgroups(found)
    assert section.severity == "warning" and "by site" in section.measured


def test_random_groups_are_no_warning(subject):
    rng = np.random.default_rng(0)
    columns = pd.DataFrame({f"coin {k}": rng.choice(["a", "b", "c"], 240) for k in range(6)})
    assert ask_subgroups(replace(subject, columns=columns)).severity == "ok"


def test_numbers_and_names_of_their_own_are_no_groups(subject):
    columns = pd.DataFrame({"number": np.arange(240).astype(str), "same": ["x"] * 240})
    assert ask_subgroups(replace(subject, columns=columns)).severity == "not applicable"
    assert ask_subgroups(subject).severity == "not applicable"
