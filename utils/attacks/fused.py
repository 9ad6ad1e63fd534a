"""A quicker copy of a network for attacks: batch norm is folded into the convolution before it.

In evaluation mode batch norm multiplies and adds constants, which the weights of a convolution can
do as well. Many passes over small images spend a quarter of their time there.
"""

from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import fuse_conv_bn_weights

PROBES = 2  # images on which the copy is compared with the model
TOLERANCE = 1e-3  # of the largest logit: more than rounding means that the pairs were wrong


def fuse_batch_norm(model: nn.Module, images: Tensor) -> nn.Module:
    """A copy without batch norm; the model itself if it has none to fold, or the copy differs.

    The model must be in evaluation mode; `images` are some that it takes.
    """
    if not len(images) or not any(isinstance(p, _BatchNorm) for p in model.modules()):
        return model
    copy, few = deepcopy(model).requires_grad_(False), images[:PROBES]
    with torch.no_grad():
        pairs = _pairs(copy, few)
        for convolution, norm in pairs:
            _fold(convolution, norm)
        _replace(copy, {norm for _, norm in pairs})
        wanted, found = model(few), copy(few)
    close = (found - wanted).abs().max() <= TOLERANCE * wanted.abs().max()
    return copy if pairs and close else model


def _pairs(model: nn.Module, images: Tensor) -> list[tuple[nn.Conv2d, _BatchNorm]]:
    """Each batch norm whose input is the output of a convolution, with that convolution."""
    outputs, pairs, hooks = [], [], []  # outputs are kept, so that no other takes their place

    def leave(part: nn.Conv2d, _, output: Tensor) -> None:
        outputs.append((part, output))

    def meet(part: _BatchNorm, inputs: tuple[Tensor]) -> None:
        pairs.extend((before, part) for before, output in outputs if output is inputs[0])

    for part in model.modules():
        if isinstance(part, nn.Conv2d):
            hooks.append(part.register_forward_hook(leave))
        elif isinstance(part, nn.BatchNorm2d) and part.track_running_stats:
            hooks.append(part.register_forward_pre_hook(meet))
    model(images)
    for hook in hooks:
        hook.remove()
    once = {part for part, _ in outputs if [each for each, _ in outputs].count(part) == 1}
    return [pair for pair in pairs if pair[0] in once]  # a shared layer may have two norms


def _fold(convolution: nn.Conv2d, norm: _BatchNorm) -> None:
    convolution.weight, convolution.bias = fuse_conv_bn_weights(
        *(convolution.weight, convolution.bias, norm.running_mean, norm.running_var),
        *(norm.eps, norm.weight, norm.bias),
    )


def _replace(model: nn.Module, folded: set[_BatchNorm]) -> None:
    """In place of each folded batch norm, what it does besides: timm's have an activation."""
    for part in list(model.modules()):
        for name, child in part.named_children():
            if child in folded:
                setattr(part, name, getattr(child, "act", nn.Identity()))
