"""Traps that models may hold: each is pointed at by name, and sound models raise nothing."""

import pytest
import torch
from planted import Augments, Compresses, EndsInSoftmax, Noisy, Rounds, scaled
from small import trained_network
from sound import EPSILON, SOUND, drawn, sound_network
from torch import nn

from utils.examine import examine

SEES, ATTACKED = "Does it see what it should?", "What can an attacker do?"
OPTIONS = {"attacked": 30, "epsilon": EPSILON, "minutes": 60}
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
    report = examine(make(), images, questions=[question], **OPTIONS)
    assert report[question].severity == "alarm" and words in report[question].measured


@pytest.mark.parametrize("kind", SOUND)
def test_a_sound_model_raises_nothing(kind):
    network = sound_network(kind, drawn(90, seed=90))
    report = examine(network, drawn(180, seed=7), questions=JUDGED, **OPTIONS)
    assert set(report.table["severity"]) <= {"ok", "note"}, report.table
