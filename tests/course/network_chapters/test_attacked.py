"""Models side by side under one attack: one table, flags, a picture, a reading kit, a record."""

from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from small import small_splits, trained_network
from torch import nn

from utils.attacks.pgd import PGD
from utils.course.network_chapters.attacked import AttackedModels
from utils.course.network_chapters.clean import Chapter
from utils.evaluation.attack_suite import AttackSuite
from utils.evaluation.metrics import HEADLINE, score_of
from utils.evaluation.predictions import read_predictions
from utils.run import PREDICTIONS, start_run
from utils.training.config import TrainConfig

PARAMETERS = {"SEED": 0, "HEAT_MAPS": 6, "KIT_PAIRS": 2, "EPSILON": 8, "ATTACKED_IMAGES": 24}


@pytest.fixture(scope="module")
def attacked(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("utils.run.ROOT", tmp_path_factory.mktemp("course"))
        run = start_run("resnet_atk", "small", 0, device="cpu")
        chapter = Chapter(run, small_splits(), PARAMETERS)
        suite = AttackSuite(PGD(8 / 255, 4, stop_when_fooled=True))
        found = AttackedModels(chapter, suite)
        found.add("standard", trained_network())
        found.add("adversarial", Constant())
        found.check_split()
        yield found


class Constant(nn.Module):
    """Gives every image the same answer, so that no attack changes it."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([5.0, 0.0, 0.0]))

    def forward(self, images):
        return self.weight + 0 * images.mean((1, 2, 3))[:, None]


def test_the_table_tells_what_the_attack_takes_and_the_defence_gives(attacked):
    table = attacked.table()
    lost = table["lost to PGD (points)"]
    assert lost["adversarial", HEADLINE].startswith("0.0")
    assert float(lost["standard", HEADLINE].split()[0]) > 0
    gained = table["more than standard under PGD (points)"]
    assert gained["standard", HEADLINE] == "" and gained["adversarial", HEADLINE]


def test_a_single_model_is_compared_with_no_other(attacked):
    alone = replace(attacked, answers={"standard": attacked.answers["standard"]})
    assert list(alone.table().columns) == list(attacked.table().columns)[:-1]


def test_a_part_of_the_test_set_is_attacked_and_all_of_it_scored(attacked):
    part, whole = attacked.chapter.attacked_test, attacked.chapter.splits.test
    assert part.counts.tolist() == [8, 8, 8] and len(whole) == 48
    assert all(len(found.labels) == 24 for found in attacked.strongest.values())
    column = attacked.table()["clean, 48 images (%)"]
    assert list(attacked.table().columns)[:3] == [column.name, "images", "clean (%)"]
    for name, found in attacked.clean.items():
        assert column[name, "balanced accuracy"] == str(score_of(found, "balanced accuracy"))
        assert len(found.labels) == 48
    assert column["adversarial", "balanced accuracy"].startswith("33.3")  # a constant answer


def test_a_constant_answer_is_flagged_and_named(attacked):
    raised = attacked.every_flag.query("red")["flag"]
    assert any(name.startswith("adversarial: ") for name in raised)
    assert set(attacked.flag_table().index.get_level_values(0)) == {
        "standard",
        "adversarial",
        "split",
    }


def test_the_picture_and_the_curves_are_drawn(attacked):
    for figure in (attacked.picture(), attacked.by_kind(), attacked.by_model()):
        assert figure.axes


def test_the_reading_kit_has_its_pairs(attacked):
    assert attacked.reading_kit().loc["pairs"].item() == 2


def test_further_trainings_are_recorded_beside_the_first(attacked, tmp_path, monkeypatch):
    monkeypatch.setattr("utils.run.ROOT", tmp_path)
    monkeypatch.setattr("utils.course.network_chapters.attacked.save_trained", lambda *_: None)
    made = replace(attacked, again={})
    made.add_trainings({"standard": [trained_network(), Constant()]})
    config = SimpleNamespace(config=TrainConfig(), models={"adversarial": None}, collapsed=[])
    made.record(SimpleNamespace(parameters={}), config, pd.DataFrame())
    run, suite = made.chapter.run, made.suite
    found = read_predictions(run.assets / PREDICTIONS)
    strongest = found["standard"][suite.strongest]
    assert [len(each.labels) for each in strongest.by_training] == [24] * 3
    for kept, met in zip(
        strongest.by_training, made.by_training(suite.strongest)["standard"], strict=True
    ):
        assert kept.probabilities == pytest.approx(met.probabilities, abs=1e-6)
    half = suite.condition(size=4 / 255)  # at which the others were not attacked
    assert found["standard"][half].trainings is None
    assert found["adversarial"][suite.strongest].trainings is None


def test_no_network_beats_another_where_the_interval_contains_zero(attacked):
    standard, constant = attacked.answers["standard"], attacked.answers["adversarial"]
    verdicts = [
        replace(attacked, answers={"standard": one, "adversarial": other}).facts().split(": ")[-1]
        for one, other in ((standard, constant), (constant, standard), (standard, standard))
    ]
    assert verdicts == ["False", "True", "not shown"]
