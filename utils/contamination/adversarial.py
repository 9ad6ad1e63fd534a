"""Adversarial images as a contamination of a split."""

from dataclasses import dataclass, field
from typing import ClassVar

from torch import Generator, Tensor, nn

from utils.attacks.base import Attack
from utils.attacks.pgd import PGD
from utils.contamination.base import Contamination
from utils.data.split import Split
from utils.evaluation.predict import attacked_split


@dataclass(frozen=True)
class AdversarialImages(Contamination):
    """A share of the images is attacked with `model` as the victim; the labels stay."""

    kind: ClassVar[str] = "adversarial"
    model: nn.Module = field(repr=False, compare=False)
    attack: Attack = PGD()

    def change(self, part: Split, chosen: Tensor, rng: Generator) -> Split:
        return attacked_split(self.model, part, self.attack, self.seed)
