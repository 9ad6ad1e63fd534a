"""8 and 16 bits mean the same shares of white."""

import pytest
import torch
from torch import nn

from utils.attacks.pgd import PGD
from utils.data.formats.depth import DTYPES, grey_levels, in_depth, resized, to_float, to_levels
from utils.data.formats.export import png, save_split
from utils.data.formats.reading import Reading
from utils.data.loading import load
from utils.data.reader import read_images
from utils.evaluation.attack_suite import AttackSuite
from utils.evaluation.flags.red_flags import check_attack
from utils.evaluation.inference import attacked_split, predict
from utils.training.config import TrainConfig
from utils.training.loop import train_or_load

ALL = {8: torch.arange(256, dtype=torch.uint8), 16: torch.arange(65536).to(torch.uint16)}


@pytest.mark.parametrize("depth", DTYPES)
def test_numbers_and_levels_are_the_same_to_and_fro(depth):
    levels = ALL[depth]
    pixels = to_float(levels)
    assert (pixels[0], pixels[-1]) == (0, 1) and torch.equal(to_levels(pixels, depth), levels)


def test_eight_bits_survive_sixteen():
    assert torch.equal(in_depth(in_depth(ALL[8], 16), 8), ALL[8])
    assert in_depth(ALL[8], 16).tolist() == [257 * level for level in range(256)]
    assert in_depth(ALL[16], 16) is ALL[16]


def test_grey_levels_are_those_of_eight_bits():
    assert torch.equal(grey_levels(ALL[8]), ALL[8].float())
    assert grey_levels(ALL[16])[[0, 257, 65535]].tolist() == [0, 1, 255]


@pytest.mark.parametrize("size", [4, 16, 32])
def test_deep_images_are_resized_as_finely_as_their_levels(size):
    shallow = torch.randint(0, 256, (3, 1, 16, 16), generator=torch.Generator().manual_seed(0))
    shallow = shallow.to(torch.uint8)
    deep = resized(in_depth(shallow, 16), size)
    assert deep.dtype == torch.uint16 and deep.shape == (3, 1, size, size)
    assert (grey_levels(deep) - resized(shallow, size).float()).abs().max() <= 1.01


SIGNAL = 60  # of 65,536 levels: a quarter of one of 256


def faint_classes(folder, count: int = 60, size: int = 12):
    """Two classes of PNG files, which differ by less than 8 bits can hold."""
    generator = torch.Generator().manual_seed(0)
    pattern = torch.randint(0, 2, (1, size, size), generator=generator) * 2 - 1
    for number in range(count):
        noise = torch.randint(-30, 31, (1, size, size), generator=generator)
        levels = 257 * 116 + noise + SIGNAL * pattern * (1 - 2 * (number % 2))
        path = folder / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(levels.to(torch.uint16)))
    rows = [f"{'ab'[n % 2]}/{n}.png,{'ab'[n % 2]},{n}" for n in range(count)]
    (folder / "table.csv").write_text("\n".join(["path,label,patient", *rows]))
    return folder / "table.csv"


def test_sixteen_bits_go_all_the_way(tmp_path):
    """Read, learned from, attacked, judged, written and read again, all below one of 256 levels."""
    table = faint_classes(tmp_path / "deep")
    splits = load(str(table), 12, fractions=(0.6, 0.2, 0.2), reading=Reading(16, "full"))
    network = nn.Sequential(nn.BatchNorm2d(1, eps=1e-12), nn.Flatten(), nn.Linear(144, 2))
    config = TrainConfig(epochs=6, batch_size=12, learning_rate=0.02, augment=False)
    train_or_load(network, splits, config, tmp_path)
    test = splits.test
    assert predict(network, test).accuracy == 1
    suite = AttackSuite(PGD(100 / 65535, 10), restarts=0, factors=(0.1, 1))
    found = suite.predict(network, test)
    assert found[suite.strongest].accuracy == 0 and found[suite.noise].accuracy == 1
    flags = check_attack(network, test, suite, found, images=12).set_index("flag")
    assert not flags["red"].any(), flags["reason"][flags["red"]].to_dict()
    attacked = attacked_split(network, test, suite.attack)
    change = attacked.images.int() - test.images.int()
    assert attacked.depth == 16 and 60 < change.abs().max() <= 100
    paths = save_split(attacked, tmp_path / "attacked")
    again = read_images(paths, 12, 1, reading=Reading(16, "full")).images
    assert torch.equal(again, attacked.images)


def test_eight_bits_do_not_hold_what_sixteen_do(tmp_path):
    files = sorted(faint_classes(tmp_path, 12).parent.glob("*/*"))
    shallow, deep = (
        read_images(files, 12, 1, reading=Reading(depth, "full")).images for depth in (8, 16)
    )
    assert shallow.unique().tolist() == [116] and len(deep.unique()) > 100
