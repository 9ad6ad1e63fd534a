"""A whole graph in torch: one output after another, and refusals by name."""

import pytest
import torch
from one_operation import IMAGES, model_of, onnx

from utils.examine.onnx_model.graph import OnnxGraph
from utils.examine.onnx_model.inputs import NotCovered


@pytest.mark.parametrize(("name", "opset", "why"), [("GRU", 17, "GRU"), ("Relu", 12, "opset 12")])
def test_what_is_not_covered_is_refused_by_name(name, opset, why):
    with pytest.raises(NotCovered, match=why):
        OnnxGraph(model_of(name, [], {}, opset=opset))


def test_one_operation_takes_what_another_gave():
    model = model_of("Relu", [], {})
    further = onnx.helper.make_node("Sub", ["y0", "x"], ["z"])
    model.graph.node.append(further)
    model.graph.output[0].name = "z"
    images = torch.from_numpy(IMAGES)
    assert torch.equal(OnnxGraph(model)(images), images.relu() - images)
