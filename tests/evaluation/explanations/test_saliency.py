"""Heat maps see a planted cue, leave no trace, and their scores are the closed forms."""

import numpy as np
import pytest
import torch
from small import small_split, trained_network

from utils.attacks.pgd import PGD
from utils.backbones.classifier import build
from utils.data.split import to_float
from utils.evaluation.explanations.saliency import (
    NOISE,
    before_and_after,
    centre_shift,
    heat_maps,
    mass_in_mask,
    saliency_shift,
    similarity,
)
from utils.evaluation.inference import predict


def square(row: int, column: int, side: int = 32) -> np.ndarray:
    image = np.zeros((1, side, side))
    image[:, row : row + 8, column : column + 8] = 1
    return image


def test_mass_inside_is_the_share_of_the_heat():
    heat = square(0, 0) + 3 * square(16, 16)
    assert mass_in_mask(heat, square(16, 16)) == pytest.approx([0.75])
    assert mass_in_mask(np.ones((1, 32, 32)), square(4, 4)) == pytest.approx([64 / 1024])


def test_the_shift_is_the_distance_of_the_centres():
    shift = centre_shift(square(0, 0), square(12, 16))
    assert shift == pytest.approx([20 / 31])
    assert centre_shift(square(3, 5), square(3, 5)) == pytest.approx([0])


def test_equal_maps_are_alike_and_others_less():
    heat, other = square(0, 0), square(16, 16)
    assert similarity(heat, heat) == pytest.approx([1])
    assert similarity(heat, other)[0] < similarity(heat, square(2, 2))[0] < 1


def test_a_map_without_heat_has_no_score():
    empty = np.zeros((1, 32, 32))
    assert np.isnan(similarity(empty, square(0, 0)))
    assert np.isnan(mass_in_mask(empty, square(0, 0)))
    assert np.isnan(mass_in_mask(square(0, 0), empty))
    assert np.isnan(centre_shift(empty, square(0, 0)))


KINDS = [  # maps of stages, tokens of patches with and without registers, and neither
    ("resnet18", 64),
    ("efficientnet_b0", 56),
    ("tinynet_e", 56),
    ("dinov2_tiny", 56),
    ("dinov2_small_registers", 224),
    ("gru_rows", 40),
    ("convnext_atto", 64),  # known to timm, not to us, as are the others below
    ("mixer_s32_224", 224),  # patches, but no attention
    ("cait_xxs24_224", 224),  # the class token joins late
    ("swin_tiny_patch4_window7_224", 224),  # maps with the channels last
]


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("name, size", KINDS)
def test_maps_have_the_size_of_the_image_and_leave_no_trace(name, size, frozen):
    model = build(name, 3, size, frozen=frozen).train()
    learns = [weight.requires_grad for weight in model.parameters()]
    before = {name: value.clone() for name, value in model.state_dict().items()}
    images = torch.rand(3, 1, size, size)
    maps = heat_maps(model, images, torch.tensor([0, 1, 2]))
    assert maps.shape == (3, size, size) and maps.min() >= 0 and maps.max() <= 1
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(weight.grad is None for weight in model.parameters()) and model.training
    assert not any(part._forward_hooks for part in model.modules())
    assert learns == [weight.requires_grad for weight in model.parameters()]


def test_the_saliency_of_a_reader_lies_on_the_rows_that_it_reads():
    """A reader that is blind to the lower half of the columns has no heat there."""
    model = build("gru_rows", 2, 32)
    for weight in (model.backbone.reader.weight_ih_l0, model.backbone.reader.weight_ih_l0_reverse):
        weight.data.unflatten(1, (3, 32))[:, :, :16] = 0
    heat = heat_maps(model, torch.rand(2, 1, 32, 32), torch.tensor([0, 1]))
    assert heat.max() == pytest.approx(1) and heat[:, :, :14].max() < 1e-6


def test_the_map_follows_the_cue():
    """A network whose answer is the brightness of its feature map must look at the bright spot."""
    model = build("resnet18", 2, 224)
    dark = torch.full((1, 1, 224, 224), 0.0)
    places = [(30, 30), (30, 150), (150, 30), (150, 150)]
    centres = []
    for row, column in places:
        image = dark.clone()
        image[..., row : row + 40, column : column + 40] = torch.rand(40, 40)
        change = (model.features(image) - model.features(dark))[0].detach()
        model.head.weight.data = torch.stack([-change, change])
        heat = heat_maps(model, image, torch.tensor([1]))[0]
        centres.append(np.unravel_index(heat.argmax(), heat.shape))
    for (row, column), centre in zip(places, centres, strict=True):
        assert np.hypot(centre[0] - row - 20, centre[1] - column - 20) < 60


@pytest.mark.parametrize("name, size", [("resnet18", 64), ("dinov2_tiny", 56), ("gru_rows", 40)])
def test_a_map_does_not_depend_on_the_precision_of_its_caller(name, size):
    model, images = build(name, 3, size), torch.rand(2, 1, size, size)
    alone = heat_maps(model, images, torch.tensor([0, 2]))
    with torch.autocast("cpu", torch.bfloat16):
        assert np.array_equal(heat_maps(model, images, torch.tensor([0, 2])), alone)


SPLIT = small_split(24, seed=5)
ATTACK = PGD(0.1, 10, stop_when_fooled=True)


def test_before_and_after_an_attack_the_true_class_is_explained():
    """Not the predicted one, which the attack turns: then the untouched image changes its map."""
    model = trained_network()
    found = before_and_after(model, SPLIT, ATTACK)
    assert list(found) == ["clean", NOISE, "attacked"]
    clean, predicted = found["clean"]
    assert np.array_equal(clean, heat_maps(model, to_float(SPLIT.images), SPLIT.labels))
    right = np.array(predicted) == SPLIT.labels.numpy()
    turned = right & (np.array(found["attacked"][1]) != SPLIT.labels.numpy())
    assert right.mean() > 0.8 and turned.mean() > 0.4
    of_the_answer = heat_maps(model, to_float(SPLIT.images), found["attacked"][1])
    artefact = np.nanmean(similarity(clean, of_the_answer)[turned])
    assert artefact < np.nanmean(similarity(clean, clean)[turned])


def test_the_attack_that_is_shown_does_not_stop_at_its_first_success():
    model = trained_network()
    _, predicted = before_and_after(model, SPLIT, ATTACK)["attacked"]
    whole = predict(model, SPLIT, PGD(0.1, 10)).probabilities.argmax(1)
    assert predicted == whole.tolist()


def test_the_shift_stands_beside_that_of_noise():
    found = saliency_shift(trained_network(), SPLIT, ATTACK)
    assert 0 < found["similarity, attacked"] < 1 and 0 < found["similarity, noise"] < 1
    value = float(found["noise minus attacked"].split(" ")[0])
    expected = found["similarity, noise"] - found["similarity, attacked"]
    assert value == pytest.approx(expected, abs=0.03)  # maps without heat are left out in pairs
    assert "heat inside, clean" not in found  # without masks


def test_a_layer_can_be_chosen():
    model, images = build("resnet18", 3, 64), torch.rand(2, 1, 64, 64)
    found, chosen, deeper = (
        heat_maps(model, images, [0, 1], layer)
        for layer in (None, "backbone.layer2", model.backbone.layer4)
    )
    assert np.array_equal(found, chosen) and not np.allclose(found, deeper)
