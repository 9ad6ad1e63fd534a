"""One call, and every defence is measured clean, attacked, and attacked with knowledge of it."""

from types import SimpleNamespace

import numpy as np
import pytest
from small import small_split, trained_network

from utils.attacks.adaptive import adaptive_attack
from utils.attacks.pgd import PGD
from utils.defences.adaptive_evaluation import adaptive_condition, predict_adaptively
from utils.defences.ensemble import Ensemble
from utils.defences.losses.adversarial_training import Hardened
from utils.defences.purification import GreyLevels, Purified
from utils.defences.smoothing import Smoothed
from utils.evaluation import inference
from utils.evaluation.conditions import CLEAN, Condition
from utils.evaluation.inference import predict
from utils.evaluation.kept_batches import in_full
from utils.evaluation.predictions import read_predictions
from utils.run import start_run

SPLIT, MODEL, ATTACK = small_split(36, seed=7), trained_network(), PGD(0.05, 6)
MODELS = {
    "none": MODEL,
    "grey levels": Purified(MODEL, GreyLevels()),
    "smoothing": Smoothed(MODEL, 0.1, draws=20),
}
PLAIN, KNOWN = Condition("pgd", 0.05), Condition("adaptive", 0.05)


@pytest.fixture(scope="module")
def found():
    return predict_adaptively(MODELS, SPLIT, ATTACK)


def test_every_model_has_three_conditions_of_the_same_images(found):
    assert list(found) == list(MODELS)
    for rows in found.values():
        assert list(rows) == [CLEAN, PLAIN, KNOWN]
        assert all(np.array_equal(each.labels, SPLIT.labels) for each in rows.values())


def test_clean_and_attacked_are_those_of_predict(found):
    for name, model in MODELS.items():
        for condition, attack in ((CLEAN, None), (PLAIN, ATTACK)):
            expected = predict(model, SPLIT, attack).probabilities
            assert np.array_equal(found[name][condition].probabilities, expected)


def test_the_adaptive_attack_on_a_steady_defence_breaks_all_that_the_plain_one_breaks_and_more(
    found,
):
    plain, known = found["grey levels"][PLAIN].right, found["grey levels"][KNOWN].right
    assert not (known & ~plain).any() and known.sum() < plain.sum()


def test_a_network_without_a_defence_is_attacked_once(found):
    assert found["none"][KNOWN] is found["none"][PLAIN]


@pytest.mark.parametrize("name", ["none", "grey levels"])
def test_what_withstands_a_plain_attack_that_rounds_is_attacked_in_float32(name):
    class Seen(PGD):
        def __call__(self, model, images, labels):
            precisions.append(self.precision)
            return super().__call__(model, images, labels)

    precisions = []
    predict_adaptively({name: MODELS[name]}, SPLIT, Seen(0.02, 2, precision="bfloat16"))
    assert precisions[0] == "bfloat16" and set(precisions[1:]) == {"float32"}


def test_a_random_defence_is_attacked_anew_on_all_images(found):
    smoothed = MODELS["smoothing"]
    expected = predict(smoothed, SPLIT, smoothed.adaptive(ATTACK)).probabilities
    assert np.array_equal(found["smoothing"][KNOWN].probabilities, expected)


def test_a_run_saves_the_rows_as_they_are(found, assets):
    run = start_run("defences", "brain_phantom", device="cpu")
    run.save_predictions(found)
    run.record(flags=[], parameters={})
    again = read_predictions(run.assets / "predictions.csv.gz")
    assert {name: list(rows) for name, rows in again.items()} == {
        name: [CLEAN, PLAIN, KNOWN] for name in MODELS
    }


def test_the_norm_is_named_beside_the_attack():
    assert str(adaptive_condition(PGD(1.0, norm="l2"))) == "adaptive l2 255"
    assert adaptive_condition(ATTACK) == KNOWN


class Stopped(Exception):
    """What ends the evaluation before its end."""


@pytest.fixture
def batches(monkeypatch):
    """Attacked batches that were computed; at `batches.stop` of them the evaluation is stopped."""
    seen, attacked_batch = SimpleNamespace(count=0, stop=None), inference._attacked_batch

    def counted(model, images, labels, attack, *rest):
        if attack is not None:
            if seen.count == seen.stop:
                raise Stopped
            seen.count += 1
        return attacked_batch(model, images, labels, attack, *rest)

    monkeypatch.setattr(inference, "_attacked_batch", counted)
    return seen


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_stopped_and_resumed_equals_never_stopped_and_attacks_no_batch_twice(
    share, batches, tmp_path
):
    alone = predict_adaptively(MODELS, SPLIT, ATTACK, batch_size=12)
    whole, batches.count = batches.count, 0
    batches.stop = round(share * whole)
    with pytest.raises(Stopped):
        predict_adaptively(MODELS, SPLIT, ATTACK, batch_size=12, keep=tmp_path)
    batches.stop = None
    resumed = predict_adaptively(MODELS, SPLIT, ATTACK, batch_size=12, keep=tmp_path)
    assert batches.count == whole
    for name, rows in alone.items():
        for condition, expected in rows.items():
            assert np.array_equal(resumed[name][condition].probabilities, expected.probabilities)


@pytest.mark.parametrize("model", [*MODELS.values(), Ensemble([MODEL, MODEL]), Hardened(MODEL)])
def test_an_attack_that_knows_a_defence_is_known_again_in_another_process(model):
    assert " at 0x" not in in_full((adaptive_attack(model, ATTACK), model))
