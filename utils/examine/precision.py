"""In which precision a model computes, and which forms of it take images in float32.

A model with weights of 16 or 64 bits refuses the usual images. It is examined in a copy of 32 bits,
which has gradients that do not round to zero; how its own answers differ is measured.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from itertools import chain

import torch
from torch import Tensor, nn

from utils.examine.opaque import Opaque, first_tensor

USUAL = torch.float32
OTHERS = (torch.float64, torch.float16, torch.bfloat16)
SPEAKS_OF_IT = ("dtype", "Half", "half", "Double", "double", "BFloat16", "float16", "float64")


class WithImagesIn(nn.Module):
    """A model as it is, given images of another precision."""

    def __init__(self, model: nn.Module, precision: torch.dtype):
        super().__init__()
        self.model, self.precision = model, precision

    def forward(self, images: Tensor) -> Tensor:
        return first_tensor(self.model(images.to(self.precision)))


def precision_of(model: nn.Module) -> torch.dtype:
    """That of most weights; where none are seen, that of the images it is known to want."""
    sizes = Counter()
    for weight in chain(model.parameters(), model.buffers()):
        if weight.is_floating_point():
            sizes[weight.dtype] += weight.numel()
    if sizes:
        return sizes.most_common(1)[0][0]
    return getattr(model, "precision", None) or USUAL


def forms_of(model: nn.Module) -> Iterator[nn.Module]:
    """The model as it is; then what may take images where it refuses those in float32: a copy in
    float32, and the model with images of its own precision, or of any where that is not seen."""
    yield model
    own = precision_of(model)
    if own != USUAL:
        with suppress(Exception):  # someone else's model can fail in any way
            yield _in_float32(model)
        yield WithImagesIn(model, own)
    elif isinstance(model, Opaque):
        yield from (WithImagesIn(model, precision) for precision in OTHERS)


def _in_float32(model: nn.Module) -> nn.Module:
    with torch.no_grad():  # or a copy of TorchScript would remember where its weights are from
        return deepcopy(model).float()


def precision_name(precision: torch.dtype) -> str:
    return str(precision).removeprefix("torch.")


def is_about_precision(error: str) -> bool:
    """Whether a model has failed because tensors of two precisions met."""
    return any(word in error for word in SPEAKS_OF_IT)
