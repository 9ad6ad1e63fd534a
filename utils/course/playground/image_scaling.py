"""An image-scaling attack for any resizer and ratio, as four resizers see it."""

from dataclasses import dataclass

import torch
from matplotlib.figure import Figure
from torch import Tensor

from utils.contamination.image_scaling import Scaling
from utils.contamination.resizers import Resizer
from utils.data.split import Split, to_float
from utils.evaluation.image_similarity import psnr
from utils.figures.playground import seen_by_resizers

SHOWN = {
    "OpenCV nearest": Resizer("opencv", "nearest"),
    "OpenCV bilinear": Resizer("opencv", "bilinear"),
    "Pillow bilinear": Resizer("pillow", "bilinear"),
    "OpenCV area": Resizer("opencv", "area"),
}


@dataclass(frozen=True)
class ImageScaling:
    """A large image, and another of the same size that is hidden in it. Both uint8."""

    source: Tensor
    other: Tensor

    @classmethod
    def of(cls, large: Split) -> "ImageScaling":
        """The first image, and the first one of another class."""
        other = int(torch.nonzero(large.labels != large.labels[0])[0, 0])
        return cls(large.images[:1], large.images[other : other + 1])

    @property
    def resizers(self) -> tuple[str, ...]:
        """Those that can be attacked; all of them look at the result."""
        return tuple(SHOWN)

    def attack(self, resizer: str, ratio: int) -> tuple[Tensor, Tensor]:
        """The large image after the attack, and the small one that it hides."""
        size = self.source.shape[-1] // ratio
        wanted = SHOWN[resizer](self.other, (size, size))
        return Scaling(SHOWN[resizer])(self.source, wanted), wanted

    def seen(self, attacked: Tensor, ratio: int) -> dict[str, tuple[Tensor, bool]]:
        """What each resizer makes of it, and whether that is nearer to the hidden image."""
        size, found = (attacked.shape[-1] // ratio,) * 2, {}
        for name, resizer in SHOWN.items():
            small, *both = (to_float(resizer(i, size)) for i in (attacked, self.other, self.source))
            hidden, visible = (float(psnr(small, each)[0]) for each in both)
            found[name] = (255 * small)[0], hidden > visible
        return found

    def figure(self, resizer: str, ratio: int) -> Figure:
        attacked, wanted = self.attack(resizer, ratio)
        likeness = float(psnr(to_float(attacked), to_float(self.source))[0])
        return seen_by_resizers(
            self.source[0], attacked[0], wanted[0], self.seen(attacked, ratio), resizer, likeness
        )
