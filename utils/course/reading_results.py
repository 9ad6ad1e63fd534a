"""What a reader and a model found in the same pictures: shares with exact intervals."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from utils.course.reading_answers import UNSURE
from utils.evaluation.intervals import share

PICTURES = ("clean", "attacked")


@dataclass(frozen=True)
class ReadingResult:
    """What a reader and the model said: `rows` has one line per pair, in the order of the page.

    Only what was decided is scored: neither "?" nor an empty cell counts as right or wrong.
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
        asked = {f"diagnosis, {pictures}": f"reader_{pictures}" for pictures in PICTURES}
        said = self.rows[[*asked.values(), "said"]].set_axis([*asked, "which is tampered"], axis=1)
        unsure, empty = (said == UNSURE).sum(), (said == "").sum()
        decided = len(said) - unsure - empty
        return pd.DataFrame({"decided": decided, "cannot tell": unsure, "empty": empty})

    @property
    def tampering(self) -> pd.DataFrame:
        """How often the changed picture was found; p is the chance of a coin being as far off."""
        rows = self.rows[_decided(self.rows["said"])]
        found = rows["said"] == rows["tampered"]
        p = binomtest(int(found.sum()), len(found), 0.5).pvalue if len(found) else np.nan
        return _table({"tampered picture found": {**share(found), "chance": 0.5, "p": p}})

    @property
    def diagnoses(self) -> pd.DataFrame:
        """Right answers of reader and model, and their agreement, on clean and attacked pictures.

        The model answers all; its second lines keep to the pictures that the reader decided.
        """
        table = {}
        for pictures in PICTURES:
            reader, model = self.rows[f"reader_{pictures}"], self.rows[f"model_{pictures}"]
            label, decided = self.rows["label"], _decided(reader)
            table |= {
                (pictures, "reader"): share((reader == label)[decided]),
                (pictures, "model, the same pictures"): share((model == label)[decided]),
                (pictures, "model, all pictures"): share(model == label),
                (pictures, "reader and model agree"): share((reader == model)[decided]),
            }
        return _table(table).rename_axis(["pictures", "who"])


def join_answers(answers: dict[int, dict[str, str]], key: dict) -> ReadingResult:
    """What was answered beside the truth, and beside what the model said."""
    names = key["class_names"]
    rows = []
    for pair in key["pairs"]:
        side, said = pair["tampered"], answers[pair["pair"]]
        other = "B" if side == "A" else "A"
        rows.append(
            {"pair": pair["pair"], "image": pair["image"], "label": names[pair["label"]]}
            | {"tampered": side, "said": said["tampered"]}
            | {"reader_clean": said[f"diagnosis_{other}"]}
            | {"reader_attacked": said[f"diagnosis_{side}"]}
            | {"model_clean": names[pair["before"]], "model_attacked": names[pair["after"]]}
        )
    return ReadingResult(key["kit"], pd.DataFrame(rows))


def _decided(said: pd.Series) -> pd.Series:
    return ~said.isin([UNSURE, ""])


def _table(rows: dict) -> pd.DataFrame:
    return pd.DataFrame(rows).T.astype({"right": int, "of": int})
