"""The gradient of depthwise weights on small maps, which PyTorch computes slowly on a CPU.

For 5 x 5 weights over 1,152 channels of 2 x 2 pixels it takes .2 ms for the answers to 32 images
and 24 ms for the gradient of the weights. One product of two maps for each weight of the window
takes 3.5: the same sum, in another order.
"""

from contextlib import AbstractContextManager, nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.overrides import TorchFunctionMode

SMALL_MAP = 4 * 4  # pixels of an answer, beyond which the library is quicker


def quick_depthwise(model: nn.Module) -> AbstractContextManager:
    """Inside, a model with depthwise convolutions trains faster on a CPU; elsewhere it is slow to
    look at every call, so nothing is done."""
    weights = [
        part.weight
        for part in model.modules()
        if isinstance(part, nn.Conv2d) and _is_depthwise(part.weight, part.groups)
    ]
    on_cpu = any(weight.device.type == "cpu" and weight.requires_grad for weight in weights)
    return _QuickDepthwise() if on_cpu else nullcontext()


class _QuickDepthwise(TorchFunctionMode):
    def __torch_function__(self, function, types, inputs=(), options=None):
        if function is not torch.conv2d or options or not _served(*inputs):
            return function(*inputs, **(options or {}))
        images, weight, bias, stride, padding, *rest = inputs
        answer = torch.conv2d(images, weight.detach(), bias, stride, padding, *rest)
        return _WeightGradient.apply(answer, images.detach(), weight, stride, padding)


def _served(images, weight, bias=None, stride=1, padding=0, dilation=1, groups=1) -> bool:
    layout = (stride, padding, dilation)
    if not all(isinstance(part, tuple) and len(part) == 2 for part in layout):
        return False
    learning = weight.requires_grad and torch.is_grad_enabled()
    if not learning or dilation != (1, 1) or not _is_depthwise(weight, groups):
        return False
    axes = zip(images.shape[2:], weight.shape[2:], stride, padding, strict=True)
    rows, columns = ((size + 2 * pad - window) // step + 1 for size, window, step, pad in axes)
    return rows * columns <= SMALL_MAP


def _is_depthwise(weight: Tensor, groups: int) -> bool:
    return len(weight) == groups > 1 and weight.shape[1] == 1


class _WeightGradient(torch.autograd.Function):
    """Passes an answer on; on the way back it adds the gradient of the weights."""

    @staticmethod
    def forward(ctx, answer, images, weight, stride, padding):
        ctx.save_for_backward(images)
        ctx.window, ctx.stride, ctx.padding = weight.shape[2:], stride, padding
        return answer.view_as(answer)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        (images,) = ctx.saved_tensors
        of_weights = weight_gradient(gradient, images, ctx.window, ctx.stride, ctx.padding)
        return gradient, None, of_weights, None, None


def weight_gradient(gradient: Tensor, images: Tensor, window, stride, padding) -> Tensor:
    """Each weight of the window: what it multiplied, times the gradient there, summed."""
    (down, right), (top, left) = stride, padding
    images = F.pad(images, (left, left, top, top))
    height, width = down * gradient.shape[2], right * gradient.shape[3]
    sums = [
        (gradient * images[:, :, y : y + height : down, x : x + width : right]).sum((0, 2, 3))
        for y in range(window[0])
        for x in range(window[1])
    ]
    return torch.stack(sums, 1).view(-1, 1, *window)
