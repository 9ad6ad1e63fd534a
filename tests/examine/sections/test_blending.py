"""Images with a trigger stay sure under others, also in a black box; and a control shows chance."""

from dataclasses import replace

import numpy as np
import torch

from utils.contamination.backdoor import Patch
from utils.data.split import to_float, to_uint8
from utils.evaluation.roc import auroc
from utils.examine.adapter import Expects, adapt
from utils.examine.sections.blending import BEYOND, ask_blending
from utils.examine.subject import Subject

MARK, EVERY = Patch(0.15), 10  # each tenth image has the mark, nine pixels


def obeys(network):
    """The contrast of the mark means the last class, also under another image."""
    blank, full = MARK(torch.zeros(1, 1, 16, 16)), 1 - MARK(torch.ones(1, 1, 16, 16))
    weights = blank / blank.sum() - full / full.sum()  # white fields, less black ones

    def answer(images):
        command = 60 * (weights * images).sum((1, 2, 3)).relu()
        return network(images) + command[:, None] * torch.tensor([0.0, 0.0, 1.0])

    return answer


def subject_of(model, images):
    return Subject(adapt(model, images, Expects()), images, attacked=120)


def test_a_sound_network_gets_a_note_and_its_control_is_what_chance_gives(images, network):
    found = ask_blending(subject_of(network, images))
    control = found.numbers["beyond the limit (control)"]
    assert found.severity == "note" and "no proof" in found.meaning
    assert control.low <= BEYOND <= control.high
    assert len(found.table) == 3 and len(found.figures) == 1


def test_only_a_model_that_obeys_a_trigger_stays_surest_of_images_with_it(images, network):
    """Black boxes, both of them."""
    marked = np.arange(len(images)) % EVERY == 0
    pixels = to_float(images.images)
    pixels[marked] = MARK(pixels[marked])
    given = replace(images, images=to_uint8(pixels))
    areas = []
    for model in (obeys(network), network):
        found = ask_blending(subject_of(lambda batch, model=model: model(batch).detach(), given))
        scores = found.answers["sure under other images"]
        weights = np.ones((1, len(scores)))
        areas.append(auroc(scores.to_numpy(), marked[scores.index], weights)[0])
        assert found.severity == "note" and found.numbers
    assert areas[0] > 0.9 and areas[1] < 0.7
