"""The quicker copy predicts as the model does, and is refused where it would not."""

import pytest
import torch
from torch import nn

from utils.attacks.fused import fuse_batch_norm
from utils.backbones.classifier import build


def used(model: nn.Module) -> nn.Module:
    """The model with running averages as training leaves them, in evaluation mode."""
    torch.manual_seed(0)
    for part in model.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.2)
            part.running_var.uniform_(0.5, 2)
            nn.init.normal_(part.bias, 0, 0.2)
    return model.eval()


def norms(model: nn.Module) -> int:
    return sum(isinstance(part, nn.BatchNorm2d) for part in model.modules())


@pytest.mark.parametrize("name", ["resnet18_narrow", "tinynet_e"])
def test_logits_and_gradients_are_those_of_the_model(name):
    model, images = used(build(name, 4, 48)), torch.rand(3, 3, 48, 48, requires_grad=True)
    copy = fuse_batch_norm(model, images.detach())
    gradients = [torch.autograd.grad(each(images)[:, 0].sum(), images)[0] for each in (model, copy)]
    assert norms(model) > 0 and norms(copy) == 0
    assert torch.allclose(copy(images), model(images), atol=1e-4)
    assert torch.allclose(*gradients, atol=1e-4 * gradients[0].abs().max())


def test_the_model_itself_is_left_as_it_was():
    model = used(build("resnet18_narrow", 4, 48))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    fuse_batch_norm(model, torch.rand(2, 3, 48, 48))
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(weight.requires_grad for weight in model.parameters())


class Shared(nn.Module):
    """One convolution before two norms: to fold both into it would be wrong."""

    def __init__(self):
        super().__init__()
        self.conv, self.one, self.two = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.BatchNorm2d(4)

    def forward(self, images):
        return (self.one(self.conv(images)) + self.two(self.conv(images + 1))).mean((2, 3))


class Tapped(nn.Module):
    """The output of the convolution is used beside the norm as well."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

    def forward(self, images):
        found = self.conv(images)
        return (self.norm(found) + found).mean((2, 3))


@pytest.mark.parametrize("kind", [Shared, Tapped, nn.Identity])
def test_a_network_that_cannot_be_folded_is_used_as_it_is(kind):
    model = used(kind())
    assert fuse_batch_norm(model, torch.rand(2, 3, 8, 8)) is model
