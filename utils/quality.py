"""How like two pictures are."""

import torch
from torch import Tensor


def psnr(pixels: Tensor, shown: Tensor) -> Tensor:
    """Peak signal to noise ratio of each image in decibels, for pixels in [0, 1].

    The peak is 1, the largest value that a pixel can have: 10 log10(1 / mean squared change).
    """
    return -10 * torch.log10((pixels - shown).square().flatten(1).mean(1))
