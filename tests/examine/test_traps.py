"""Traps that models may hold: each is pointed at by name, and sound models raise nothing."""

from dataclasses import replace
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from planted import Augments, Compresses, EndsInSoftmax, Noisy, Rounds, fitted, scaled
from small import small_network, small_split, trained_network
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from utils.backbones.row_reader import RowReader
from utils.data.split import Split, to_float
from utils.examine import ModelReport, examine
from utils.examine.sections.shortcuts import BORDER

SEES, ATTACKED = "Does it see what it should?", "What can an attacker do?"
EPSILON = 16 / 255
OPTIONS = {"attacked": 30, "epsilon": EPSILON, "minutes": 60}
SIZE = 28
JUDGED = {  # the questions that can raise something; the others are notes, or need further data
    SEES, ATTACKED, "How good is it?", "Does the border decide?", "Is it as right as it is sure?",
    "Does it know when not to answer?", "Does the pipeline matter?",
    "What does contamination cost?",
}  # fmt: skip


class InBatchMode(nn.Module):
    """Holds its network in a list, where `eval()` does not find it."""

    def __init__(self):
        super().__init__()
        self.held = [trained_network()]
        self.held[0][1].train()

    def forward(self, images):
        return self.held[0](images)


class Member(nn.Module):
    """Brings the images into its own range, in place."""

    def __init__(self, seed: int):
        super().__init__()
        self.network = trained_network(seed)

    def forward(self, images):
        return self.network(images.mul_(0.95))


class SharedInput(nn.Module):
    """Members that get one tensor, one after the other."""

    def __init__(self):
        super().__init__()
        self.voters = nn.ModuleList([Member(seed) for seed in range(3)])

    def forward(self, images):
        images = images.clone()
        return torch.stack([voter(images) for voter in self.voters]).mean(0)


class Constant(nn.Module):
    def forward(self, images):
        return images.new_tensor([[1.0, 2.0, 3.0]]).expand(len(images), -1)


class Softmaxed(EndsInSoftmax):
    """So sure that float32 rounds its probabilities to 0 and 1."""

    def __init__(self):
        super().__init__()
        self.known = scaled(1000)


TRAPS = {  # the model, the question that points at it, and the words
    "softmax saturation": (Softmaxed, SEES, "softmax is saturated"),
    "logits times 1,000": (lambda: scaled(1000), SEES, "softmax is saturated"),
    "batch norm in training mode": (InBatchMode, SEES, "training mode (BatchNorm2d)"),
    "JPEG before the network": (Compresses, ATTACKED, "quantisation or JPEG"),
    "quantisation before the network": (Rounds, ATTACKED, "quantisation or JPEG"),
    "randomised defence": (Noisy, SEES, "another random defence"),
    "test-time augmentation": (Augments, SEES, "test-time augmentation"),
    "ensemble with a shared input": (SharedInput, SEES, "next member of an ensemble"),
    "ignored input": (Constant, SEES, "ignores its input"),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_each_trap_is_pointed_at_by_name(trap, images):
    make, question, words = TRAPS[trap]
    report = ModelReport(examine(make(), images, questions=[question], **OPTIONS))
    assert report[question].severity == "alarm" and words in report[question].measured


class Reader(nn.Module):
    """The rows of a grey image one by one."""

    def __init__(self):
        super().__init__()
        self.rows, self.head = RowReader(SIZE, 16), nn.Linear(32, 3)

    def forward(self, images):
        return self.head(self.rows(images.expand(-1, 3, -1, -1)))


class Transformer(nn.Module):
    """Sixteen patches, two blocks; images are centred inside."""

    def __init__(self):
        super().__init__()
        self.blocks = VisionTransformer(SIZE, 7, 1, 3, embed_dim=32, depth=2, num_heads=2)

    def forward(self, images):
        return self.blocks((images - 0.45) / 0.2)


def trained(network, split: Split, steps: int = 60, rate: float = 0.01):
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(network(to_float(split.images)), split.labels).backward()
        optimizer.step()
    return network.eval()


SOUND = {  # the network, and how it is trained
    "convolutional": (small_network, trained),
    "transformer": (Transformer, partial(trained, rate=0.003)),
    "recurrent": (Reader, trained),
    "adversarially trained": (small_network, partial(fitted, epsilon=EPSILON / 2)),
}


def drawn(count: int, seed: int) -> Split:
    """Three classes that differ inside; around them all are alike."""
    split, width = small_split(count, SIZE, seed), round(BORDER * SIZE)
    inner = (..., slice(width, -width), slice(width, -width))
    images = small_split(3 * count, SIZE, seed + 1).images[::3].clone()  # of one class
    images[inner] = split.images[inner]
    return replace(split, images=images)


@pytest.mark.parametrize("kind", SOUND)
def test_a_sound_model_raises_nothing(kind):
    make, train = SOUND[kind]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = train(make(), drawn(90, seed=90))
    report = ModelReport(examine(network, drawn(180, seed=7), questions=JUDGED, **OPTIONS))
    assert set(report.table["severity"]) <= {"ok", "note"}, report.table
