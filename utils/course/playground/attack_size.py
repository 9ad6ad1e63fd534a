"""One image under PGD of any size: the change, and what the model makes of it."""

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from torch import nn

from utils.attacks.pgd import PGD
from utils.attacks.random_noise import RandomSigns
from utils.data.split import Split
from utils.evaluation.inference import attacked_split, predict
from utils.figures.playground import attack_at_size

STEPS = 20  # of PGD
SEARCHED = 200  # images, as many of each class


@dataclass(frozen=True)
class AttackSize:
    """A model, and a few images that it classifies correctly while they are clean."""

    model: nn.Module
    images: Split

    @classmethod
    def of(cls, model: nn.Module, split: Split, each: int = 2) -> "AttackSize":
        """A few images of each class that the model classifies correctly."""
        split = split.balanced(SEARCHED)
        right = np.flatnonzero(predict(model, split).right)
        if not len(right):
            raise ValueError("the model classifies no image correctly; train it longer")
        labels = split.labels.numpy()[right]
        chosen = [right[labels == label][:each] for label in range(split.classes)]
        return cls(model, split.take(np.sort(np.concatenate(chosen))))

    def attacked(self, epsilon: int, image: int) -> dict[str, Split]:
        """One image clean, under noise, and under PGD that takes all its steps; in 8 bits.

        `epsilon` is in grey levels, `image` is counted from 1.
        """
        clean = self.images.take([image - 1])
        if not epsilon:
            return {"clean": clean, "noise": clean, "attacked": clean}
        size = epsilon / 255
        changes = {"noise": RandomSigns(size), "attacked": PGD(size, STEPS)}
        saved = {name: attacked_split(self.model, clean, c) for name, c in changes.items()}
        return {"clean": clean, **saved}

    def figure(self, epsilon: int, image: int) -> Figure:
        found = self.attacked(epsilon, image)
        shares = {n: predict(self.model, split).probabilities[0] for n, split in found.items()}
        pictures = (found[name].images[0].numpy() for name in ("clean", "attacked"))
        label, names = int(found["clean"].labels[0]), self.images.class_names
        return attack_at_size(*pictures, shares, label, names, epsilon)
