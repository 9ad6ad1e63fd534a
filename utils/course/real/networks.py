"""The networks of a real set: three trainings, three of a narrow one and hardened, a frozen one."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from utils.attacks.pgd import PGD
from utils.backbones.classifier import Classifier, build
from utils.course.real.sets import Parts, RealSet
from utils.data.split import Split
from utils.defences.losses.adversarial_training import AdversarialLoss
from utils.evaluation.inference import predict
from utils.evaluation.predictions import Predictions, pool_trainings
from utils.training.config import TrainConfig, for_weights
from utils.training.features import frozen_features
from utils.training.loop import train_or_load
from utils.training.losses import CrossEntropy, ValidationScore, balancing_weights

EPSILON = 4 / 255  # of the attack that is trained on
LESSON_STEPS = 2  # of it
# The network that is hardened. The other one keeps nothing under a grey level, and two epochs under
# attack changed nothing there, on validation images.
NARROW = "resnet18_narrow"
NARROW_TRAINING = TrainConfig(
    epochs=8,
    batch_size=32,
    learning_rate=3e-3,
    schedule="one_cycle",
    ema=0.99,
    precision="float32",
)
HARDENED_EPOCHS = 4  # after those
# It chooses among them: on clean images the first epochs are good, and not yet robust.
ROBUST = ValidationScore(PGD(EPSILON, 5, stop_when_fooled=True))
TRAINING = for_weights(
    TrainConfig(
        batch_size=32,
        learning_rate=5e-4,
        weight_decay=0.02,
        schedule="one_cycle",
        precision="float32",  # depthwise layers are slow in bfloat16 on a CPU
    ),
    "imagenet",
)


class Enlarged(nn.Module):
    """A backbone behind bilinear enlargement: tiny images, and attacks on their own pixels."""

    def __init__(self, backbone: nn.Module, size: int):
        super().__init__()
        self.backbone, self.size = backbone, size
        self.num_features = backbone.num_features
        self.pretrained_cfg = getattr(backbone, "pretrained_cfg", {})

    def forward(self, images: Tensor) -> Tensor:
        larger = F.interpolate(images, (self.size, self.size), mode="bilinear")
        return self.backbone(larger)

    def extra_repr(self) -> str:
        return f"size={self.size}"


def make_network(real: RealSet, classes: int, seed: int = 0, weights: str = "") -> Classifier:
    """A new network for the images of a set."""
    model = build(real.backbone, classes, real.seen, weights or real.weights, seed=seed)
    if real.enlarged:
        model = Classifier(Enlarged(model.backbone, real.enlarged), model.head)
    return model.eval()


@dataclass(frozen=True)
class Study:
    """A real set with its networks, which are trained when they are first needed.

    Every training resumes where it was stopped, and a finished one is loaded.
    """

    real: RealSet
    parts: Parts
    folder: Path

    @property
    def classes(self) -> int:
        return self.parts.small.train.classes

    @property
    def kept(self) -> Path:
        """Where attacked batches stay, so that no attack is made twice."""
        return self.folder / "attacked"

    @property
    def test(self) -> Split:
        return self.parts.small.test

    @property
    def few(self) -> Split:
        """Test images under attack, as many of each class."""
        return self.test.balanced(self.real.attacked)

    @property
    def fewer(self) -> Split:
        """Some of them, for what is dear."""
        return self.few.take(self.fewer_rows)

    @property
    def fewer_rows(self) -> np.ndarray:
        """Their places among the few."""
        few = self.few
        places = replace(few, groups=torch.arange(len(few)))
        return places.balanced(self.real.worst).groups.numpy()

    @cached_property
    def standard(self) -> list[Classifier]:
        """From published weights, all weights trained on; one network for each seed."""
        return [self._standard(seed) for seed in range(self.real.trainings)]

    @cached_property
    def narrow(self) -> list[Classifier]:
        """A narrow ResNet from random weights, trained on clean images; one for each seed."""
        return [self._narrow(seed) for seed in range(self.real.trainings)]

    @cached_property
    def hardened(self) -> list[Classifier]:
        """Each of the narrow ones, trained on under attack."""
        return [self._hardened(seed, model) for seed, model in enumerate(self.narrow)]

    def pooled(self, split: Split, models: list[Classifier] | None = None) -> Predictions:
        """The predictions of all trainings."""
        return pool_trainings([predict(model, split) for model in models or self.standard])

    def frozen(self, weights: str = "", seed: int = 0) -> Callable[[Split], np.ndarray]:
        """Features of a network that stays as it is, for images of the size of the files."""
        size = self.real.frozen_size or self.real.seen
        weights = weights or self.real.weights
        eye = build(self.real.backbone, self.classes, size, weights, frozen=True, seed=seed)
        return lambda split: frozen_features(eye, split, self.folder, size)

    def _standard(self, seed: int) -> Classifier:
        model = make_network(self.real, self.classes, seed)
        config = replace(TRAINING, epochs=self.real.epochs, seed=seed)
        train_or_load(model, self.parts.small, config, self.folder, self._loss(0.1))
        return model

    def _narrow(self, seed: int) -> Classifier:
        model = make_network(replace(self.real, backbone=NARROW), self.classes, seed, "random")
        config = replace(NARROW_TRAINING, seed=seed)
        train_or_load(model, self.parts.small, config, self.folder, self._loss(0.1))
        return model

    def _hardened(self, seed: int, model: Classifier) -> Classifier:
        model = deepcopy(model)
        config = replace(NARROW_TRAINING, epochs=HARDENED_EPOCHS, seed=seed)
        loss = AdversarialLoss(PGD(EPSILON, LESSON_STEPS), weight=1.0, own=self._loss(0.0))
        train_or_load(model, self.parts.small, config, self.folder, loss, ROBUST)
        return model

    def _loss(self, smoothing: float) -> CrossEntropy:
        weights = balancing_weights(self.parts.small.train, 0.5)
        return CrossEntropy(weights, label_smoothing=smoothing)
