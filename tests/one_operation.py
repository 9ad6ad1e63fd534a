"""Graphs of one ONNX operation, and what onnxruntime makes of them beside ours."""

import numpy as np
import pytest
import torch

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from utils.examine.onnx_model.graph import OnnxGraph  # noqa: E402

OPSET = 17


def numbers(*shape: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def whole(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


IMAGES = numbers(2, 4, 7, 6, seed=0)


def model_of(name: str, inputs: list, settings: dict, outputs: int = 1, opset: int = OPSET):
    """A graph of one operation; the images go in first, and None is left out."""
    names = ["x", *("" if each is None else f"i{k}" for k, each in enumerate(inputs))]
    given = [
        numpy_helper.from_array(each, place)
        for each, place in zip(inputs, names[1:], strict=True)
        if each is not None
    ]
    results = [f"y{k}" for k in range(outputs)]
    graph = helper.make_graph(
        [helper.make_node(name, names, results, **settings)],
        "one operation",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, IMAGES.shape)],
        [helper.make_empty_tensor_value_info(each) for each in results],
        given,
    )
    imports = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


def same_as_onnxruntime(name: str, inputs: list, settings: dict, outputs: int = 1) -> bool:
    """Whether all outputs have the kind of number, the shape and the values of onnxruntime's."""
    model, alike = model_of(name, inputs, settings, outputs), []
    session, graph = runtime.InferenceSession(model.SerializeToString()), OnnxGraph(model)
    for wanted, output in zip(session.run(None, {"x": IMAGES}), model.graph.output, strict=True):
        graph.returns = output.name
        found = graph(torch.from_numpy(IMAGES)).numpy()
        alike.append(found.dtype == wanted.dtype and found.shape == wanted.shape)
        alike.append(np.allclose(found, wanted, atol=1e-5, equal_nan=True))
    return all(alike)
