"""Inputs that may be left out, and lists that are an input or a setting."""

import torch

from utils.examine.onnx_model.inputs import numbers, optional

AXES = torch.tensor([1, 2])


def test_an_input_may_be_left_out():
    assert optional([AXES], 0) is AXES and optional([AXES], 1) is None
    assert optional([AXES, None], 1) is None


def test_a_list_is_an_input_a_setting_or_the_usual_one():
    settings = {"axes": [3]}
    assert numbers([AXES], 0, settings, "axes") == [1, 2]
    assert numbers([AXES], 1, settings, "axes") == [3]
    assert numbers([AXES], 1, {}, "axes", [0]) == [0]
