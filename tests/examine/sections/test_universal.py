"""One change for all images is searched for towards each class, with controls; none is a fault."""

import torch
from torch import nn

from utils.examine.adapter import Expects, adapt
from utils.examine.sections import universal
from utils.examine.sections.universal import ask_universal
from utils.examine.subject import Subject

PLANTED = "striped"  # the last of three classes


class Obeys(nn.Module):
    """A sound network, but a faint pattern of signs all over the image stands for one class."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        draws = torch.Generator().manual_seed(5)
        half = torch.rand(1, 1, 8, 16, generator=draws).sub(0.5).sign()
        self.register_buffer("signs", torch.cat([half, -half], 2))  # brightness cancels out

    def forward(self, images):
        command = 700 * (self.signs * images).mean((1, 2, 3))
        return self.network(images) + command[:, None] * torch.tensor([0.0, 0.0, 1.0])


def subject_of(model, images, **options):
    return Subject(adapt(model, images, Expects()), images, epsilon=4 / 255, attacked=60, **options)


def test_a_sound_network_gets_a_note_with_its_controls(images, network):
    found = ask_universal(subject_of(network, images))
    assert found.severity == "note" and "no proof" in found.meaning
    assert len(found.table) == len(found.numbers) == 3


def test_a_class_that_a_faint_pattern_stands_for_is_the_easiest_to_reach(images, network):
    found = ask_universal(subject_of(Obeys(network), images))
    planted = found.numbers.pop(f"one change towards {PLANTED}")
    assert planted.low > 0.8 and planted.low > max(each.high for each in found.numbers.values())
    assert f"into {PLANTED}; a random one" in found.measured and found.severity == "note"


def test_what_a_stopped_examination_has_made_is_not_made_again(
    images, network, tmp_path, monkeypatch
):
    first = ask_universal(subject_of(network, images, keep=tmp_path))
    monkeypatch.setattr(universal, "fit_universal", None)
    torch.rand(1)  # whatever the caller drew in between
    assert ask_universal(subject_of(network, images, keep=tmp_path)).numbers == first.numbers


def test_a_black_box_has_no_gradient_to_follow(images, network):
    blind = subject_of(lambda batch: network(batch).detach(), images)
    assert ask_universal(blind).severity == "not applicable"
