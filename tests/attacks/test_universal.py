"""One change for all images."""

import torch
from small import small_split, trained_network

from utils.attacks.pgd import PGD
from utils.attacks.random_noise import RandomSigns
from utils.attacks.universal import fit_universal
from utils.data.split import to_float
from utils.evaluation.predict import logits, predict

MODEL, KNOWN, UNSEEN = trained_network(), small_split(96, seed=5), small_split(96, seed=6)


def test_one_change_for_all_images_within_epsilon():
    attack = fit_universal(MODEL, KNOWN, 0.1)
    images = torch.full((4, 1, 16, 16), 0.5)
    change = attack(MODEL, images, torch.zeros(4)) - images
    assert (change == change[:1]).all() and change.abs().max() <= 0.1 + 1e-6 and change.any()
    assert (attack(MODEL, images + 0.49, torch.zeros(4)) <= 1).all()


def test_hurts_on_images_it_was_not_made_from_and_noise_does_not():
    found = predict(MODEL, UNSEEN, fit_universal(MODEL, KNOWN, 0.1)).accuracy
    assert found < predict(MODEL, UNSEEN, RandomSigns(0.1)).accuracy - 0.2


def test_the_same_seed_makes_the_same_change_and_leaves_the_generators():
    state = torch.random.get_rng_state()
    one, two = (fit_universal(MODEL, KNOWN, 0.05, seed=1) for _ in range(2))
    assert torch.equal(one.pattern, two.pattern)
    assert torch.equal(state, torch.random.get_rng_state())
    assert all(weight.grad is None for weight in MODEL.parameters())


def test_logits_are_what_predict_makes_probabilities_of():
    found = predict(MODEL, UNSEEN, PGD(0.02))
    again = logits(MODEL, UNSEEN, PGD(0.02)).softmax(1).numpy()
    assert (found.probabilities == again).all()
    assert torch.equal(logits(MODEL, UNSEEN), MODEL(to_float(UNSEEN.images)).detach())
