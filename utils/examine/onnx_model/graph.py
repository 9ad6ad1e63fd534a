"""The graph of an ONNX file as a torch module."""

from collections.abc import Callable

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from utils.examine.onnx_model.inputs import NotCovered
from utils.examine.onnx_model.operations import OPERATIONS

OLDEST = 13  # the opset since which the settings of many operations are inputs
Step = tuple[Callable, list[str], list[str], dict]


class OnnxGraph(nn.Module):
    """Runs the operations one after another. The weights are buffers: nothing here learns."""

    def __init__(self, model: onnx.ModelProto):
        super().__init__()
        self._check(model)
        graph = model.graph
        self.places = {stored.name: f"values_{k}" for k, stored in enumerate(graph.initializer)}
        for stored in graph.initializer:
            self.register_buffer(self.places[stored.name], _tensor(stored))
        self.steps = [_step(node) for node in graph.node]
        self.takes = next(each.name for each in graph.input if each.name not in self.places)
        self.returns = graph.output[0].name

    def forward(self, images: Tensor) -> Tensor:
        known = {name: getattr(self, place) for name, place in self.places.items()}
        known |= {self.takes: images, "": None}  # an input without a name is left out
        for operation, inputs, outputs, settings in self.steps:
            found = operation([known[name] for name in inputs], settings)
            known.update(
                zip(outputs, found if isinstance(found, tuple) else (found,), strict=False)
            )
        return known[self.returns]

    @staticmethod
    def _check(model: onnx.ModelProto) -> None:
        opset = next((each.version for each in model.opset_import if not each.domain), 0)
        if opset < OLDEST:
            raise NotCovered(f"opset {opset}")
        if unknown := {node.op_type for node in model.graph.node} - set(OPERATIONS):
            raise NotCovered(", ".join(sorted(unknown)))


def _step(node: onnx.NodeProto) -> Step:
    settings = {each.name: _value(each) for each in node.attribute}
    settings["outputs"] = len(node.output)
    return OPERATIONS[node.op_type], list(node.input), list(node.output), settings


def _value(attribute: onnx.AttributeProto) -> object:
    value = onnx.helper.get_attribute_value(attribute)
    return _tensor(value) if isinstance(value, onnx.TensorProto) else value


def _tensor(stored: onnx.TensorProto) -> Tensor:
    return torch.from_numpy(numpy_helper.to_array(stored).copy())
