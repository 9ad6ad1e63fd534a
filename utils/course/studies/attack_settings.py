"""How should an attacker spend their gradients?"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from torch import nn

from utils.attacks.pgd import PGD, Region
from utils.data.split import Split
from utils.evaluation.inference import predict
from utils.training.checkpoints import description, weights_digest
from utils.training.studies import Report


@dataclass(frozen=True)
class AttackSettings:
    """PGD with so many gradients per image, shared out over one or more tries.

    A setting says how many `tries`, the length of a `step` in epsilon, and the `momentum`. Each
    try goes on with the images that are left: from another random start, or in the region that
    `region` gives for the number of the try. The score is the share of the images that are fooled,
    of those that the model classifies correctly.
    """

    model: nn.Module
    split: Split
    epsilon: float
    gradients: int = 12  # per image, over all tries
    region: Callable[[int], Region] | None = None
    stages: int = 4  # parts of the images, after each of which a trial reports

    @cached_property
    def right(self) -> Split:
        """The images that there is something to win on."""
        return self.split.take(predict(self.model, self.split).right.nonzero()[0])

    @property
    def facts(self) -> dict:
        return {
            "attacked": weights_digest(self.model),
            "images": self.split.content_hash(),
            "epsilon": self.epsilon,
            "gradients": self.gradients,
            "region": description(self.region),
        }

    def attacks(self, settings: dict) -> Iterator[PGD]:
        """One attack for each try."""
        steps, step = self.gradients // settings["tries"], settings["step"] * self.epsilon
        for number in range(settings["tries"]):
            region = None if self.region is None else self.region(number)
            options = {"momentum": settings["momentum"], "region": region, "precision": "auto"}
            yield PGD(self.epsilon, steps, step, stop_when_fooled=True, **options)

    def __call__(self, settings: dict, report: Report) -> float:
        fooled, reach = [], self.gradients // settings["tries"] * settings["step"]
        for stage in range(self.stages):
            part, found = self.right.take(range(stage, len(self.right), self.stages)), None
            for seed, attack in enumerate(self.attacks(settings)):
                found = predict(self.model, part, attack, seed=seed, after=found)
            fooled += (~found.right).tolist()
            report({"score": sum(fooled) / len(fooled), "reach": reach})
        return sum(fooled) / len(fooled)
