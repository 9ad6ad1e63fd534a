"""Steps of a pipeline leave the answers of a sound model; a brittle one is named."""

from dataclasses import replace

import numpy as np
import torch
from PIL import Image

from utils.data.reader import read_images
from utils.examine.adapter import Expects, adapt
from utils.examine.sections.pipeline import HARMLESS, MANY, STEPS, ask_pipeline
from utils.examine.subject import Subject


def test_a_model_that_no_step_misleads_is_ok(images):
    def by_brightness(batch):
        """The classes differ in their means by more than a tenth."""
        darkest_first = torch.bucketize(255 * batch.mean((1, 2, 3)), torch.tensor([123.0, 153.0]))
        return 9.0 * torch.eye(3)[torch.tensor([0, 2, 1])[darkest_first]]

    found = ask_pipeline(Subject(adapt(by_brightness, images, Expects()), images))
    assert found.severity == "ok" and not found.advice and len(found.table) == len(STEPS)


def test_a_model_that_a_shift_misleads_gets_a_note(subject):
    found = ask_pipeline(subject)
    assert found.severity == "note" and found.advice
    assert found.numbers["changed by a shift by one pixel"].low > MANY
    assert found.numbers[f"changed by {HARMLESS}"].low <= MANY


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


def test_files_that_a_program_may_show_unturned_are_asked(images, tmp_path):
    """The model knows the classes by a bright upper edge, which lies elsewhere in the file."""
    files, exif = [], Image.Exif()
    exif[274] = 3  # half a turn
    for row, label in enumerate(images.labels.tolist()):
        levels = np.full((16, 16), 20, np.uint8)
        levels[-2:] = 20 + 100 * label  # the lower edge, as it is stored
        files.append(str(tmp_path / f"{row}.png"))
        Image.fromarray(levels).save(files[-1], exif=exif)
    split = replace(images, images=read_images(files, 16, 1).images, files=tuple(files))

    def by_the_upper_edge(batch):
        level = torch.bucketize(batch[:, :, 0].mean((1, 2)), torch.tensor([0.2, 0.6]))
        return 9.0 * torch.eye(3)[level]

    found = ask_pipeline(Subject(adapt(by_the_upper_edge, split, Expects()), split))
    changed = found.numbers["changed by an ignored EXIF orientation"]
    assert found.severity == "note" and changed.value > 0.6
    row = found.table.set_index("step").loc["an ignored EXIF orientation"]
    assert row["images"] == "100" and "none has more than 8 bits" in found.measured


def test_what_only_files_show_is_said_to_be_unasked_without_them(subject):
    assert "files are not at hand" in ask_pipeline(subject).measured


def test_every_step_keeps_the_shape():
    pixels = torch.rand(2, 3, 17, 16)
    assert all(step(pixels).shape == pixels.shape for step in STEPS.values())
