"""The reading kit of an attack: pairs of a clean and an attacked picture."""

from dataclasses import replace

import pandas as pd

from utils.attacks.pgd import PGD
from utils.backbones.classifier import Classifier
from utils.course.network_chapters.clean import Chapter
from utils.course.reading_kit.kit import one_per_patient, write_kit
from utils.data.split import to_float
from utils.evaluation.inference import attacked_split, predict


def write_attacked_pairs(chapter: Chapter, model: Classifier, attack: PGD) -> pd.DataFrame:
    """Pairs of clean and attacked pictures for a reader; the attack does not stop early.

    The model classifies the very pictures on the page, saved in 8 bits.
    """
    count, seed = chapter.parameters["KIT_PAIRS"], chapter.parameters["SEED"]
    if not count:
        return pd.DataFrame()
    pairs = one_per_patient(chapter.splits.test, count, seed)
    saved = attacked_split(model, pairs, replace(attack, stop_when_fooled=False))
    predicted = [predict(model, split).probabilities.argmax(1) for split in (pairs, saved)]
    pictures = to_float(pairs.images), to_float(saved.images)
    folder = chapter.run.assets / "reading_kit"
    kit = write_kit(folder, *pictures, pairs.labels, *predicted, chapter.names, seed)
    return pd.Series(kit, name="reading kit").to_frame()
