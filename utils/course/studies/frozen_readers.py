"""How much of an image does a memory keep that never learned?"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from utils.backbones.classifier import Classifier
from utils.backbones.row_reader import RowReader
from utils.data.split import Split, Splits
from utils.evaluation.inference import features
from utils.evaluation.metrics import HEADLINE, score_of
from utils.training.features import linear_probe
from utils.training.studies import Report

READS = {"down": slice(0, 1), "up": slice(1, 2), "both ways": slice(0, 2)}
STRENGTHS = (1e-2, 1e-1)  # of the head, see linear_probe


@dataclass(frozen=True)
class FrozenReaders:
    """A random reader of rows, and a linear head on what it remembers at the end.

    A setting says the size of the memory (`hidden`), which direction the head `reads`, and the
    `gate_bias`: the larger it is, the more of the old memory each row leaves in place. The score
    is balanced accuracy on validation. Each stage doubles the training images.
    """

    splits: Splits
    images: int = 600  # for training, in the last stage
    judges: int = 400  # validation images
    stages: int = 2
    seed: int = 0

    @property
    def facts(self) -> dict:
        return {
            "data": [self.splits.train.content_hash(), self.splits.validation.content_hash()],
            "images": [self.images, self.judges, self.stages],
            "seed": self.seed,
        }

    def __call__(self, settings: dict, report: Report) -> float:
        train = self.splits.train.limit(self.images)
        judges = self.splits.validation.balanced(self.judges)
        reader = self.reader(settings)
        judged, rows = _memory(reader, judges, settings), np.empty((0, 0))
        for stage in reversed(range(self.stages)):
            known, few = len(rows), train.take(range(len(train) >> stage))
            new = _memory(reader, few.take(range(known, len(few))), settings)
            rows = np.concatenate([rows, new]) if known else new
            probe = linear_probe(rows, few, judged, judges, STRENGTHS)
            score = score_of(probe.predict(judged, judges), HEADLINE).value
            report({"score": score})
        return score

    def reader(self, settings: dict) -> Classifier:
        """The untrained network of a trial."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            reader = RowReader(self.splits.train.size, settings["hidden"])
        model = Classifier(reader, nn.Identity()).eval()
        for name, bias in reader.reader.named_parameters():
            if name.startswith("bias_hh"):  # of the gates "reset" and "update" and of the draft
                bias.data[settings["hidden"] : 2 * settings["hidden"]] = settings["gate_bias"]
        return model


def _memory(reader: Classifier, split: Split, settings: dict) -> np.ndarray:
    rows = features(reader, split).reshape(len(split), 2, -1)
    return rows[:, READS[settings["reads"]]].reshape(len(split), -1)
