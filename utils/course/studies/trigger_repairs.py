"""What a repair does to a backdoor, and what it costs: networks, poisoned and retrained."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from utils.backbones import Classifier
from utils.contamination.backdoor import Poison
from utils.contamination.base import KINDS, kinds_of
from utils.data.split import Split, Splits
from utils.detection.detectors import ActivationClustering
from utils.detection.out_of_fold import OutOfFoldOutputs, outputs_of
from utils.evaluation.inference import predict
from utils.evaluation.predictions import Predictions
from utils.training.batch_norm import reestimate_batch_norm
from utils.training.config import TrainConfig
from utils.training.loop import train_or_load


@dataclass(frozen=True)
class PoisonedTraining:
    """A network that has learned from poisoned images, and what its features say of them."""

    model: Classifier
    delivered: Split
    outputs: OutOfFoldOutputs  # for its own training images, as both detectors of poison want them
    scores: np.ndarray  # of activation clustering

    @property
    def poisoned(self) -> np.ndarray:
        """The truth: which images are poisoned."""
        return kinds_of(self.delivered).numpy() == KINDS.index("poison")


@dataclass(frozen=True)
class TriggerRepairs:
    """Trains on poisoned images, drops a second cluster of a class, and trains again.

    Each training re-estimates its batch norm on its own images, so that two trainings differ by
    less luck. `make` builds a network with the weights of a seed.
    """

    splits: Splits
    make: Callable[[int], Classifier]
    config: TrainConfig
    folder: Path
    clear: float = 0.2  # score of activation clustering beyond which an image is dropped

    def poisoned(self, poison: Poison, seed: int) -> PoisonedTraining:
        """One training on images with this poison."""
        delivered = replace(poison, seed=seed)(self.splits.train)
        model = self.trained(delivered, seed)
        outputs = outputs_of(model, delivered, delivered)
        return PoisonedTraining(model, delivered, outputs, ActivationClustering().score(outputs))

    def repaired(self, found: PoisonedTraining, seed: int) -> Classifier:
        """A network from the same weights, without the images of the second cluster."""
        kept = np.flatnonzero(found.scores <= self.clear)
        return self.trained(found.delivered.take(kept), seed)

    def trained(self, train: Split, seed: int) -> Classifier:
        """A network that has learned from these images."""
        model, config = self.make(seed), replace(self.config, seed=seed)
        train_or_load(model, replace(self.splits, train=train), config, self.folder)
        reestimate_batch_norm(model, train)
        return model

    def answers(self, model: Classifier, poison: Poison) -> dict[str, Predictions]:
        """On the test images as they are, and on those of other classes with the trigger."""
        test = self.splits.test
        return {"clean": predict(model, test), "trigger": predict(model, poison.with_trigger(test))}
