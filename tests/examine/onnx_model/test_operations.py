"""All other operations beside onnxruntime's."""

import numpy as np
import pytest
from one_operation import IMAGES, numbers, same_as_onnxruntime
from onnx import TensorProto

PLAIN = (
    "Abs", "Ceil", "Cos", "Erf", "Exp", "Floor", "GlobalAveragePool", "GlobalMaxPool", "HardSwish",
    "Identity", "Neg", "Relu", "Round", "Shape", "Sigmoid", "Sin", "Softmax", "LogSoftmax", "Tanh",
    "Transpose", "Elu", "LeakyRelu", "HardSigmoid", "Reciprocal", "Dropout",
)  # fmt: skip
OTHER = numbers(4, 1, 6)

CASES = [
    *((name, [], {}) for name in PLAIN),
    *((name, [OTHER], {}) for name in ("Add", "Sub", "Mul", "Div", "Max", "Min")),
    ("MatMul", [numbers(6, 3)], {}),
    ("Concat", [IMAGES[:, :1]], {"axis": 1}),
    ("Clip", [np.array(-0.3, np.float32), np.array(0.6, np.float32)], {}),
    ("Clip", [None, np.array(0.6, np.float32)], {}),
    ("Cast", [], {"to": TensorProto.INT32}),
    ("Elu", [], {"alpha": 0.3}),
    ("LeakyRelu", [], {"alpha": 0.3}),
    ("HardSigmoid", [], {"alpha": 0.4, "beta": 0.1}),
    ("Softmax", [], {"axis": 1}),
    ("Transpose", [], {"perm": [0, 2, 3, 1]}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "inputs", "settings"), CASES)
def test_it_gives_what_onnxruntime_gives(name, inputs, settings):
    assert same_as_onnxruntime(name, inputs, settings)
