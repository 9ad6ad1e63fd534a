"""How a reader and a model did on the same images: shares with exact intervals."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from utils.course.reading_kit.answers import UNSURE
from utils.evaluation.intervals import share

IMAGES = ("clean", "attacked")


@dataclass(frozen=True)
class ReadingResult:
    """Answers of a reader and predictions of the model: `rows` has one line per pair of the page.

    Only decided answers are scored: neither "?" nor an empty cell is right or wrong.
    """

    kit: str
    rows: pd.DataFrame

    @property
    def begun(self) -> bool:
        """Whether the reader has answered anything at all."""
        return bool(self.counts[["decided", "cannot tell"]].to_numpy().any())

    @property
    def counts(self) -> pd.DataFrame:
        """How far the reader came with each question."""
        columns = {f"diagnosis, {images}": f"reader_{images}" for images in IMAGES}
        columns |= {"which is tampered": "reader_tampered"}
        answers = self.rows[list(columns.values())].set_axis(list(columns), axis=1)
        unsure, empty = (answers == UNSURE).sum(), (answers == "").sum()
        decided = len(answers) - unsure - empty
        return pd.DataFrame({"decided": decided, "cannot tell": unsure, "empty": empty})

    @property
    def tampering(self) -> pd.DataFrame:
        """How often the changed image was found; p: probability that a coin is as far from half."""
        rows = self.rows[decided(self.rows["reader_tampered"])]
        found = rows["reader_tampered"] == rows["tampered"]
        p = binomtest(int(found.sum()), len(found), 0.5).pvalue if len(found) else np.nan
        return _table({"tampered picture found": {**share(found), "chance": 0.5, "p": p}})

    @property
    def diagnoses(self) -> pd.DataFrame:
        """Accuracy of reader and model, and their agreement, on clean and attacked images.

        The model predicts all; its second lines are restricted to images the reader decided.
        """
        table = {}
        for images in IMAGES:
            reader, model = self.rows[f"reader_{images}"], self.rows[f"model_{images}"]
            label, shown = self.rows["label"], decided(reader)
            table |= {
                (images, "reader"): share((reader == label)[shown]),
                (images, "model, the same pictures"): share((model == label)[shown]),
                (images, "model, all pictures"): share(model == label),
                (images, "reader and model agree"): share((reader == model)[shown]),
            }
        return _table(table).rename_axis(["pictures", "answers of"])


def join_answers(answers: dict[int, dict[str, str]], key: dict) -> ReadingResult:
    """The reader's answers beside the truth and the model's predictions."""
    names = key["class_names"]
    rows = []
    for pair in key["pairs"]:
        side, given = pair["tampered"], answers[pair["pair"]]
        other = "B" if side == "A" else "A"
        rows.append(
            {"pair": pair["pair"], "image": pair["image"], "label": names[pair["label"]]}
            | {"tampered": side, "reader_tampered": given["tampered"]}
            | {"reader_clean": given[f"diagnosis_{other}"]}
            | {"reader_attacked": given[f"diagnosis_{side}"]}
            | {"model_clean": names[pair["before"]], "model_attacked": names[pair["after"]]}
        )
    return ReadingResult(key["kit"], pd.DataFrame(rows))


def decided(answers: pd.Series) -> pd.Series:
    """Which answers are neither "?" nor empty."""
    return ~answers.isin([UNSURE, ""])


def _table(rows: dict) -> pd.DataFrame:
    return pd.DataFrame(rows).T.astype({"right": int, "of": int})
