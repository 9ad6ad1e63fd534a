"""A constant answer has the headline that chance gives it."""

from dataclasses import replace

import numpy as np
from small import some_predictions

from utils.evaluation.findings.headline import chance_of, headline_of
from utils.evaluation.metrics import score_of
from utils.evaluation.predictions import FindingPredictions


def test_a_constant_answer_has_its_share_of_the_headline():
    of_classes = some_predictions()
    constant = replace(of_classes, probabilities=np.eye(4)[np.zeros(300, int)])
    assert score_of(constant, headline_of(constant)).value == chance_of(constant) == 0.25
    both = np.stack([np.arange(300) % 2, np.arange(300) % 3 == 0], 1).astype(int)
    of_findings = FindingPredictions(both, np.full((300, 2), 0.3), np.arange(300), ("a", "b"))
    assert score_of(of_findings, headline_of(of_findings)).value == chance_of(of_findings) == 0.5
