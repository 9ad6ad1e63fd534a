"""The detective, and the evidence that networks give about images they never learned."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import roc_auc_score
from small import small_split, small_splits
from torch import nn

from utils.attacks.pgd import PGD
from utils.backbones import Classifier
from utils.contamination.adversarial import AdversarialImages
from utils.contamination.backdoor import Patch, Poison
from utils.contamination.base import KINDS, contaminate
from utils.contamination.label_noise import Symmetric
from utils.data.split import Split, Splits
from utils.detection.contamination_classifier import (
    cross_patient_predict,
    fit_contamination_classifier,
    per_class_auroc,
    rank_images,
)
from utils.detection.detectors import auroc_by_kind, detector_scores
from utils.detection.out_of_fold import cross_val_outputs, outputs_of
from utils.evaluation.predict import predict
from utils.training.loop import TrainConfig, train_or_load

CONFIG = TrainConfig(epochs=6, batch_size=16, learning_rate=0.01, augment=False)


def small_classifier(seed: int = 0) -> Classifier:
    """A convolution under a head: all that a detector asks for."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        backbone = nn.Sequential(
            nn.Conv2d(3, 12, 3, stride=2, padding=1),
            nn.BatchNorm2d(12),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
        )
        return Classifier(backbone, nn.Linear(48, 3)).eval()


def case(shift: float = 4.0, seed: int = 0, met=(1, 2, 3, 4)):
    """Suspicions of which each kind raises its own, and the split that they are about."""
    rng = np.random.default_rng(seed)
    kinds = rng.permutation(np.repeat([0, *met], [240] + [30] * len(met)))
    table = pd.DataFrame(rng.normal(size=(len(kinds), 5)), columns=list("abcde"))
    for kind, column in enumerate("abcd", start=1):
        table.loc[kinds == kind, column] += shift
    images = torch.zeros(len(kinds), 1, 2, 2, dtype=torch.uint8)
    changed = torch.from_numpy(kinds)
    return table, Split(images, torch.zeros(len(kinds)).long(), ("x",), changed=changed)


KNOWS = fit_contamination_classifier([case(seed=0), case(seed=1)])


def test_says_a_probability_for_each_kind_and_is_mostly_right():
    table, split = case(seed=2)
    said = KNOWS(table)
    assert tuple(said.columns) == KINDS and np.allclose(said.sum(axis=1), 1)
    assert (said.to_numpy().argmax(1) == split.changed.numpy()).mean() > 0.9
    guessing = fit_contamination_classifier([case(shift=0.0)])(case(shift=0.0, seed=2)[0])
    assert (guessing.to_numpy().argmax(1) == 0).mean() > 0.95


def test_suspicions_count_in_units_of_their_own_split():
    table, _ = case(seed=2)
    assert np.allclose(KNOWS(100 * table - 7), KNOWS(table))
    assert np.allclose(KNOWS(table[list("edcba")]), KNOWS(table))


def test_of_a_kind_never_met_it_says_zero_but_may_still_doubt():
    innocent = fit_contamination_classifier([case(seed=0), case(seed=1)], without=["poison"])
    table, split = case(seed=2)
    said, poisoned = innocent(table), split.changed == KINDS.index("poison")
    assert (said["poison"] == 0).all() and np.allclose(said.sum(axis=1), 1)
    either = (poisoned | (split.changed == 0)).numpy()
    assert roc_auc_score(poisoned[either], KNOWS(table)["poison"][either]) > 0.98
    with pytest.raises(ValueError, match="unknown kind 'poisson'; choose from noise, label"):
        fit_contamination_classifier([case()], without=["poisson"])
    with pytest.raises(ValueError, match="unknown kind 'clean'"):
        fit_contamination_classifier([case()], without=["clean"])


def test_no_patient_is_judged_by_who_has_learned_from_him(monkeypatch):
    (table, split), patients = case(), torch.arange(360) // 6
    split, met = replace(split, groups=patients), []

    def witness(cases, *rest):
        taught = set(cases[0][1].groups.tolist())
        met.append((taught, judged := set()))

        def knows(clues):
            judged.update(patients[clues.index].tolist())
            return KNOWS(clues)

        return knows

    monkeypatch.setattr(
        "utils.detection.contamination_classifier.fit_contamination_classifier", witness
    )
    said = cross_patient_predict((table, split), (table, split))
    assert list(said.index) == list(range(360))
    assert [len(judged) for _, judged in met] == [30, 30]
    assert all(len(taught) == 30 and not taught & judged for taught, judged in met)


def test_strangers_are_mostly_right_too():
    (taught, known), (table, split) = case(seed=0), case(seed=0)
    said = cross_patient_predict((taught, known), (table, split), without=["poison"])
    assert (said["poison"] == 0).all()
    said = cross_patient_predict((taught, known), (table, split))
    assert (said.to_numpy().argmax(1) == split.changed.numpy()).mean() > 0.9
    with pytest.raises(ValueError, match="the same images"):
        cross_patient_predict((taught, known), (table[:10], split.take(range(10))))


