"""The corruption that hurts most is found, and the mild one is weaker."""

import numpy as np
import pytest
from small import findings_split, small_split

from utils.contamination.corruptions.registry import corruptions
from utils.evaluation.inference import predict
from utils.evaluation.predictions import FindingPredictions
from utils.examine.contaminated import chosen_corruptions, mean_certainty


def test_the_worst_corruption_is_the_one_under_which_the_truth_loses_most(network):
    images = small_split(60, seed=3)
    chosen = chosen_corruptions(network, images, "xray")
    (worst, strong), (mild, weak) = chosen.items()
    assert type(strong).__name__ in worst and "severity 3 (hurts most)" in worst
    assert (strong.severity, weak.severity) == (3, 1) and "severity 1 (mild)" in mild
    all_families = corruptions("xray").values()
    sure = [mean_certainty(predict(network, each(images))) for each in (strong, *all_families)]
    assert sure[0] == min(sure)


def test_of_several_findings_absence_is_a_truth_too():
    split = findings_split(8)
    sure = np.where(split.labels.numpy() == 1, 0.9, 0.2)
    found = FindingPredictions(split.labels.numpy(), sure, split.patients, split.class_names)
    present = split.labels.float().mean().item()
    assert mean_certainty(found) == pytest.approx(0.9 * present + 0.8 * (1 - present))
