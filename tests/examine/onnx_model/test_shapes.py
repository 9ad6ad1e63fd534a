"""What moves, cuts and repeats numbers, beside onnxruntime's."""

import numpy as np
import pytest
import torch
from one_operation import IMAGES, model_of, same_as_onnxruntime, whole

from utils.examine.onnx_model.graph import OnnxGraph
from utils.examine.onnx_model.inputs import NotCovered

CASES = [
    ("Reshape", [whole(0, -1, 6)], {}),
    ("Flatten", [], {"axis": 2}),
    ("Flatten", [], {"axis": 0}),
    ("Slice", [whole(1, -4), whole(2**62, -1), whole(1, 3), whole(1, 2)], {}),
    ("Slice", [whole(1), whole(2)], {}),
    ("Slice", [whole(-1, 9), whole(-(2**62), 1), whole(2, 3), whole(-1, -2)], {}),
    ("Gather", [whole(0, -1, 2)], {"axis": 1}),
    ("Gather", [np.array(-2, np.int64)], {"axis": -1}),
    ("Unsqueeze", [whole(0, -1)], {}),
    ("Squeeze", [], {}),
    ("Expand", [whole(3, 1, 4, 7, 6)], {}),
    ("Pad", [whole(0, 0, 1, 2, 0, 1, 0, 0), np.array(0.5, np.float32)], {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "inputs", "settings"), CASES)
def test_it_gives_what_onnxruntime_gives(name, inputs, settings):
    assert same_as_onnxruntime(name, inputs, settings)


@pytest.mark.parametrize(("inputs", "axis", "parts"), [([whole(1, 3)], 1, 2), ([], 2, 1)])
def test_a_split_has_all_its_parts(inputs, axis, parts):
    assert same_as_onnxruntime("Split", inputs, {"axis": axis}, parts)


def test_a_border_that_repeats_the_image_is_refused():
    with pytest.raises(NotCovered, match="border"):
        OnnxGraph(model_of("Pad", [whole(*[1] * 8)], {"mode": "reflect"}))(torch.from_numpy(IMAGES))
