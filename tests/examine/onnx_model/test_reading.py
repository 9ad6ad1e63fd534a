"""A model from an ONNX file: its own answers, and the gradients of a copy that agrees with them."""

from copy import deepcopy

import pytest
import torch

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

from utils.backbones.classifier import build
from utils.data.split import to_float
from utils.examine import examine
from utils.examine.adapter import has_gradients
from utils.examine.model_files import read_model
from utils.examine.onnx_model import operations, reading

SEES, GOOD, ATTACKED = "Does it see what it should?", "How good is it?", "What can an attacker do?"


def saved(network, path, example, dynamic=True):
    axes = {"images": {0: "batch"}} if dynamic else None
    torch.onnx.export(network, (example,), str(path), dynamo=False, input_names=["images"],
                      dynamic_axes=axes)  # fmt: skip
    return path


@pytest.mark.parametrize(
    ("name", "size"),
    [("resnet18_narrow", 32), ("tinynet_e", 32), ("efficientnet_lite0", 32), ("dinov2_tiny", 28)],
)
@pytest.mark.parametrize("dynamic", [True, False])
def test_answers_and_gradients_are_those_of_the_network(name, size, dynamic, tmp_path):
    network, pixels = build(name, 3, size), torch.rand(5, 1, size, size)
    model = read_model(saved(network, tmp_path / "net.onnx", pixels[:2], dynamic))
    with torch.no_grad():
        assert torch.allclose(model(pixels), network(pixels), atol=1e-4)
    slopes = []
    for each in (model, network):
        images = pixels.clone().requires_grad_()
        slopes += torch.autograd.grad(each(images)[:, 0].sum(), images)
    assert torch.allclose(*slopes, rtol=1e-2, atol=1e-3 * float(slopes[1].abs().max()))


def test_what_is_not_covered_is_examined_as_a_black_box(network, images, tmp_path, monkeypatch):
    monkeypatch.delitem(operations.OPERATIONS, "Conv")
    path = saved(network, tmp_path / "net.onnx", to_float(images.images[:2]))
    model, questions = read_model(path), (SEES, GOOD, ATTACKED)
    options = {"questions": questions, "epsilon": 32 / 255, "attacked": 24}
    report = examine(model, images, **options)
    assert not model.batch and "a black box" in report[SEES].measured
    assert report[GOOD].severity == "ok" and "no gradients" in report[ATTACKED].measured


def test_a_copy_is_attacked_and_the_file_judges(network, images, tmp_path):
    path = saved(network, tmp_path / "net.onnx", to_float(images.images[:2]))
    options = {"questions": (SEES, ATTACKED), "epsilon": 32 / 255, "attacked": 24}
    ours, its = (examine(m, images, **options) for m in (network, read_model(path)))
    assert ours[ATTACKED].numbers == its[ATTACKED].numbers
    assert "a copy in torch" in its[SEES].measured and "a copy" not in ours[SEES].measured


def test_a_file_that_wants_images_of_16_bits_gets_them(network, images, tmp_path):
    own, pixels = deepcopy(network).half(), to_float(images.images[:9])
    model = read_model(saved(own, tmp_path / "net.onnx", pixels[:2].half()))
    with torch.no_grad():
        assert torch.allclose(model(pixels).float(), network(pixels), atol=0.1)
    assert "in float16" in examine(model, images, questions=[SEES])[SEES].measured


@pytest.mark.parametrize("fault", ["other weights", "fails"])
def test_a_copy_that_does_not_agree_with_the_file_gives_no_gradients(
    fault, network, images, tmp_path, monkeypatch
):
    path = saved(network, tmp_path / "net.onnx", to_float(images.images[:2]))
    model = read_model(path)
    assert has_gradients(model, images)
    for weights in model.copy.buffers():
        if weights.is_floating_point():
            weights.mul_(1.01) if fault == "other weights" else weights.resize_(1)
    assert not has_gradients(model, images) and model.copy is None
    with torch.no_grad():
        assert torch.allclose(
            model(to_float(images.images)), network(to_float(images.images)), atol=1e-4
        )


def test_a_file_that_is_no_onnx_is_refused(tmp_path):
    (tmp_path / "net.onnx").write_bytes(b"no graph")
    with pytest.raises(ValueError, match="cannot be read as ONNX"):
        reading.read_onnx(tmp_path / "net.onnx")
