"""A network of our own, for what timm has not: an image read like a text, row by row."""

import torch
from torch import Tensor, nn


class RowReader(nn.Module):
    """Reads an image like a text, row by row (bidirectional GRU).

    The features are the last states of both directions: at the bottom and at the top.
    """

    def __init__(self, size: int, hidden: int = 128):
        super().__init__()
        self.num_features = 2 * hidden
        self.reader = nn.GRU(3 * size, hidden, batch_first=True, bidirectional=True)

    def forward(self, images: Tensor) -> Tensor:
        rows = images.permute(0, 2, 1, 3).flatten(2)  # (n, height, channels * width)
        # cudnn's GRU has no gradient in evaluation mode, which attacks and saliency need.
        with torch.backends.cudnn.flags(enabled=self.training):
            _, states = self.reader(rows)
        return states.transpose(0, 1).flatten(1)
