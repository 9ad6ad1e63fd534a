"""Harmless steps leave a sound model's answers; a brittle one is warned of."""

import torch

from utils.examine.adapter import Expects, adapt
from utils.examine.sections.pipeline import STEPS, ask_pipeline
from utils.examine.subject import Subject


def test_a_sound_model_keeps_its_answers(subject):
    found = ask_pipeline(subject)
    assert found.severity == "ok" and len(found.table) == len(STEPS)


def test_a_model_that_reads_the_last_bits_is_warned_of(images, network):
    def answer(batch):
        """Right as long as grey levels are what they were."""
        sums = (255 * batch).round().long().sum((1, 2, 3))
        known = (255 * images.images.float() / 255).round().long().sum((1, 2, 3))
        changed = ~torch.isin(sums, known)
        found = network(batch)
        return found.roll(1, 1).where(changed[:, None], found)

    found = ask_pipeline(Subject(adapt(answer, images, Expects()), images))
    assert found.severity == "warning" and found.advice


def test_every_step_keeps_the_shape():
    pixels = torch.rand(2, 3, 17, 16)
    assert all(step(pixels).shape == pixels.shape for step in STEPS.values())
