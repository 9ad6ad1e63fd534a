"""Shortcuts in the metadata, and labels that differ from those of neighbours."""

import numpy as np
import pytest
import torch
from folders import NONE_REFUSED, plain_facts

from utils.audit import CHECKS
from utils.audit.folder import ImageFolder
from utils.data.phantoms import draw


@pytest.mark.parametrize(
    ("share", "expected"), [(0.5, "note ok skipped"), (0.8, "warning"), (0.98, "alarm")]
)
def test_a_width_that_predicts_the_class_is_as_severe_as_its_auc(share, expected):
    facts = plain_facts(200)
    right = np.random.default_rng(0).random(200) < share
    facts["width"] = np.where(right == (facts["label"] == "a"), 64, 80)
    images = torch.randint(0, 256, (200, 1, 32, 32), generator=torch.Generator().manual_seed(0))
    found = CHECKS["Shortcuts"](ImageFolder("x", facts, images.byte(), NONE_REFUSED, ("a", "b")))
    assert found.severity in expected.split()


def test_random_labels_per_patient_are_not_flagged():
    """If neighbours cannot predict the class the check is skipped, except by chance."""
    heads = draw("brain_phantom", 32, 60)
    facts = plain_facts(len(heads)).assign(patient=heads.groups.numpy().astype(str))
    flagged = []
    for seed in range(40):
        labels = np.random.default_rng(seed).integers(0, 2, int(heads.groups.max()) + 1)
        facts["label"] = np.array(["a", "b"])[labels[heads.groups.numpy()]]
        made = ImageFolder("x", facts.copy(), heads.images, NONE_REFUSED, ("a", "b"))
        flagged.append(CHECKS["Suspicious labels"](made).severity != "skipped")
    assert sum(flagged) <= 6  # of 40; expected is 1 in 21, and more than 6 once in 200 tries
