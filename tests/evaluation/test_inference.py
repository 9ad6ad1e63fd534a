"""Predictions are reproducible, leave no trace, and are the same with less work."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from small import small_network, small_split, trained_network

from utils.attacks.pgd import PGD
from utils.attacks.random_noise import RandomSigns
from utils.backbones.classifier import build
from utils.data.split import to_float
from utils.evaluation.inference import (
    attacked_images,
    attacked_split,
    features,
    features_and_logits,
    logits,
    predict,
    predict_all,
)

SPLIT = small_split(50, seed=4)
ATTACK = PGD(0.1, steps=5)


@pytest.fixture
def model():
    return trained_network()


def test_answers_are_those_of_the_model_in_evaluation_mode(model):
    with torch.no_grad():
        expected = model(to_float(SPLIT.images)).softmax(1).numpy()
    model.train()
    found = predict(model, SPLIT, batch_size=7)
    assert model.training
    assert np.allclose(found.probabilities, expected, atol=1e-6)
    assert np.array_equal(found.labels, SPLIT.labels) and found.class_names == SPLIT.class_names
    assert np.array_equal(found.groups, SPLIT.groups)


@pytest.mark.parametrize("classes", [1, 2, 6])
def test_other_outputs_than_one_per_class_are_refused(classes):
    with pytest.raises(ValueError, match=rf"answers in the shape \(50, {classes}\).* 3 names"):
        predict(small_network(classes=classes), SPLIT)


def test_logits_for_images_of_other_classes_may_be_looked_at():
    assert logits(small_network(classes=4), SPLIT).shape == (len(SPLIT), 4)


def test_the_seed_decides_and_what_ran_before_does_not(model):
    first = predict(model, SPLIT, ATTACK).probabilities
    torch.rand(5)
    assert np.array_equal(predict(model, SPLIT, ATTACK).probabilities, first)
    assert not np.array_equal(predict(model, SPLIT, ATTACK, seed=1).probabilities, first)


def test_the_callers_randomness_is_left_alone(model):
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    predict(model, SPLIT, ATTACK)
    attacked_images(model, SPLIT, ATTACK)
    assert torch.equal(torch.rand(2), expected)


def test_a_white_box_beats_a_transfer_from_another_network(model):
    other = small_network(9)
    white = predict(model, SPLIT, ATTACK).accuracy
    black = predict(model, SPLIT, ATTACK, seen_by_attacker=other).accuracy
    assert white < black <= predict(model, SPLIT).accuracy


def test_after_an_attack_only_its_survivors_are_attacked(model):
    weak = predict(model, SPLIT, replace(ATTACK, epsilon=0.03))
    both = predict(model, SPLIT, ATTACK, after=weak)
    fooled = ~weak.right
    assert 0 < fooled.sum() < len(SPLIT)
    assert np.array_equal(both.probabilities[fooled], weak.probabilities[fooled])
    assert (both.right <= weak.right).all()
    everybody = replace(weak, labels=(weak.probabilities.argmax(1) + 1) % 3)
    assert predict(model, SPLIT, ATTACK, after=everybody) is everybody


def test_what_is_shown_is_what_was_asked_about(model):
    shown = attacked_images(model, SPLIT, ATTACK)
    with torch.no_grad():
        answers = model(shown).softmax(1).numpy()
    assert np.allclose(answers, predict(model, SPLIT, ATTACK).probabilities, atol=1e-5)


def test_groups_default_to_single_images(model):
    alone = predict(model, replace(SPLIT, groups=None))
    assert len(np.unique(alone.groups)) == len(SPLIT)


def test_conditions_come_by_name(model):
    found = predict_all(model, SPLIT, {"clean": None, "noise": RandomSigns(0.1)})
    assert list(found) == ["clean", "noise"]
    assert found["clean"].accuracy == predict(model, SPLIT).accuracy


def test_an_attacked_split_is_what_was_shown_rounded_to_8_bits(model):
    shown, saved = attacked_images(model, SPLIT, ATTACK), attacked_split(model, SPLIT, ATTACK)
    assert saved.images.dtype == torch.uint8 and torch.equal(saved.labels, SPLIT.labels)
    assert (to_float(saved.images) - shown).abs().max() <= 0.5 / 255 + 1e-6
    change = (saved.images.int() - SPLIT.images.int()).abs()
    assert 0 < change.max() <= 0.1 * 255 + 0.5


def test_the_images_are_named_only_on_request(model):
    assert predict(model, SPLIT, ATTACK).seen == ()
    clean, again, attacked = (
        predict(model, SPLIT, attack, digest=True).seen for attack in (None, None, ATTACK)
    )
    assert len(clean) == 1 and clean == again != attacked
    first = predict(model, SPLIT, replace(ATTACK, epsilon=0.03), digest=True)
    both = predict(model, SPLIT, ATTACK, after=first, digest=True).seen
    assert len(both) == 1 and both[0].startswith(f"{first.seen[0]}+")


def test_features_and_logits_come_from_one_pass():
    model = build("gru_rows", 3, 16)
    inputs, outputs = features_and_logits(model, SPLIT, batch_size=7)
    assert np.array_equal(features(model, SPLIT, batch_size=7), inputs.numpy())
    assert torch.allclose(model.head(inputs), outputs, atol=1e-6)
    assert torch.allclose(logits(model, SPLIT), outputs, atol=1e-5)
    flipped = features_and_logits(model, SPLIT, lambda pixels: pixels.flip(2))[0]
    assert not torch.allclose(flipped, inputs)