def test_each_kind_is_recognised_among_the_clean_images_only():
    table, split = case(seed=2, met=(1, 3))
    said = KNOWS(table)
    found = per_class_auroc(said, split).set_index(["kind", "suspicion", "score"])["value"]
    assert len(found) == 2 * 2 * 2
    kinds, either = split.changed.numpy(), (split.changed != 1).numpy()
    own = roc_auc_score(kinds[either] == 3, said["poison"][either])
    anything = roc_auc_score(kinds[either] == 3, 1 - said["clean"][either])
    assert found["poison", "its own", "AUROC"] == pytest.approx(own)
    assert found["poison", "anything", "AUROC"] == pytest.approx(anything)
    assert per_class_auroc(said, replace(split, changed=None)).empty


def test_the_suspects_are_ranked_and_named():
    table, split = case(seed=2)
    ranked = rank_images(split, KNOWS(table))
    assert sorted(ranked["image"]) == list(range(len(split)))
    assert ranked["suspicion"].is_monotonic_decreasing
    top = ranked.head(60)
    truth = [KINDS[kind] for kind in split.changed[top["image"].to_list()]]
    assert np.mean(np.array(truth) == top["likeliest"]) > 0.9


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("folds")


def spoiled() -> tuple[Splits, Split]:
    truth = small_split(240)
    wrong, _ = contaminate(truth, Symmetric(rate=0.1), Poison(Patch(0.3), target=0, rate=0.1))
    return Splits(wrong, small_split(48, seed=1), small_split(48, seed=2)), truth


@pytest.fixture(scope="module")
def evidence(folder):
    return cross_val_outputs(small_classifier(), spoiled()[0], CONFIG, folder, folds=3)


def test_each_image_is_judged_once_by_a_network_that_never_met_its_patient(evidence):
    split, places = evidence.split, evidence.places
    assert sorted(np.concatenate(places)) == list(range(len(split)))
    patients = [set(split.groups[rows].tolist()) for rows in places]
    assert sum(map(len, patients)) == len(set.union(*patients)) == 120
    for rows, statement in zip(places, evidence.statements, strict=True):
        assert (statement.labels == split.labels[rows].numpy()).all()
        assert len(statement.known_labels) == len(split) - len(rows)
        assert statement.squeezed.shape == (2, len(rows), 3)
    assert np.allclose(evidence.probabilities.sum(1), 1)


def test_no_network_learns_from_the_patients_that_it_is_asked_about(tmp_path, monkeypatch):
    """Heard from the training itself, not from what the evidence says of it."""
    taught, split = [], spoiled()[0].train
    monkeypatch.setattr(
        "utils.detection.out_of_fold.train_or_load",
        lambda _, splits, *rest: taught.append(splits.train),
    )
    evidence = cross_val_outputs(small_classifier(), spoiled()[0], CONFIG, tmp_path, folds=3)
    for rows, learned in zip(evidence.places, taught, strict=True):
        assert not set(split.groups[rows].tolist()) & set(learned.groups.tolist())
        assert len(learned) == len(split) - len(rows)


def test_networks_are_kept_and_the_first_one_is_not_touched(evidence, folder, monkeypatch):
    model, before = small_classifier(), small_classifier().state_dict()
    monkeypatch.setattr("utils.training.loop._train_epoch", None)  # nothing is trained again
    again = cross_val_outputs(model, spoiled()[0], CONFIG, folder, folds=3)
    assert np.array_equal(again.probabilities, evidence.probabilities)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("folds", [1, 1000])
def test_a_number_of_folds_that_cannot_be_is_refused(folder, folds):
    with pytest.raises(ValueError, match="2 to"):
        cross_val_outputs(small_classifier(), spoiled()[0], CONFIG, folder, folds)


def test_planted_errors_and_triggers_are_found_out_of_fold(evidence):
    found = auroc_by_kind(detector_scores(evidence), evidence.split).query("score == 'AUROC'")
    value = found.set_index(["kind", "detector"])["value"].unstack()
    assert value.loc["label error", "confident learning"] > 0.95
    assert value.loc["poison", "spectral signature"] > 0.95
    assert value.loc["poison", "activation clustering"] > 0.95
    assert value.loc["label error", "noise level"] < 0.65


def test_one_network_can_be_asked_about_other_images(folder):
    splits, model = small_splits(), small_classifier()
    train_or_load(model, splits, CONFIG, folder)
    asked, said = outputs_of(model, splits.train, splits.test), predict(model, splits.test)
    assert said.accuracy > 0.8
    assert np.allclose(asked.probabilities, said.probabilities, atol=1e-5)
    features = torch.from_numpy(asked.statements[0].features)
    assert np.allclose(model.head(features).softmax(1).detach(), said.probabilities, atol=1e-5)


def test_an_attacker_hands_in_some_images(folder):
    splits, model = small_splits(), small_classifier()
    train_or_load(model, splits, CONFIG, folder)
    step = AdversarialImages(model=model, attack=PGD(0.2, 10), rate=0.5)
    after, manifest = contaminate(splits.test, step)
    hit = after.changed == KINDS.index("adversarial")
    assert hit.sum() == 24 and set(manifest["kind"]) == {"adversarial"}
    moved = (after.images.float() - splits.test.images.float()).abs().amax((1, 2, 3))
    assert (moved[hit] <= 52).all() and (moved[hit] > 0).all() and (moved[~hit] == 0).all()
    assert torch.equal(after.labels, splits.test.labels)
    assert predict(model, after.take(hit)).accuracy < predict(model, splits.test.take(hit)).accuracy
    assert "model" not in repr(step)
