"""Reader and model are scored on the same images, with exact intervals."""

import pytest
from reading_samples import PAIRS, fill, the_other, the_truth
from scipy.stats import binomtest

from utils.course.reading_kit import score_kit
from utils.course.tables import share_table

HALF = {True: lambda pair: pair["tampered"], False: the_other}
SCORED = {
    "all right": (lambda pair: pair["tampered"], PAIRS, PAIRS),
    "all wrong": (the_other, 0, PAIRS),
    "half right": (lambda pair: HALF[pair["pair"] % 2 == 0](pair), PAIRS // 2, PAIRS),
    "undecided": (lambda pair: "?", 0, 0),
    "three answers": (lambda pair: pair["tampered"] if pair["pair"] < 4 else "", 3, 3),
}


@pytest.mark.parametrize("name", SCORED)
def test_finding_the_change_is_scored_as_scipy_scores_a_coin(name, folder):
    said, right, of = SCORED[name]
    fill(folder, said=said)
    row = score_kit(folder).tampering.iloc[0]
    assert (row["right"], row["of"]) == (right, of)
    if of:
        witness = binomtest(right, of, 0.5)
        interval = witness.proportion_ci(0.95, method="exact")
        assert row["p"] == witness.pvalue and (row["low"], row["high"]) == tuple(interval)
        assert row["value"] == right / of and row["chance"] == 0.5
    else:
        assert row[["value", "low", "high", "p"]].isna().all()


def test_intervals_in_closed_form_at_the_ends(folder):
    fill(folder, said=lambda pair: pair["tampered"])
    row = score_kit(folder).tampering.iloc[0]
    assert row["low"] == pytest.approx(0.025 ** (1 / PAIRS)) and row["high"] == 1
    assert row["p"] == pytest.approx(2 / 2**PAIRS)


def test_the_table_for_the_reader_shows_the_counts_the_interval_and_the_coin(folder):
    fill(folder, said=lambda pair: pair["tampered"] if pair["pair"] > 6 else the_other(pair))
    row = share_table(score_kit(folder).tampering).iloc[0]
    assert row["share (%)"] == "75.0 (53.3 to 90.2)"  # exact interval of 18 in 24
    assert (row["right"], row["of"], row["chance (%)"], row["p"]) == (18, 24, 50, "0.023")


def test_diagnoses_of_reader_and_model_are_scored_on_both_pictures(folder):
    fill(folder, diagnoses=the_truth)
    found = score_kit(folder).diagnoses["value"]
    for pictures, model in (("clean", 1), ("attacked", 0)):
        assert found[pictures, "reader"] == 1
        assert found[pictures, "model, all pictures"] == model
        assert found[pictures, "reader and model agree"] == model


def test_sides_are_turned_back_into_clean_and_attacked(folder):
    """Right about the original, and on the changed picture exactly what the model says."""

    def said(pair):
        after = (pair["label"] + 1) % 3 + 1
        right = pair["label"] + 1
        return map(str, (after, right) if pair["tampered"] == "A" else (right, after))

    fill(folder, diagnoses=said)
    found = score_kit(folder).diagnoses["value"]
    assert found["clean", "reader"] == 1 and found["attacked", "reader"] == 0
    assert found["attacked", "reader and model agree"] == 1


def test_only_what_was_decided_counts(folder):
    fill(folder, diagnoses=lambda pair: the_truth(pair) if pair["pair"] < 7 else ("?", ""))
    reading = score_kit(folder)
    assert (reading.diagnoses.loc["clean", "of"][["reader", "model, the same pictures"]] == 6).all()
    assert reading.diagnoses.loc[("clean", "model, all pictures"), "of"] == PAIRS
    counts = reading.counts
    assert (counts.sum(axis=1) == PAIRS).all()
    assert counts.loc["which is tampered"].tolist() == [0, 0, PAIRS]


def test_an_empty_sheet_is_no_reader_and_the_model_still_answers(folder):
    reading = score_kit(folder)
    assert not reading.begun and (reading.counts["empty"] == PAIRS).all()
    assert reading.diagnoses.loc[("attacked", "model, all pictures"), "of"] == PAIRS
    assert reading.diagnoses["value"].xs("reader", level="answers of").isna().all()
