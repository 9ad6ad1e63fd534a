"""Does a model have a backdoor? For every class the smallest trigger that leads there.

    triggers = TriggerSearch()(model, clean)  # one for each class
    inversion_table(triggers)  # how large each is, and whether one is too small

An attacker who knows it takes a trigger that covers the image, such as a warp: no small mask
opens that backdoor.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from scipy.stats import median_abs_deviation
from torch import Tensor, nn

from utils.attacks.base import eval_mode
from utils.data.split import Split, batches, to_float
from utils.run import device_of, progress

FIRST_WEIGHT = 1.0  # of the mask's share of the image, beside the cross-entropy
GROWTH = 1.5  # of that weight after a pass in which the trigger succeeded
MIN_CLASSES = 3  # with fewer every class is as far from the median as the others


@dataclass(frozen=True, eq=False)
class InvertedTrigger:
    """A pattern behind a soft mask, to be called like any trigger."""

    target: int
    class_name: str
    success: float  # share of the images of other classes that it brings to the target
    mask: Tensor = field(repr=False)  # (1, 1, height, width), from 0 to 1
    pattern: Tensor = field(repr=False)  # (1, channels, height, width), in [0, 1]

    def __call__(self, pixels: Tensor) -> Tensor:
        mask, pattern = self.mask.to(pixels), self.pattern.to(pixels)
        return (pixels + mask * (pattern - pixels)).clamp(0, 1)

    @property
    def area(self) -> float:
        """The mask's share of the image."""
        return float(self.mask.mean())


@dataclass(frozen=True)
class TriggerSearch:
    """How a trigger is searched for by Adam (Neural Cleanse, Wang 2019)."""

    passes: int = 30  # over the images
    batch_size: int = 64
    step: float = 0.1
    wanted: float = 0.95  # success from which on the mask has to shrink
    seed: int = 0

    def __call__(self, model: nn.Module, clean: Split) -> list[InvertedTrigger]:
        """The trigger found for each class, from some images without one; no weight changes."""
        targets = progress(range(clean.classes), "targets")
        return [self.towards(model, clean, target) for target in targets]

    def towards(self, model: nn.Module, clean: Split, target: int) -> InvertedTrigger:
        """The smallest trigger that reached the wanted success; else the last, with its own."""
        others = clean.take(clean.labels != target)
        if not len(others):
            raise ValueError(f"all images have the target {target}; give images of other classes")
        blank = torch.zeros_like(to_float(clean.images[:1]), device=device_of(model))
        latent = [blank[:, :1].clone().requires_grad_(), blank.requires_grad_()]
        optimizer = torch.optim.Adam(latent, self.step, betas=(0.5, 0.9))
        weight, best = FIRST_WEIGHT, None
        with torch.random.fork_rng(), eval_mode(model):
            torch.manual_seed(self.seed)
            for _ in range(self.passes):
                success = self._pass(model, others, target, latent, optimizer, weight)
                parts = (part.detach().sigmoid() for part in latent)
                found = InvertedTrigger(target, clean.class_names[target], success, *parts)
                if success >= self.wanted and (best is None or found.area < best.area):
                    best = found
                weight *= GROWTH if success >= self.wanted else GROWTH**-1.5
        return best or found

    def _pass(
        self,
        model: nn.Module,
        others: Split,
        target: int,
        latent: list[Tensor],
        optimizer: torch.optim.Optimizer,
        weight: float,
    ) -> float:
        """One pass over the images, a step for each batch; the share that reached the target."""
        hits = 0
        for images, labels in batches(others, self.batch_size, shuffle=True):
            pixels = to_float(images.to(latent[0].device))
            mask, pattern = (part.sigmoid() for part in latent)
            logits = model(pixels + mask * (pattern - pixels)).float()
            wanted = torch.full_like(labels, target).to(logits.device)
            loss = F.cross_entropy(logits, wanted) + weight * mask.mean()
            for part, slope in zip(latent, torch.autograd.grad(loss, latent), strict=True):
                part.grad = slope
            optimizer.step()
            hits += int((logits.argmax(1) == target).sum())
        return hits / len(others)


def inversion_table(triggers: Sequence[InvertedTrigger]) -> pd.DataFrame:
    """A row for each class: the area of its trigger, its success, and the anomaly index."""
    table = {
        "area": [trigger.area for trigger in triggers],
        "success": [trigger.success for trigger in triggers],
        "anomaly index": anomaly_indices([trigger.area for trigger in triggers]),
    }
    return pd.DataFrame(table, index=[trigger.class_name for trigger in triggers])


def anomaly_indices(areas: Sequence[float]) -> np.ndarray:
    """How far each area lies below the median, in median absolute deviations.

    The unit is that of a standard deviation; above 2 is the usual alarm. It needs many classes:
    with three the unit is the smaller of two gaps, so that an alarm is easily false, and with
    two there is none (NaN). There, compare the areas with those of a model known to be clean.
    """
    areas = np.asarray(areas, float)
    if len(areas) < MIN_CLASSES:
        return np.full(len(areas), np.nan)
    below, spread = np.median(areas) - areas, median_abs_deviation(areas, scale="normal")
    return below / max(spread, 1e-12)
