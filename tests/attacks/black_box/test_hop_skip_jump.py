"""The attack that sees only the predicted class: near the exact distance, within its queries."""

import numpy as np
import pytest
import torch
from small import Counted
from torch import nn
from witnesses import classifier_of_art, grey, linear, robust, size_of, some

from utils.attacks.black_box.hop_skip_jump import HopSkipJump
from utils.attacks.black_box.queries import BlackBox

CLASSES = pytest.mark.parametrize("classes", [2, 3, 4])


@pytest.mark.parametrize("queries", [16, 60, 300])
def test_hop_skip_jump_keeps_to_its_queries(queries, model, batch):
    box = BlackBox(model, *batch)
    with torch.no_grad():
        HopSkipJump(0, queries).search(box, batch[0])
    queried = box.queries[box.surviving]
    assert queried.max() <= queries and queried.min() >= min(queries - 35, 15)


@CLASSES
@pytest.mark.parametrize("norm, dual", [("l2", 2), ("linf", 1)])
def test_hop_skip_jump_comes_close_to_the_exact_distance(classes, norm, dual):
    model, gaps = linear(classes)
    exact = 1 / gaps.norm(p=dual, dim=1)
    images, labels = grey()
    with torch.no_grad():
        found = HopSkipJump(0, 3000, norm).closest(BlackBox(model, images, labels), images)
    distances = size_of(found - images, norm)
    assert (model(found).argmax(1) != labels).all()
    assert (distances >= exact.min() - 1e-6).all()
    assert distances.min() < 1.02 * exact.min() and distances.max() < 1.05 * exact.max()


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_hop_skip_jump_sees_nothing_but_the_class(norm, model, batch):
    def only_the_class(logits):
        return nn.functional.one_hot(logits.argmax(1), 3).float()

    attack = HopSkipJump(0.05 if norm == "linf" else 0.5, 300, norm)
    expected = attack(model, *batch)
    torch.manual_seed(0)
    assert torch.equal(attack(Counted(model, only_the_class), *batch), expected)


def test_hop_skip_jump_finds_no_less_than_art(model):
    evasion = pytest.importorskip("art.attacks.evasion")
    images, labels = some(24)
    wrapped = Counted(model)
    theirs = evasion.HopSkipJump(
        classifier_of_art(wrapped, images), norm=np.inf, max_iter=2, verbose=False
    )
    attacked = torch.from_numpy(theirs.generate(images.numpy(), labels.numpy()))
    queries, far = wrapped.seen // len(images), size_of(attacked - images)
    for epsilon in (0.02, 0.05, 0.1):
        broken = (model(attacked).argmax(1) != labels) & (far <= epsilon + 1e-6)
        ours = robust(HopSkipJump(epsilon, queries), model, images, labels)
        assert ours <= 1 - float(broken.float().mean()) + 0.01


@pytest.mark.parametrize("name", ["epsilon", "queries", "probes", "norm"])
def test_a_wrong_setting_is_refused_when_made(name):
    with pytest.raises(ValueError, match=name):
        HopSkipJump(**{name: -1})
