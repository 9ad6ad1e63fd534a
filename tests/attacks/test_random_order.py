"""A change of order keeps every grey level and moves as much as it says, in each image anew."""

import pytest
import torch
from small import small_split

from utils.attacks.random_order import FixedRowOrder, ShuffledPatches, ShuffledRows
from utils.evaluation.inference import predict

IMAGES = torch.rand(6, 3, 16, 16, generator=torch.Generator().manual_seed(0))
PLACES = torch.arange(16.0).view(1, 1, 16, 1).expand(50, 1, 16, 16)  # each row shows its number
SHUFFLES = [ShuffledRows(), ShuffledRows(4), FixedRowOrder(), ShuffledPatches(4)]
SHUFFLES += [ShuffledPatches(4, 5), ShuffledPatches(5)]


@pytest.mark.parametrize("shuffle", SHUFFLES, ids=repr)
def test_every_grey_level_is_kept_and_something_moves(shuffle):
    torch.manual_seed(0)
    found = shuffle(None, IMAGES, None)
    assert found.shape == IMAGES.shape and not torch.equal(found, IMAGES)
    assert torch.equal(found.flatten(2).sort().values, IMAGES.flatten(2).sort().values)


@pytest.mark.parametrize("reach", [1, 2, 5, 16])
def test_no_row_overtakes_one_that_is_out_of_reach(reach):
    torch.manual_seed(0)
    order = ShuffledRows(reach)(None, PLACES, None)[:, 0, :, 0]
    before, after = order[:, :, None], order[:, None, :]
    overtaken = (before > after).triu(1)  # a later row stands above an earlier one
    farthest = ((before - after) * overtaken).max()
    assert reach - 3 <= farthest < reach or (reach == 1 and farthest == 0)


def test_any_order_is_as_likely_as_another():
    torch.manual_seed(0)
    mean = ShuffledRows()(None, PLACES.repeat(40, 1, 1, 1), None)[:, 0, :, 0].mean(0)
    assert (mean - 7.5).abs().max() < 0.5


def test_one_order_serves_all_images_and_another_seed_gives_another():
    order = FixedRowOrder(3)(None, PLACES, None)[:, 0, :, 0]
    assert (order == order[0]).all() and not torch.equal(order[0], PLACES[0, 0, :, 0])
    assert not torch.equal(order, FixedRowOrder(4)(None, PLACES, None)[:, 0, :, 0])


def test_as_many_patches_move_as_it_says_and_none_is_cut():
    numbers = torch.arange(16.0).view(1, 1, 4, 4).repeat_interleave(4, 2).repeat_interleave(4, 3)
    images = numbers.expand(20, 1, 16, 16)
    for count, moved in ((2, 2), (5, 5), (0, 16)):
        found = ShuffledPatches(4, count)(None, images, None)
        cells = found.unfold(2, 4, 4).unfold(3, 4, 4).flatten(4)
        assert (cells == cells[..., :1]).all()
        assert ((cells[..., 0] != numbers[:, :, ::4, ::4]).flatten(1).sum(1) == moved).all()


def test_a_border_that_fills_no_patch_stays():
    found = ShuffledPatches(5)(None, IMAGES, None)
    assert torch.equal(found[..., 15], IMAGES[..., 15])
    assert torch.equal(found[:, :, 15], IMAGES[:, :, 15])


def test_a_model_that_sums_all_pixels_predicts_the_same_and_again_with_the_same_seed():
    split = small_split(12)

    class Brightness(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.arange(3.0))

        def forward(self, images):
            return images.mean((1, 2, 3))[:, None] * self.weight

    class TopRow(Brightness):
        def forward(self, images):
            return images[:, :, 0].mean((1, 2))[:, None] * self.weight

    for shuffle in SHUFFLES:
        assert torch.allclose(
            torch.tensor(predict(Brightness(), split, shuffle).probabilities),
            torch.tensor(predict(Brightness(), split).probabilities),
        )
    once, again = (predict(TopRow(), split, ShuffledRows()).probabilities for _ in range(2))
    assert (once == again).all() and (once != predict(TopRow(), split).probabilities).any()
