"""Every family of a modality does what a contamination must do."""

import pytest
import torch

from utils.contamination.corruptions.levels import DRAWN, LEVELS
from utils.contamination.corruptions.registry import CORRUPTIONS, corruptions
from utils.data.phantoms import draw

FILES = {modality: draw(name, 64, 12, views=1) for modality, name in DRAWN.items()}
EVERY = [(modality, each) for modality in CORRUPTIONS for each in corruptions(modality).values()]
EACH = pytest.mark.parametrize(
    ("modality", "corruption"),
    EVERY,
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)


@EACH
def test_images_change_and_everything_else_stays(modality, corruption):
    before = FILES[modality]
    after = corruption(before)
    assert after.images.dtype == torch.uint8 and after.images.shape == before.images.shape
    assert (after.images != before.images).flatten(1).any(1).all()
    assert torch.equal(after.labels, before.labels) and torch.equal(after.groups, before.groups)
    assert (after.changed == 1).all()


@EACH
def test_the_same_seed_gives_the_same_images(modality, corruption):
    first, second = (corruption(FILES[modality]).images for _ in range(2))
    assert torch.equal(first, second)


def test_each_family_has_levels_and_each_level_a_family():
    assert {m: list(levels) for m, levels in LEVELS.items()} == {
        m: [family.__name__ for family in families] for m, families in CORRUPTIONS.items()
    }


def test_families_are_chosen_by_name():
    chosen = corruptions("xray", 5, seed=3, names=("Gamma", "Defocus"))
    assert list(chosen) == ["Gamma", "Defocus"]
    assert {(each.severity, each.seed) for each in chosen.values()} == {(5, 3)}
    with pytest.raises(ValueError, match="unknown Stain; choose from QuantumNoise"):
        corruptions("xray", names=("Stain",))
    with pytest.raises(ValueError, match="unknown modality 'ct'; choose from xray, mri"):
        corruptions("ct")
