"""Adversarial images as a contamination: some images are attacked, their labels stay."""

import torch
from small import small_split, trained_network

from utils.attacks.pgd import PGD
from utils.contamination.adversarial import AdversarialImages
from utils.contamination.base import KINDS, contaminate
from utils.evaluation.predict import predict

MODEL, SPLIT = trained_network(), small_split(48, seed=5)
STEP = AdversarialImages(model=MODEL, attack=PGD(0.2, 10), rate=0.5)


def test_half_of_the_images_are_attacked_and_fool_the_model():
    after, manifest = contaminate(SPLIT, STEP)
    hit = after.changed == KINDS.index("adversarial")
    assert hit.sum() == 24 and set(manifest["kind"]) == {"adversarial"}
    moved = (after.images.float() - SPLIT.images.float()).abs().amax((1, 2, 3))
    assert (moved[hit] <= 52).all() and (moved[hit] > 0).all() and (moved[~hit] == 0).all()
    assert torch.equal(after.labels, SPLIT.labels)
    assert predict(MODEL, after.take(hit)).accuracy < predict(MODEL, SPLIT.take(hit)).accuracy


def test_a_step_prints_its_settings_and_not_its_model():
    assert "model" not in repr(STEP) and "PGD" in repr(STEP)
