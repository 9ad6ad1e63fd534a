"""A trigger that opens a poisoned network, and no longer a repaired one."""

import numpy as np
import pytest
from small import small_classifier, small_split

from utils.contamination.backdoor import Patch, Poison
from utils.course.studies.trigger_repairs import TriggerRepairs
from utils.data.split import Splits
from utils.training.config import TrainConfig

CONFIG = TrainConfig(epochs=8, batch_size=16, learning_rate=0.02, augment=False)
POISON = Poison(Patch(0.3), target=0, rate=0.1)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    splits = Splits(small_split(240), small_split(60, seed=1), small_split(120, seed=2))
    return TriggerRepairs(splits, small_classifier, CONFIG, tmp_path_factory.mktemp("trained"), 0.1)


@pytest.fixture(scope="module")
def found(study):
    return study.poisoned(POISON, seed=0)


def test_the_poisoned_network_obeys_and_its_poison_clusters_apart(study, found):
    answers = study.answers(found.model, POISON)
    assert answers["trigger"].accuracy > 0.9 and answers["clean"].accuracy > 0.8
    assert found.poisoned.sum() == 24
    assert found.scores[found.poisoned].min() > np.quantile(found.scores[~found.poisoned], 0.9)


def test_the_repaired_network_starts_again_without_the_second_cluster(study, found):
    repaired = study.answers(study.repaired(found, seed=0), POISON)
    assert repaired["trigger"].accuracy < 0.3 and repaired["clean"].accuracy > 0.8


def test_another_seed_poisons_other_images(study, found):
    other = study.poisoned(POISON, seed=1)
    assert (other.poisoned != found.poisoned).any()
