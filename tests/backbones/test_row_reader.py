"""The row reader reads an image from both ends."""

import torch

from utils.backbones.classifier import build


def test_the_row_reader_reads_from_both_ends():
    """Changing the last row changes states that only the reader from below has at the top."""
    model = build("gru_rows", 3, 32)
    image = torch.rand(1, 3, 32, 32)
    changed = image.clone()
    changed[..., -1, :] = 1
    rows = [x.permute(0, 2, 1, 3).flatten(2) for x in (image, changed)]
    with torch.no_grad():
        first, second = (model.backbone.reader(x)[0][:, 0] for x in rows)
    above, below = (first - second).abs().chunk(2, dim=1)
    assert above.max() == 0 and below.max() > 0
