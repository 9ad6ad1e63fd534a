"""Something that answers images, whatever it is made of."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn


class Opaque(nn.Module):
    """Something that answers images and whose parts are not to be touched.

    With a `batch`, it takes exactly so many images at a time: a shorter batch is filled up. With a
    `precision`, it is given images of this one.
    """

    def __init__(
        self,
        answer: Callable[[Tensor], object],
        batch: int = 0,
        precision: torch.dtype | None = None,
    ):
        super().__init__()
        self.answer = [answer]  # in a list, or torch would take it for a part
        self.batch, self.precision = batch, precision

    def forward(self, images: Tensor) -> Tensor:
        return self.in_batches(*self.answer, images)

    def in_batches(self, answer: Callable[[Tensor], object], images: Tensor) -> Tensor:
        """The answers to batches as long as they must be."""
        images = images.to(self.precision or images.dtype)
        if not self.batch:
            return first_tensor(answer(images))
        filled = images[torch.arange(-(-len(images) // self.batch) * self.batch) % len(images)]
        parts = [first_tensor(answer(part)) for part in filled.split(self.batch)]
        return torch.cat(parts)[: len(images)]


def first_tensor(output: object) -> Tensor:
    """The answer itself, where a model returns several things."""
    if isinstance(output, Mapping):
        output = output.get("logits", next(iter(output.values()), None))
    if isinstance(output, tuple | list):
        output = output[0] if output else None
    if output is None:
        raise ValueError("the model returned nothing; it must return one row for each image")
    return torch.as_tensor(output)
