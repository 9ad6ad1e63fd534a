"""The operations of ONNX graphs in torch, as far as image classifiers are made of them.

Each takes its inputs and its settings by ONNX's names, in the meaning of opset 13 and later
(https://onnx.ai/onnx/operators).
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from utils.examine.onnx_model import layers, shapes
from utils.examine.onnx_model.inputs import Inputs, optional

KINDS = {  # of numbers, by what ONNX calls them
    1: torch.float32, 2: torch.uint8, 3: torch.int8, 5: torch.int16, 6: torch.int32,
    7: torch.int64, 9: torch.bool, 10: torch.float16, 11: torch.float64,
}  # fmt: skip


def _clipped(inputs: Inputs, settings: dict) -> Tensor:
    low, high = optional(inputs, 1), optional(inputs, 2)
    return inputs[0] if low is None and high is None else inputs[0].clamp(low, high)


def _quotient(inputs: Inputs, settings: dict) -> Tensor:
    whole = not inputs[0].is_floating_point()
    return torch.div(*inputs, rounding_mode="trunc" if whole else None)


def _plain(function: Callable) -> Callable:
    """An operation without settings."""
    return lambda inputs, settings: function(*inputs)


OPERATIONS: dict[str, Callable[[Inputs, dict], Tensor | tuple[Tensor, ...]]] = {
    **{name: _plain(getattr(torch, name.lower())) for name in (
        "Abs", "Add", "Ceil", "Cos", "Erf", "Exp", "Floor", "Greater", "Less", "Log", "MatMul",
        "Mul", "Neg", "Pow", "Reciprocal", "Relu", "Round", "Sigmoid", "Sin", "Sqrt", "Sub",
        "Tanh", "Where")},
    "AveragePool": layers.average_pool,
    "BatchNormalization": layers.batch_norm,
    "Cast": lambda inputs, settings: inputs[0].to(KINDS[settings["to"]]),
    "Clip": _clipped,
    "Concat": lambda inputs, settings: torch.cat(inputs, settings["axis"]),
    "Constant": shapes.constant,
    "ConstantOfShape": shapes.constant_of_shape,
    "Conv": layers.convolution,
    "Div": _quotient,
    "Dropout": lambda inputs, settings: inputs[0],
    "Elu": lambda inputs, settings: F.elu(inputs[0], settings.get("alpha", 1.0)),
    "Equal": _plain(torch.eq),
    "Expand": shapes.expand,
    "Flatten": shapes.flatten,
    "Gather": shapes.gather,
    "Gelu": lambda inputs, settings: F.gelu(
        inputs[0], approximate=settings.get("approximate", b"none").decode()),
    "Gemm": layers.gemm,
    "GlobalAveragePool": lambda inputs, settings: inputs[0].mean((2, 3), keepdim=True),
    "GlobalMaxPool": lambda inputs, settings: inputs[0].amax((2, 3), keepdim=True),
    "HardSigmoid": lambda inputs, settings: (
        settings.get("alpha", 0.2) * inputs[0] + settings.get("beta", 0.5)).clamp(0, 1),
    "HardSwish": _plain(F.hardswish),
    "Identity": lambda inputs, settings: inputs[0],
    "LayerNormalization": layers.layer_norm,
    "LeakyRelu": lambda inputs, settings: F.leaky_relu(inputs[0], settings.get("alpha", 0.01)),
    "LogSoftmax": lambda inputs, settings: inputs[0].log_softmax(settings.get("axis", -1)),
    "Max": lambda inputs, settings: torch.stack(torch.broadcast_tensors(*inputs)).amax(0),
    "MaxPool": layers.max_pool,
    "Min": lambda inputs, settings: torch.stack(torch.broadcast_tensors(*inputs)).amin(0),
    "Pad": shapes.pad,
    "ReduceMax": layers.reduction(torch.amax),
    "ReduceMean": layers.reduction(torch.mean),
    "ReduceSum": layers.reduction(torch.sum),
    "Reshape": shapes.reshape,
    "Shape": lambda inputs, settings: torch.tensor(
        inputs[0].shape[settings.get("start", 0) : settings.get("end")]),
    "Slice": shapes.sliced,
    "Softmax": lambda inputs, settings: inputs[0].softmax(settings.get("axis", -1)),
    "Split": shapes.split,
    "Squeeze": shapes.squeeze,
    "Transpose": lambda inputs, settings: inputs[0].permute(
        settings.get("perm", tuple(reversed(range(inputs[0].ndim))))),
    "Unsqueeze": shapes.unsqueeze,
}  # fmt: skip
