"""A resizer that skips pixels lets a hidden picture through, one that reads all does not."""

import pytest
import torch.nn.functional as F

from utils.contamination.resizers import resizer_named
from utils.examine.adapter import Expects, adapt
from utils.examine.sections.pipeline import ask_pipeline
from utils.examine.sections.scaling import larger, own_resizer, scaling_result
from utils.examine.subject import Subject

SKIPS, READS = "torch nearest", "torch bilinear, anti-aliased"


def resizing(network, **settings):
    """A model that takes any size and shrinks it by itself."""
    return lambda images: network(F.interpolate(images, (16, 16), **settings))


def subject_of(model, images, resizer=""):
    named = resizer_named(resizer) if resizer else None
    return Subject(adapt(model, images, Expects()), images, resizer=named)


@pytest.mark.parametrize(("resizer", "through"), [(SKIPS, True), (READS, False)])
def test_the_resizer_that_is_named_is_attacked(resizer, through, images, network):
    found = scaling_result(subject_of(network, images, resizer))
    assert found.lets_through == through and resizer in str(found)
    assert found.control.value < 0.2


@pytest.mark.parametrize("mode", [{"mode": "nearest"}, {"mode": "bilinear", "antialias": True}])
def test_the_resizer_inside_the_model_is_found_and_attacked(mode, images, network):
    subject = subject_of(resizing(network, **mode), images)
    found = scaling_result(subject)
    assert found.inside and own_resizer(subject).kernel.startswith(mode["mode"])
    assert found.lets_through == (mode["mode"] == "nearest")


def test_a_model_that_looks_at_all_pixels_or_takes_one_size_has_no_resizer(images, network):
    def one_size(batch):
        assert batch.shape[-1] == 16, "another size"
        return network(batch)

    assert own_resizer(subject_of(network, images)) is None
    assert own_resizer(subject_of(one_size, images)) is None


def test_the_pipeline_warns_of_it_and_says_what_was_not_tried(images, network):
    warned = ask_pipeline(subject_of(network, images, SKIPS))
    assert warned.severity == "warning" and "reads every pixel" in warned.advice
    quiet = ask_pipeline(subject_of(network, images))
    assert quiet.severity == "note" and "is not known" in quiet.measured  # a note on shifts alone
    assert "reads every pixel" not in quiet.advice


def test_files_are_larger_and_look_alike(images):
    few = images.images[:3]
    large = larger(few)
    assert large.shape[-1] == 64 and large.dtype == few.dtype
    small = resizer_named("pillow area")(large, (16, 16))
    assert (small.int() - few.int()).abs().float().mean() < 8
