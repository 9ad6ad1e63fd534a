"""What both chapters about image scaling start from."""

import pytest
import torch
from small import small_split

from utils.course.studies import scaling_case
from utils.course.studies.scaling_case import ScalingCase
from utils.data.phantoms import draw
from utils.data.split import Splits

NAMES = {
    **{"DATASET": "chest_phantom", "DATA_ROOT": "", "LARGE_ROOT": "", "SEED": 0},
    **{"LARGE": 96, "SIZE": 32, "PATIENTS": 12, "PER_PATIENT": 1, "LIMIT": 8},
    **{"LIBRARY": "opencv", "KERNEL": "nearest"},
}


@pytest.fixture
def case(monkeypatch):
    parts = Splits(*(draw("chest_phantom", 32, 12, seed=10 + part) for part in range(3)))
    monkeypatch.setattr(scaling_case, "load", lambda *given: parts)
    return ScalingCase.open("trial", NAMES)


def test_two_sides_share_the_patients_and_each_class(case):
    own, test = set(case.own.patients), set(case.test.patients)
    assert not own & test and len(own | test) == 12 and len(test) == 9
    assert case.test.counts.tolist() == [3, 3, 3] and case.test.size == 96
    assert len(case.splits.train) == 8 and (case.splits.train.changed > 0).sum() == 4


def test_the_network_sees_what_the_pipeline_makes_and_obeys_the_hidden_label(case):
    hide = case.hide(pictures=case.test)
    files, wanted = hide(case.test), hide.hidden(case.test)
    small = case.shrunk(files)
    assert case.size == (32, 32) and (small.images.int() - wanted.images).abs().max() <= 1
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(32 * 32, 3))
    visible, hidden = case.predict(network, files), case.obeyed(network, files, hide, case.test)
    assert (visible.labels == case.test.labels.numpy()).all()
    assert (hidden.labels == wanted.labels.numpy()).all()
    assert (visible.probabilities == hidden.probabilities).all()


def test_options_reach_the_attack(case):
    other = case.hide(case.own, control=True)
    assert other.control and len(other.pictures) == 3
    with pytest.raises(TypeError):
        case.hide(small_split(), nothing=1)
