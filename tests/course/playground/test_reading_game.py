"""The score counts what was decided; nothing is revealed before an answer."""

import numpy as np
import pytest
from figure_samples import check_drawn, words
from reading_samples import KIT, PAIRS
from small import small_split, trained_network

from utils.course.playground.reading_game import UNSURE, ReadingGame
from utils.course.reading_kit.kit import read_key, write_kit

SIDES = "ABBA"


@pytest.fixture
def game():
    pairs = np.full((4, 2, 1, 8, 8), 100, np.uint8)
    for pair, side in zip(pairs, SIDES, strict=True):
        pair["AB".index(side)] += 3
    return ReadingGame(pairs, SIDES, [("mild", "none")] * 3 + [("mild", "mild")])


SCORES = {  # answers -> right, decided
    "AB": (2, 2),
    "BB": (1, 2),
    "A?": (1, 1),
    "????": (0, 0),
    "ABBA": (4, 4),
    "BAAB": (0, 4),
}


@pytest.mark.parametrize("answers", SCORES)
def test_the_score_counts_decided_answers_only(game, answers):
    for choice in answers:
        game.answer(choice.replace("?", UNSURE))
        game.go_on()
    right, of = SCORES[answers]
    assert game.score.startswith(f"Score: {right} of {of} right, {answers.count('?')} × {UNSURE}.")
    assert ("a coin" in game.score) == bool(of)
    assert of == 0 or game.found.low <= right / of <= game.found.high
    assert game.over == (len(answers) == 4)


def test_an_answer_is_final(game):
    game.answer("B")
    game.answer("A")
    assert game.answers == ["B"]


def test_the_next_pair_waits_for_an_answer_and_the_last_one_stays(game):
    game.go_on()
    assert game.shown == 0
    for _ in range(6):
        game.answer("A")
        game.go_on()
    assert game.shown == 3 and len(game.answers) == 4


def test_an_unknown_answer_is_refused(game):
    with pytest.raises(ValueError, match="unknown answer 'C'; choose from A, B"):
        game.answer("C")


def test_nothing_is_revealed_before_an_answer(game):
    figure = game.figure()
    check_drawn(figure)
    assert words(figure) & {"A", "B", "A: attacked"} == {"A", "B"}
    assert not figure.axes[2].images and "which image was attacked?" in game.feedback


def test_an_answer_reveals_the_side_the_change_and_the_prediction(game):
    game.answer("B")
    assert (
        game.feedback == "Wrong. The attacked image is A; the prediction changes from mild to none."
    )
    figure = game.figure()
    assert {"A: attacked", "B", "change, ±3 (× 42)"} <= words(figure)
    np.testing.assert_array_equal(figure.axes[2].images[0].get_array(), 3)


def test_the_last_pair_ends_the_game(game):
    for side in SIDES:
        game.answer(side)
        game.go_on()
    assert game.feedback == (
        "Right. The attacked image is A; the prediction changes not at all: mild."
        " That was the last pair."
    )


def test_is_made_of_different_patients_and_of_an_attack_on_one_side():
    game = ReadingGame.of(trained_network(), small_split(), epsilon=4, count=6)
    difference = np.abs(np.diff(game.pairs.astype(int), axis=1))
    assert len(game.pairs) == len(game.sides) == len(game.predicted) == 6
    assert (difference.max((1, 2, 3, 4)) == 4).all() and set(game.sides) == {"A", "B"}
    clean = {image.tobytes() for image in small_split().images.numpy()}
    for (a, b), side in zip(game.pairs, game.sides, strict=True):
        assert (a.tobytes() in clean) == (side == "B") and (b.tobytes() in clean) == (side == "A")


def test_a_kit_is_played_with_its_own_key(tmp_path):
    write_kit(tmp_path, **KIT)
    key, game = read_key(tmp_path), ReadingGame.of_kit(tmp_path)
    assert game.sides == "".join(pair["tampered"] for pair in key["pairs"])
    assert len(game.pairs) == len(game.predicted) == PAIRS
    game.answer(game.sides[0])
    assert game.feedback.startswith(f"Right. The attacked image is {game.sides[0]}")
