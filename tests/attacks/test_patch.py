"""A patch changes one square and no more, and is far stronger than noise at the same place."""

import pytest
import torch
from small import small_split
from torch import nn
from witnesses import OnePlace, grey, linear, robust, some

from utils.attacks.patch import FILLS, PLACES, AdversarialPatch, ControlPatch, side_of, squares
from utils.data.split import to_float

EVERY = [
    *(AdversarialPatch(0.08, 5, place) for place in PLACES),
    AdversarialPatch(0.05, 5, loss="cross_entropy", tries=1),
    *(ControlPatch(0.08, fill=fill) for fill in FILLS),
    ControlPatch(place="border"),
]


@pytest.mark.parametrize("attack", EVERY, ids=repr)
def test_changes_one_square_of_its_area_and_leaves_the_rest(attack, model, batch):
    images, labels = batch
    before, labels = images.clone(), model(images).argmax(1)
    model.train()
    changed = ((attacked := attack(model, images, labels)) != images).any(1)
    assert model.training and all(weight.grad is None for weight in model.parameters())
    assert attacked.min() >= 0 and attacked.max() <= 1 and not attacked.requires_grad
    assert torch.equal(images, before) and len(attack(model, images[:0], labels[:0])) == 0
    side = side_of(attack.area, images)
    for where in changed:
        rows, columns = where.nonzero().T
        assert 0 < len(rows) <= side**2
        assert rows.max() - rows.min() < side and columns.max() - columns.min() < side


@pytest.mark.parametrize("shape, side", [((16, 16), 5), ((20, 30), 7), ((4, 90), 4)])
def test_the_square_has_the_area_that_was_asked_for(shape, side):
    assert side_of(0.08, torch.zeros(2, 1, *shape)) == side


def test_what_is_wrong_already_stays_as_it_is(model, batch):
    images, labels = batch[0], (model(batch[0]).argmax(1) + 1) % 3
    assert torch.equal(AdversarialPatch(steps=3)(model, images, labels), images)


@pytest.mark.parametrize("place", PLACES)
def test_the_places_are_where_they_should_be_and_differ(place, model, batch):
    images, labels = batch
    masks = torch.stack(squares(model, images, labels, 0.06, place, 4))[:, :, 0]
    assert (masks.sum((2, 3)) == 16).all() and masks.shape[0] == 4
    corners = masks[..., [0, 0, -1, -1], [0, -1, 0, -1]].sum(2)
    edges = masks[..., 0, :].sum(2) + masks[..., -1, :].sum(2)
    edges = edges + masks[..., :, 0].sum(2) + masks[..., :, -1].sum(2)
    if place == "corner":
        assert (corners == 1).all() and (masks.sum(0) <= 1).all()
    elif place == "border":
        assert (edges > 0).all()
    for one in range(4):
        for other in range(one):
            shared = (masks[one] * masks[other]).sum((1, 2))
            assert (shared < 16).all()


def test_the_strongest_square_is_where_the_model_looks():
    images, labels = to_float(small_split(3).images), torch.zeros(3, dtype=torch.long)
    mask = squares(OnePlace(), images, labels, 16 / 256, "strongest")[0]
    assert (mask[:, 0, 8:12, 4:8] == 1).all() and mask.sum() == 3 * 16


@pytest.mark.parametrize("place", ["strongest", "border", "corner"])
def test_paints_the_exact_optimum_of_a_linear_model(place):
    """Black and white after the signs of the weights, in the square where they weigh most."""
    model, gaps = linear(2)
    model[1].bias.data[0] += 10  # so that it survives, and the painting is finished
    weight = nn.functional.avg_pool2d(gaps.abs().view(1, 1, 4, 4), 2, 1)[0, 0] * 4
    if place != "strongest":
        weight[1:-1, 1:-1] = 0
    if place == "corner":
        weight[1:-1] = weight[:, 1:-1] = 0
    images, labels = grey()
    logits = model(AdversarialPatch(0.25, 50, place, tries=1)(model, images, labels))
    optimum = 11 - 0.5 * float(weight.max())
    assert (logits[:, 0] - logits[:, 1]).tolist() == pytest.approx([optimum] * 5, abs=1e-4)


@pytest.mark.parametrize("place", ["strongest", "corner"])
@pytest.mark.parametrize("fill", FILLS)
def test_is_far_stronger_than_a_square_painted_without_the_model(place, fill, model):
    torch.manual_seed(0)
    images, labels = some(60)
    left, control = (
        robust(attack, model, images, labels)
        for attack in (AdversarialPatch(place=place), ControlPatch(place=place, fill=fill))
    )
    assert left < control - 0.2


def test_more_places_and_more_area_break_no_fewer_images(model):
    images, labels = some(60)
    scores = []
    for attack in (
        AdversarialPatch(0.05, 20, tries=1),
        AdversarialPatch(0.05, 20),
        AdversarialPatch(0.15, 20),
    ):
        torch.manual_seed(0)
        scores.append(robust(attack, model, images, labels))
    assert scores[0] >= scores[1] >= scores[2] and scores[0] > scores[2]


@pytest.mark.parametrize(
    "wrong",
    [{"area": 0}, {"area": 8}, {"place": "moon"}, {"steps": 0}, {"tries": 0}, {"loss": "energy"}],
    ids=str,
)
def test_a_wrong_setting_is_refused_when_made(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        AdversarialPatch(**wrong)


def test_a_control_with_a_wrong_fill_is_refused():
    with pytest.raises(ValueError, match="fill 'gold'; choose from noise, grey"):
        ControlPatch(fill="gold")
