"""What is known of each data set, and how its classes and patients are found."""

import pytest
from folders import chest_xray, sizes

from utils import NAMES
from utils.data.datasets import DATASETS, facts_of
from utils.data.loading import load, manifest


def test_every_entry_says_what_it_shows_and_where_it_is_from():
    for name, facts in DATASETS.items():
        assert facts.shows and facts.source and facts.licence and len(facts.class_names) > 1, name


def test_chest_x_rays_have_three_classes_and_patients_from_their_names(tmp_path):
    splits = load("chest_xray", 16, root=chest_xray(tmp_path))
    assert splits.train.class_names == ("normal", "bacterial", "viral")
    assert splits.test.counts.tolist() == [1, 1, 1]
    # person 1 with bacteria is in the official test set; person 1 with a virus is another patient
    assert manifest("chest_xray", 16)["withheld"] == 2
    assert sum(sizes(splits)) == 130 + 3 + 1 - 2
    seen = [set(split.groups.tolist()) for _, split in splits.items()]
    assert sum(map(len, seen)) == len(set.union(*seen)) == 30 + 40 + 3  # one joins the test set


def test_the_names_are_those_of_the_catalogue_in_its_order():
    assert tuple(DATASETS) == NAMES


def test_a_path_has_the_facts_of_your_own_images(tmp_path):
    assert facts_of(str(tmp_path)).class_names is None


@pytest.mark.parametrize("name", DATASETS)
def test_an_entry_of_kaggle_is_a_data_set_or_a_competition(name):
    kaggle = DATASETS[name].kaggle
    assert kaggle is None or kaggle.split("/")[0] in ("datasets", "competitions")
