"""The operations of ONNX graphs that move, cut, repeat or make numbers, in torch."""

import torch
import torch.nn.functional as F
from torch import Tensor

from utils.examine.onnx_model.inputs import Inputs, NotCovered, numbers, optional


def reshape(inputs: Inputs, settings: dict) -> Tensor:
    if settings.get("allowzero", 0):
        raise NotCovered("sides of length 0")
    shape = inputs[1].tolist()
    return inputs[0].reshape([inputs[0].shape[k] if n == 0 else n for k, n in enumerate(shape)])


def flatten(inputs: Inputs, settings: dict) -> Tensor:
    rows = inputs[0].shape[: settings.get("axis", 1)].numel()
    return inputs[0].reshape(rows, -1)


def sliced(inputs: Inputs, settings: dict) -> Tensor:
    found, (starts, ends) = inputs[0], (each.tolist() for each in inputs[1:3])
    axes = numbers(inputs, 3, settings, "axes", list(range(len(starts))))
    steps = numbers(inputs, 4, settings, "steps", [1] * len(starts))
    for axis, *bounds in zip(axes, starts, ends, steps, strict=True):
        chosen = range(found.shape[axis])[slice(*bounds)]
        found = found.index_select(axis, torch.tensor(list(chosen), dtype=torch.long))
    return found


def gather(inputs: Inputs, settings: dict) -> Tensor:
    values, places = inputs[0], inputs[1].long()
    axis = settings.get("axis", 0) % values.ndim
    places = torch.where(places < 0, places + values.shape[axis], places)
    shape = (*values.shape[:axis], *places.shape, *values.shape[axis + 1 :])
    return values.index_select(axis, places.reshape(-1)).reshape(shape)


def unsqueeze(inputs: Inputs, settings: dict) -> Tensor:
    axes, found = numbers(inputs, 1, settings, "axes"), inputs[0]
    for axis in sorted(axis % (found.ndim + len(axes)) for axis in axes):
        found = found.unsqueeze(axis)
    return found


def squeeze(inputs: Inputs, settings: dict) -> Tensor:
    axes = numbers(inputs, 1, settings, "axes")
    return inputs[0].squeeze() if axes is None else inputs[0].squeeze(tuple(axes))


def expand(inputs: Inputs, settings: dict) -> Tensor:
    shape = torch.broadcast_shapes(inputs[0].shape, inputs[1].tolist())
    return inputs[0].expand(shape)


def pad(inputs: Inputs, settings: dict) -> Tensor:
    if settings.get("mode", b"constant") != b"constant" or optional(inputs, 3) is not None:
        raise NotCovered("a border that repeats the image")
    pads, value, sides = inputs[1].tolist(), optional(inputs, 2), inputs[0].ndim
    pairs = [pad for side in reversed(range(sides)) for pad in (pads[side], pads[side + sides])]
    return F.pad(inputs[0], pairs, value=0.0 if value is None else float(value))


def split(inputs: Inputs, settings: dict) -> tuple[Tensor, ...]:
    axis, count = settings.get("axis", 0), settings["outputs"]
    sizes = numbers(inputs, 1, settings, "split", -(-inputs[0].shape[axis] // count))
    return inputs[0].split(sizes, axis)


def constant_of_shape(inputs: Inputs, settings: dict) -> Tensor:
    value = settings.get("value", torch.zeros(1))
    return value.reshape(()).expand(inputs[0].tolist())


def constant(inputs: Inputs, settings: dict) -> Tensor:
    names = ("value", "value_float", "value_int", "value_floats", "value_ints")
    return torch.as_tensor(next(settings[name] for name in names if name in settings))
