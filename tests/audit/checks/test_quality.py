"""Image quality by name: planted faults are named for what they are, ordinary images are not."""

import numpy as np
import pytest
from folders import audit_by, picture
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from utils.audit.checks.quality import ISSUES
from utils.audit.folder import read_folder
from utils.audit.registry import CHECKS
from utils.data.phantoms import draw

SIZE = 160  # pixels: text needs some


def written_on(image):
    image = image.copy()
    font = ImageFont.load_default(14)
    ImageDraw.Draw(image).text((4, SIZE - 20), "ID 48213 M", fill=255, font=font)
    return image


def of_one_level(image):
    return Image.fromarray(np.random.default_rng(0).integers(99, 103, image.size).astype(np.uint8))


def with_noise(image):
    levels = np.asarray(image) + np.random.default_rng(0).normal(0, 30, image.size)
    return Image.fromarray(levels.clip(0, 255).astype(np.uint8))


FAULTS = {
    "dark": lambda image: image.point(lambda level: level // 4),
    "bright": lambda image: image.point(lambda level: min(255, level + 140)),
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(4)),
    "noisy": with_noise,
    "low information": lambda image: image.point(lambda level: level // 128 * 90),
    "odd size": lambda image: image.resize((SIZE // 4, SIZE // 4)),
    "odd aspect": lambda image: image.resize((SIZE // 2, 2 * SIZE)),
    "nearly blank": of_one_level,
    "burnt-in text": written_on,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Drawn brains, and one image with each fault."""
    place = tmp_path_factory.mktemp("quality") / "f"
    place.mkdir()
    for number, image in enumerate(draw("brain_phantom", SIZE, 70).images):
        drawn = Image.fromarray(image[0].numpy())
        drawn.save(place / f"{number:03}.png")
    for name, fault in FAULTS.items():
        fault(drawn).save(place / f"{name}.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("utils.data.loading.VARIABLES", place.parent / "variables")
        return read_folder(str(place))


def test_every_issue_has_its_fault():
    assert set(FAULTS) == set(ISSUES)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_for_what_it_is(fault, folder):
    scores = CHECKS["Image quality"](folder).scores
    row = np.flatnonzero(folder.relative_files == f"{fault}.png")[0]
    assert scores[f"is {fault}"].iloc[row]
    assert scores[fault].rank(ascending=False).iloc[row] <= 2


def test_ordinary_images_are_named_in_fewer_than_one_of_a_hundred(folder):
    found = CHECKS["Image quality"](folder)
    faulty = {f"{fault}.png" for fault in FAULTS}
    wrongly = set(folder.relative_files[list(found.flagged)]) - faulty
    assert len(wrongly) <= 0.01 * len(folder) and found.severity == "warning"


def test_few_images_are_skipped_unless_one_is_blank(tmp_path, cache):
    for number in range(4):
        picture(tmp_path / "f" / f"{number}.png", number)
    found = audit_by(["Image quality"], str(tmp_path / "f"), size=32)
    assert found["Image quality"].severity == "skipped"
    Image.new("L", (40, 40), 7).save(tmp_path / "f/blank.png")
    found = audit_by(["Image quality"], str(tmp_path / "f"), size=32)["Image quality"]
    assert found.severity == "warning" and found.captions == ("nearly blank",)
