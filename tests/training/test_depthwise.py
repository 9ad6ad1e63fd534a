"""PyTorch's own gradient is the witness, for every window, stride, padding and size of map."""

import pytest
import torch
from small import small_network
from torch import nn

from utils.backbones.classifier import build
from utils.training import depthwise
from utils.training.depthwise import SMALL_MAP, quick_depthwise, weight_gradient


@pytest.mark.parametrize("size", [2, 4, 7])
@pytest.mark.parametrize(
    "window, stride, padding",
    [(3, 1, 1), (5, 1, 2), (3, 2, 1), (5, 2, 2), ((3, 5), (2, 1), (1, 2)), (1, 1, 0), (2, 2, 1)],
)
def test_the_gradient_is_the_library_s(window, stride, padding, size):
    made = torch.Generator().manual_seed(size)
    layer = nn.Conv2d(6, 6, window, stride, padding, groups=6, bias=False).double()
    images = torch.randn(3, 6, size, size, generator=made, dtype=torch.double)
    answer = layer(images)
    gradient = torch.randn(answer.shape, generator=made, dtype=torch.double)
    answer.backward(gradient)
    found = weight_gradient(gradient, images, layer.kernel_size, layer.stride, layer.padding)
    assert torch.allclose(found, layer.weight.grad, atol=1e-12)


def _step(model: nn.Module, images: torch.Tensor, quick: bool) -> list[torch.Tensor]:
    images = images.clone().requires_grad_()
    model.zero_grad()
    with quick_depthwise(model) if quick else torch.enable_grad():
        loss = model(images).square().sum()
    loss.backward()
    return [loss.detach(), images.grad, *(each.grad.clone() for each in model.parameters())]


@pytest.mark.parametrize("name", ["tinynet_e", "efficientnet_lite0"])
def test_a_whole_network_takes_the_same_step(name, monkeypatch):
    torch.manual_seed(0)
    model = build(name, 3, 64).double().eval()
    images = torch.rand(2, 3, 64, 64, dtype=torch.double)
    calls, own = [], depthwise.weight_gradient
    monkeypatch.setattr(
        depthwise, "weight_gradient", lambda *given: calls.append(given[0].shape) or own(*given)
    )
    for plain, quick in zip(_step(model, images, False), _step(model, images, True), strict=True):
        assert torch.allclose(plain, quick, rtol=1e-9, atol=1e-12)
    assert calls and all(shape[2] * shape[3] <= SMALL_MAP for shape in calls)


def test_without_gradient_or_depthwise_convolution_nothing_is_done(monkeypatch):
    monkeypatch.setattr(depthwise._WeightGradient, "apply", None)  # an error if it were called
    model = build("tinynet_e", 3, 64).eval()
    with quick_depthwise(model), torch.no_grad():
        model(torch.rand(1, 3, 64, 64))
    frozen = model.requires_grad_(False)
    with quick_depthwise(frozen):
        frozen(torch.rand(1, 3, 64, 64, requires_grad=True)).sum().backward()
    with quick_depthwise(small_network()) as mode:
        assert mode is None
