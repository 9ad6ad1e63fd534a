"""Convolutions, pools, norms and sums beside onnxruntime's."""

import numpy as np
import pytest
import torch
from one_operation import IMAGES, model_of, numbers, same_as_onnxruntime, whole

from utils.examine.onnx_model.graph import OnnxGraph
from utils.examine.onnx_model.inputs import NotCovered

SQUARE, NORM = numbers(5, 4, 3, 3), [numbers(4), numbers(4, seed=2), numbers(4, seed=3)]
CASES = [
    ("Conv", [SQUARE], {}),
    ("Conv", [SQUARE, numbers(5)], {"pads": [1, 0, 2, 1], "strides": [2, 1], "dilations": [1, 2]}),
    ("Conv", [numbers(4, 1, 3, 3)], {"group": 4, "pads": [1, 1, 1, 1]}),
    ("MaxPool", [], {"kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 0, 0, 1]}),
    ("MaxPool", [], {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1}),
    ("AveragePool", [], {"kernel_shape": [3, 2], "strides": [2, 1]}),
    ("AveragePool", [], {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1}),
    ("BatchNormalization", [*NORM, np.abs(numbers(4, seed=4))], {"epsilon": 1e-3}),
    ("LayerNormalization", [numbers(6), numbers(6, seed=2)], {"axis": -1, "epsilon": 1e-2}),
    ("LayerNormalization", [numbers(7, 6)], {"axis": 2}),
    ("ReduceMean", [], {"axes": [2, 3], "keepdims": 0}),
    ("ReduceMean", [], {}),
    ("ReduceMax", [], {"axes": [-1]}),
    ("ReduceSum", [whole(1, 3)], {"keepdims": 0}),
    ("ReduceSum", [], {"noop_with_empty_axes": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "inputs", "settings"), CASES)
def test_it_gives_what_onnxruntime_gives(name, inputs, settings):
    assert same_as_onnxruntime(name, inputs, settings)


REFUSED = [
    ("Conv", [SQUARE], {"auto_pad": "SAME_UPPER"}, "padding"),
    ("AveragePool", [], {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}, "border"),
]


@pytest.mark.parametrize(("name", "inputs", "settings", "why"), REFUSED)
def test_a_setting_that_is_not_covered_is_refused(name, inputs, settings, why):
    with pytest.raises(NotCovered, match=why):
        OnnxGraph(model_of(name, inputs, settings))(torch.from_numpy(IMAGES))
