"""Scores of several findings, with scikit-learn as a witness."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, multilabel_confusion_matrix, roc_auc_score

from utils.evaluation.comparisons.claims import Claim
from utils.evaluation.comparisons.differences import gain
from utils.evaluation.comparisons.models import more_often_right
from utils.evaluation.conditions import CLEAN
from utils.evaluation.findings.scores import (
    FINDING_SCORES,
    co_occurrence,
    finding_draws,
    finding_table,
    mean_auc,
    usual_score,
)
from utils.evaluation.metrics import majority_share, score_of, scores
from utils.evaluation.predictions import (
    FindingPredictions,
    Predictions,
    pool_trainings,
    read_predictions,
)

NAMES = ("mass", "effusion", "hernia")


def some_findings(count: int = 300, skill: float = 1.0, seed: int = 0) -> FindingPredictions:
    """A network that knows something of three findings, one of them rare; three images each."""
    rng = np.random.default_rng(seed)
    labels = (rng.random((count, 3)) < (0.5, 0.3, 0.05)).astype(int)
    logits = rng.normal(size=labels.shape) + skill * (2 * labels - 1)
    return FindingPredictions(labels, 1 / (1 + np.exp(-logits)), np.arange(count) // 3, NAMES)


FOUND = some_findings()


def test_scores_are_those_of_scikit_learn():
    table = scores(FOUND)["value"]
    confusions = multilabel_confusion_matrix(FOUND.labels, FOUND.predicted).sum(0)
    (absent_right, false), (missed, present_right) = confusions
    assert table["accuracy"] == pytest.approx(accuracy_score(FOUND.labels, FOUND.predicted))
    assert table["AUC"] == pytest.approx(roc_auc_score(FOUND.labels, FOUND.probabilities))
    assert table["missed findings"] == pytest.approx(missed / (missed + present_right))
    assert table["false findings"] == pytest.approx(false / (false + absent_right))
    assert mean_auc(FOUND) == pytest.approx(table["AUC"])


def test_each_finding_has_its_row():
    table = finding_table(FOUND)
    assert table["images with it"].tolist() == FOUND.labels.sum(0).tolist()
    for finding, name in enumerate(NAMES):
        area = roc_auc_score(FOUND.labels[:, finding], FOUND.probabilities[:, finding])
        assert table.loc[name, "AUC (%)"].startswith(f"{100 * area:.1f} (")


def test_a_finding_that_no_image_has_has_no_area():
    without = replace(FOUND, labels=FOUND.labels * [1, 1, 0])
    table = finding_table(without)
    assert table.loc["hernia", "AUC (%)"] == table.loc["hernia", "missed (%)"] == "undefined"
    two = roc_auc_score(FOUND.labels[:, :2], FOUND.probabilities[:, :2])
    assert mean_auc(without) == pytest.approx(two) == pytest.approx(score_of(without, "AUC").value)


@pytest.mark.parametrize("name", [*FINDING_SCORES, "AUC"])
def test_intervals_contain_the_score_and_paired_ones_are_narrower(name):
    found = score_of(FOUND, name)
    assert found.low < found.value < found.high
    better = some_findings(skill=1.3)
    paired = gain(FOUND, better, name)
    assert paired.value == pytest.approx(score_of(better, name).value - found.value)
    assert paired.high - paired.low < (found.high - found.low) * 1.5


def test_an_unknown_score_is_refused():
    with pytest.raises(ValueError, match="'macro F1' of several findings; choose from accuracy"):
        finding_draws([FOUND], "macro F1")


def test_a_claim_is_judged_by_any_of_these_scores():
    claim = Claim("Skill", "More skill misses less.", "missed findings", "more", "less", "less")
    result = claim.evaluate(some_findings(skill=2), some_findings(skill=0.5), seed=0)
    assert result.interval.high < 0


def test_right_means_that_all_findings_are_right():
    perfect = replace(FOUND, probabilities=FOUND.labels * 0.9 + 0.05)
    assert perfect.right.all() and perfect.accuracy == 1
    assert perfect.of_truth == pytest.approx(0.95)
    assert more_often_right(perfect, FOUND) < 0.001
    one_off = perfect.probabilities.copy()
    one_off[:, 1] = 1 - one_off[:, 1]
    assert not replace(perfect, probabilities=one_off).right.any()


def test_a_constant_answer_is_the_commonest_set_of_findings():
    labels = np.array([[0, 0], [0, 0], [0, 1], [1, 1]])
    assert majority_share(labels) == 0.5
    assert usual_score(FOUND) == "AUC"
    assert usual_score(Predictions(np.zeros(1, int), np.eye(2)[:1], np.zeros(1), "ab")) != "AUC"


def test_a_confusion_matrix_is_refused():
    with pytest.raises(ValueError, match="no confusion matrix; see finding_table"):
        _ = FOUND.confusion


def test_predictions_survive_the_file_and_trainings_are_pooled(tmp_path):
    pooled = pool_trainings([FOUND, some_findings(skill=2)])
    pooled.as_table("network", CLEAN).to_csv(tmp_path / "table.csv", index=False)
    after = read_predictions(tmp_path / "table.csv")["network"][CLEAN]
    assert isinstance(after, FindingPredictions) and after.class_names == NAMES
    for name in ("labels", "probabilities", "groups", "trainings"):
        assert np.allclose(getattr(after, name), getattr(pooled, name))
    assert [each.accuracy for each in after.by_training] == [
        each.accuracy for each in pooled.by_training
    ]


def test_co_occurrence_reads_from_row_to_column():
    shares = co_occurrence([[1, 1], [1, 0], [0, 0]], ("mass", "effusion"))
    assert shares.loc["mass", "effusion"] == 0.5 and shares.loc["effusion", "mass"] == 1
