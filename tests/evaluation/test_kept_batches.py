"""An attack that is stopped resumes at its batch, with the same bits, and never with stale ones."""

from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import pytest
import torch
from small import small_network, small_split

from utils.attacks.apgd import WorstCase
from utils.attacks.pgd import PGD
from utils.backbones.classifier import build
from utils.evaluation.attack_suite import AttackSuite
from utils.evaluation.inference import predict
from utils.evaluation.kept_batches import in_full, kept_tensor

SPLIT, ATTACK = small_split(40), PGD(8 / 255, steps=2)


@dataclass
class Stopping:
    """The attack, which is interrupted when it has met so many batches."""

    attack: PGD
    batches: int = field(default=99, repr=False)
    met: list = field(default_factory=list, repr=False)

    def __call__(self, model, images, labels):
        if len(self.met) == self.batches:
            raise KeyboardInterrupt
        self.met.append(labels)
        return self.attack(model, images, labels)


def attacked(keep, attack=ATTACK, model=None, split=SPLIT, seed=0, **options):
    model = model or small_network()
    return predict(model, split, attack, batch_size=8, seed=seed, keep=keep, **options)


@pytest.mark.parametrize("batches", [0, 1, 4, 5])
def test_stopped_and_resumed_equals_never_stopped(tmp_path, monkeypatch, batches):
    monkeypatch.setattr("utils.evaluation.kept_batches.in_full", without_the_counter)
    alone = attacked(None).probabilities
    if batches < 5:
        with pytest.raises(KeyboardInterrupt):
            attacked(tmp_path, Stopping(ATTACK, batches))
    else:
        attacked(tmp_path, Stopping(ATTACK))
    assert len(list(tmp_path.iterdir())) == batches
    rest = Stopping(ATTACK)
    assert np.array_equal(attacked(tmp_path, rest).probabilities, alone)
    assert len(rest.met) == 5 - batches


def without_the_counter(value):
    """Beside its attack, `Stopping` holds what changes from batch to batch."""
    if isinstance(value, tuple):
        return in_full(tuple(v.attack if isinstance(v, Stopping) else v for v in value))
    return in_full(value)


CHANGES = {
    "attack": {"attack": replace(ATTACK, steps=3)},
    "weights": {"model": small_network(1)},
    "images": {"split": small_split(40, seed=1)},
    "labels": {"split": replace(SPLIT, labels=SPLIT.labels.flip(0))},
    "seed": {"seed": 1},
    "surrogate": {"seen_by_attacker": small_network(1)},
}


@pytest.mark.parametrize("what", CHANGES)
def test_with_another_setting_nothing_is_found(tmp_path, what):
    attacked(tmp_path)
    before = len(list(tmp_path.iterdir()))
    found = attacked(tmp_path, **CHANGES[what])
    assert len(list(tmp_path.iterdir())) == 2 * before
    assert np.array_equal(found.probabilities, attacked(None, **CHANGES[what]).probabilities)


@pytest.mark.parametrize("content", [b"", b"cut", None, torch.zeros(3)])
def test_a_damaged_batch_is_computed_anew(tmp_path, content):
    whole = attacked(tmp_path).probabilities
    for path in tmp_path.iterdir():
        if isinstance(content, torch.Tensor):
            torch.save(content, path)
        else:
            path.write_bytes(path.read_bytes()[:700] if content is None else content)
    assert np.array_equal(attacked(tmp_path).probabilities, whole)


def test_clean_images_and_digests_are_not_kept(tmp_path):
    predict(small_network(), SPLIT, keep=tmp_path)
    assert attacked(tmp_path, digest=True).seen == attacked(None, digest=True).seen
    assert not list(tmp_path.iterdir())


def test_a_whole_suite_resumes(tmp_path):
    suite, model = AttackSuite(ATTACK, restarts=2), small_network()
    alone, kept, again = (suite.predict(model, SPLIT, keep) for keep in (None, tmp_path, tmp_path))
    for condition, found in alone.items():
        assert np.array_equal(found.probabilities, kept[condition].probabilities)
        assert np.array_equal(found.probabilities, again[condition].probabilities)


@pytest.mark.parametrize(
    "name, size",
    [("resnet18_narrow", 32), ("efficientnet_lite0", 32), ("dinov2_tiny", 56), ("gru_rows", 32)],
)
def test_a_network_is_known_again_in_another_process(name, size):
    first, again, other = (in_full(build(name, 2, size, seed=seed)) for seed in (0, 0, 1))
    assert first == again != other and " at 0x" not in first


def test_what_a_value_computes_with_counts():
    """Where the text of a tensor or a function leaves out the numbers."""
    assert in_full(torch.zeros(5000)) != in_full(torch.cat([torch.zeros(4999), torch.ones(1)]))
    dropout, other = torch.nn.Dropout(0.1), torch.nn.Dropout(0.1)
    other.strength = 3
    assert in_full(dropout) != in_full(other)
    assert in_full(partial(max, 1)) == in_full(partial(max, 1)) != in_full(partial(max, 2))
    assert " at 0x" in in_full(lambda: SPLIT if dropout else other)


def test_a_chain_of_attacks_is_kept_although_its_class_has_no_defaults(tmp_path):
    chain = WorstCase((PGD(4 / 255, 2), PGD(4 / 255, 2, loss="margin")))
    model, split = small_network().eval(), small_split(12)
    first = predict(model, split, chain, keep=tmp_path)
    assert list(tmp_path.iterdir()) and in_full(WorstCase) == in_full(WorstCase)
    assert (predict(model, split, chain, keep=tmp_path).probabilities == first.probabilities).all()


def test_what_is_kept_is_found_again_whatever_the_caller_drew(tmp_path):
    images, labels = SPLIT.images, SPLIT.labels
    draw, never = partial(torch.rand, 3), None
    before = torch.get_rng_state()
    first = kept_tensor(tmp_path, images, labels, draw, 5, "drawn")
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(1)
    assert torch.equal(kept_tensor(tmp_path, images, labels, never, 5, "drawn"), first)
    for seed, what in ((6, "drawn"), (5, "other")):
        with pytest.raises(TypeError):
            kept_tensor(tmp_path, images, labels, never, seed, what)
