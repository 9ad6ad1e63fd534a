"""Something that answers images: one row for each, whatever it returns and takes."""

import pytest
import torch

from utils.examine.opaque import Opaque, first_tensor


@pytest.mark.parametrize("wrap", [lambda rows: (rows, None), lambda rows: [rows], lambda rows: rows,
                                  lambda rows: {"features": 0, "logits": rows}])  # fmt: skip
def test_the_answer_is_the_first_tensor(wrap):
    rows = torch.rand(3, 2)
    assert first_tensor(wrap(rows)) is rows


@pytest.mark.parametrize("nothing", [None, (), {}])
def test_no_answer_is_refused(nothing):
    with pytest.raises(ValueError, match="returned nothing"):
        first_tensor(nothing)


@pytest.mark.parametrize("count", [1, 3, 4, 7])
def test_a_fixed_batch_is_filled_up_and_cut(count):
    seen = []

    def answer(batch):
        seen.append(len(batch))
        return batch.sum((1, 2, 3))

    pixels = torch.rand(count, 1, 2, 2)
    assert torch.allclose(Opaque(answer, 4)(pixels), pixels.sum((1, 2, 3)))
    assert set(seen) == {4}
