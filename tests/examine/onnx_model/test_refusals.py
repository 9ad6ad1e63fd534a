"""A damaged file, another version or another input is refused with what to do about it."""

from types import SimpleNamespace

import numpy as np
import pytest

from utils.examine.adapter import Expects, adapt
from utils.examine.model_files import read_model
from utils.examine.onnx_model.refusals import image_input, refusal, shape_in_words

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


@pytest.fixture
def path(tmp_path):
    """A graph of one operation, with weights, for images of 16 pixels."""
    weights = onnx.numpy_helper.from_array(np.ones((256, 3), np.float32), "weights")
    parts = [onnx.helper.make_node("Flatten", ["images"], ["flat"]),
             onnx.helper.make_node("MatMul", ["flat", "weights"], ["found"])]  # fmt: skip
    images, found = (
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
        for name, shape in (("images", ["n", 1, 16, 16]), ("found", ["n", 3]))
    )
    graph = onnx.helper.make_graph(parts, "net", [images], [found], [weights])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.save(model, tmp_path / "net.onnx")
    return tmp_path / "net.onnx"


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-40])


def emptied(path):
    path.write_bytes(b"")


def flipped(path):
    """One letter of the name of an input."""
    path.write_bytes(path.read_bytes().replace(b"flat", b"flau", 1))


def of_another_opset(path):
    model = onnx.load(path)
    model.opset_import[0].version = 99
    onnx.save(model, path)


def of_an_unknown_operation(path):
    model = onnx.load(path)
    model.graph.node[0].op_type = "Nonsense"
    onnx.save(model, path)


def without_its_weights(path):
    onnx.save(onnx.load(path), path, save_as_external_data=True, location="w", size_threshold=0)
    path.with_name("w").unlink()


DAMAGES = {
    cut_short: "copy or export it again", emptied: "copy or export it again",
    flipped: "contradicts itself", of_another_opset: "opset between 9 and 17",
    of_an_unknown_operation: "one of its operations", without_its_weights: "second file",
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda each: each.__name__)
def test_a_damaged_file_is_refused_with_advice(damage, path):
    read_model(path)
    damage(path)
    with pytest.raises(ValueError, match=f"cannot be read as ONNX: .*{DAMAGES[damage]}"):
        read_model(path)


def test_the_size_that_a_file_wants_is_said(path, images):
    model = adapt(read_model(path), images, Expects())
    assert model.channels == 1
    with pytest.raises(ValueError, match=r"wants \(any, 1, 16, 16\). Give the size"):
        adapt(read_model(path), images.resized(20), Expects())


INPUTS = {
    "two inputs": ([(4, "float"), (4, "float")], "2 inputs (a, a)"),
    "no input": ([], "0 inputs (none)"),
    "whole numbers": ([(["n", 3, 8, 8], "uint8")], "--white 255"),
    "rows": ([(["n", 256], "float")], "brings them into its form"),
    "channels last": ([(["n", 8, 8, 3], "float")], "transposition at its start"),
}


@pytest.mark.parametrize("kind", INPUTS)
def test_an_input_that_is_no_batch_of_images_is_refused(kind, path):
    given, why = INPUTS[kind]
    inputs = [SimpleNamespace(name="a", shape=shape, type=f"tensor({t})") for shape, t in given]
    with pytest.raises(ValueError) as refused:
        image_input(path, inputs)
    assert why in str(refused.value)


def test_channels_first_and_open_shapes_are_taken(path):
    for shape in ([1, 3, 3, 3], ["n", 1, "h", "w"], [None, None, None, None]):
        wanted = SimpleNamespace(name="a", shape=shape, type="tensor(float)")
        assert image_input(path, [wanted]) is wanted
    assert shape_in_words(["n", 3, None, 8]) == "(any, 3, any, 8)"


def test_what_onnxruntime_says_follows_the_advice(path):
    found = refusal(path, RuntimeError("Protobuf parsing failed.\nmore"), "1.20")
    assert "copy or export it again (Protobuf parsing failed. more)" in found
