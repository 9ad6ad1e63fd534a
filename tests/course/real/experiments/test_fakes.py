"""Fakes of a small set: who knows which patients, and numbers that follow from each other."""

import numpy as np
import pytest

from utils.contamination.generators import generated_images
from utils.contamination.generators.diffusion import DiffusionConfig
from utils.contamination.generators.gan_trainer import GANConfig
from utils.course.real.experiments import fakes as module
from utils.course.real.experiments.fakes import DRAWN, Material, fakes
from utils.training.config import TrainConfig

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def small():
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "EXAMINED": 24,
            "TRAINING": TrainConfig(1, 16),
            "DRILL": TrainConfig(1, 32, augment=False),
            "DIFFUSION": DiffusionConfig((1,), passes=1, width=16, steps=2),
            "GAME": GANConfig((1,), width=4),
        }.items():
            patch.setattr(module, name, value)
        patch.setattr(generated_images, "SHUFFLES", 10)
        yield


@pytest.fixture(scope="module")
def found(study):
    return fakes(study)


def test_no_generator_knows_the_patients_of_judge_and_detectors(study):
    parts = Material(study).parts
    owners = [set(parts[name].patients.tolist()) for name in ("ours", "theirs", "test")]
    assert not owners[0] & owners[1] and not owners[0] & owners[2]
    assert sum(map(len, owners[:2])) == len(set(study.parts.files.train.patients.tolist()))


def test_every_number_of_fakes_has_a_real_control(found):
    scores = {name: row["value"] for name, row in found["scores"].items()}
    for name in DRAWN:
        gap = found["differences"][f"class read, redrawn minus {name}"]["value"]
        assert gap == pytest.approx(
            scores["class read, real, redrawn"] - scores[f"class read, {name}"]
        )
    gap = found["differences"]["trained on real minus fakes"]["value"]
    assert gap == pytest.approx(scores["trained on real images"] - scores["trained on fakes"])
    families = ("diffusion", "GAN", "mixture", "splice")
    shares = [
        scores[f"flagged, {n}, family known"] - scores[f"flagged, {n}, family never met"]
        for n in families
    ]
    gap = found["differences"]["family known minus never met"]["value"]
    assert gap == pytest.approx(np.mean(shares))
    assert {"false alarms, untouched", "false alarms, saved as JPEG"} <= set(scores)


def test_both_distances_see_the_blur_that_a_real_control_does_not_have(found):
    for measure in ("KID", "sliced Wasserstein"):
        rows = {name: row[measure] for name, row in found["distances"].items()}
        blurred, real = rows["real, shrunk and enlarged"], rows["real, other patients"]
        assert blurred["value"] > real["value"] and blurred["value"] > blurred["chance"]


def test_a_network_that_learned_nothing_from_real_images_is_no_control(study, monkeypatch):
    same = {"value": 0.3, "low": 0.2, "high": 0.4}
    monkeypatch.setattr(
        module, "lessons", lambda m: {"scores": {"trained on real images": same}, "differences": {}}
    )
    for name in ("class_read", "detected"):
        monkeypatch.setattr(module, name, lambda m: {"scores": {}, "differences": {}})
    monkeypatch.setattr(module, "distances", lambda m: {})
    assert not fakes(study)["learned"]
