"""The layers of ONNX graphs in torch: convolutions, pools, norms, products of matrices."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from utils.examine.onnx_model.inputs import Inputs, NotCovered, numbers, optional


def _square(inputs: Inputs, settings: dict) -> None:
    if len(settings.get("kernel_shape", inputs[1].shape[2:] if len(inputs) > 1 else ())) != 2:
        raise NotCovered("a window that has not two sides")


def _padded(images: Tensor, settings: dict, value: float) -> Tensor:
    """With a border as the file wants it, which may differ on opposite sides."""
    if settings.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
        raise NotCovered("padding by itself")
    top, left, bottom, right = settings.get("pads", (0, 0, 0, 0))
    if not any((top, left, bottom, right)):
        return images
    return F.pad(images, (left, right, top, bottom), value=value)


def convolution(inputs: Inputs, settings: dict) -> Tensor:
    _square(inputs, settings)
    return F.conv2d(
        _padded(inputs[0], settings, 0.0), inputs[1], optional(inputs, 2),
        settings.get("strides", (1, 1)), 0, settings.get("dilations", (1, 1)),
        settings.get("group", 1),
    )  # fmt: skip


def max_pool(inputs: Inputs, settings: dict) -> Tensor:
    _square(inputs, settings)
    window, steps = settings["kernel_shape"], settings.get("strides", (1, 1))
    return F.max_pool2d(
        _padded(inputs[0], settings, -torch.inf), window, steps, 0,
        settings.get("dilations", (1, 1)), bool(settings.get("ceil_mode", 0)),
    )  # fmt: skip


def average_pool(inputs: Inputs, settings: dict) -> Tensor:
    _square(inputs, settings)
    border, counted = any(settings.get("pads", ())), settings.get("count_include_pad", 0)
    if settings.get("ceil_mode", 0) or (border and not counted):
        raise NotCovered("means that leave out the border")
    images = _padded(inputs[0], settings, 0.0)
    return F.avg_pool2d(images, settings["kernel_shape"], settings.get("strides", (1, 1)))


def gemm(inputs: Inputs, settings: dict) -> Tensor:
    left = inputs[0].mT if settings.get("transA", 0) else inputs[0]
    right = inputs[1].mT if settings.get("transB", 0) else inputs[1]
    product, added = settings.get("alpha", 1.0) * (left @ right), optional(inputs, 2)
    return product if added is None else product + settings.get("beta", 1.0) * added


def batch_norm(inputs: Inputs, settings: dict) -> Tensor:
    images, weight, bias, mean, variance = inputs
    if settings.get("training_mode", 0):
        raise NotCovered("batch norm in training mode")
    return F.batch_norm(images, mean, variance, weight, bias, eps=settings.get("epsilon", 1e-5))


def layer_norm(inputs: Inputs, settings: dict) -> Tensor:
    shape = inputs[0].shape[settings.get("axis", -1) :]
    return F.layer_norm(
        inputs[0], shape, inputs[1], optional(inputs, 2), settings.get("epsilon", 1e-5)
    )


def reduction(reduce: Callable) -> Callable:
    def operation(inputs: Inputs, settings: dict) -> Tensor:
        axes = numbers(inputs, 1, settings, "axes")
        if axes is None and settings.get("noop_with_empty_axes", 0):
            return inputs[0]
        axes = list(range(inputs[0].ndim)) if axes is None else axes
        return reduce(inputs[0], axes, keepdim=bool(settings.get("keepdims", 1)))

    return operation
