"""The pairs of a reader: one of each patient, attacked to the end."""

import pytest
from small import small_splits, trained_network

from utils.attacks.pgd import PGD
from utils.course.network_chapters.clean import Chapter
from utils.course.reading_kit.attacked_pairs import write_attacked_pairs
from utils.run import start_run

ATTACK = PGD(30 / 255, 4, stop_when_fooled=True)


def chapter(pairs: int) -> Chapter:
    run = start_run("resnet_atk", "small", 0, device="cpu")
    return Chapter(run, small_splits(), {"SEED": 0, "KIT_PAIRS": pairs})


@pytest.mark.parametrize("pairs", [2, 6])
def test_so_many_pairs_are_written_and_the_model_falls_for_some(assets, pairs):
    made = chapter(pairs)
    kit = write_attacked_pairs(made, trained_network(), ATTACK)["reading kit"]
    assert kit["pairs"] == pairs and (made.run.assets / "reading_kit").is_dir()
    assert kit["model wrong on attacked"] > kit["model wrong on clean"]


def test_without_pairs_there_is_no_kit(assets):
    made = chapter(0)
    assert write_attacked_pairs(made, trained_network(), ATTACK).empty
    assert not (made.run.assets / "reading_kit").exists()
