"""How long the black-box attacks take, ours beside others at the same number of questions.

    make bench

Fewer questions or fewer finds are quicker: the questions per image and the robust accuracy stand
beside the time. Both are means over the repeats, because one search of few questions is a matter
of luck.
"""

import time

import numpy as np
import pandas as pd
import torch
import torchattacks
from art.attacks.evasion import HopSkipJump as TheirHopSkipJump
from art.attacks.evasion import PixelAttack
from art.estimators.classification import PyTorchClassifier
from attacks import models
from small import Counted, small_split, trained_network
from torch import nn

from utils.attacks.black_box import Square
from utils.attacks.few_pixels import FewPixels
from utils.attacks.hop_skip_jump import HopSkipJump
from utils.data.loading import load
from utils.data.split import to_float

EPSILON, IMAGES, REPEATS = 4 / 255, 48, 3
SQUARE_QUERIES, ITERATIONS = 300, 2  # of Square; of HopSkipJump, about 300 questions
GENERATIONS = 2  # of one pixel by ART, about 1,200 questions


def side_by_side(ways, model, images, labels, epsilon=1.0) -> list[dict]:
    """Each way in turn, so that a busy moment hits all alike; the first is the yardstick.

    What lies beyond epsilon fools nobody.
    """
    rows = {name: {"by": name, "seconds per image": np.inf} for name in ways}
    found = {name: [] for name in ways}
    for repeat in range(REPEATS):
        for name, way in ways.items():
            torch.manual_seed(repeat)
            np.random.seed(repeat)
            counted, started = Counted(model).eval(), time.perf_counter()
            attacked = way(counted, images, labels)
            seconds = (time.perf_counter() - started) / len(images)
            with torch.no_grad():
                right = model(attacked).argmax(1) == labels
            far = (attacked - images).abs().flatten(1).amax(1) > epsilon + 1e-6
            row = rows[name]
            row["seconds per image"] = min(row["seconds per image"], seconds)
            found[name].append((counted.seen / len(images), float((right | far).float().mean())))
    slowest = next(iter(rows.values()))["seconds per image"]
    for name, row in rows.items():
        asked, robust = np.mean(found[name], 0)
        row["questions per image"], row["robust accuracy"] = round(asked), f"{robust:.1%}"
        row["times as fast"] = round(slowest / row["seconds per image"], 1)
    return list(rows.values())


def square(model, images, labels) -> list[dict]:
    def theirs(model, images, labels):
        attack = torchattacks.Square(model, eps=EPSILON, n_queries=SQUARE_QUERIES - 1)
        return attack(images, labels)

    ways = {"torchattacks": theirs, "ours": Square(EPSILON, SQUARE_QUERIES)}
    return side_by_side(ways, model, images, labels, EPSILON)


def few_pixels(model, images, labels, pixels: int = 1) -> list[dict]:
    """Their population of 10 becomes 9 for one pixel or three of a grey image."""

    def theirs(model, images, labels):
        return torchattacks.OnePixel(model, pixels=pixels, steps=10, popsize=10)(images, labels)

    ways = {"torchattacks": theirs, "ours": FewPixels(pixels, 9, 10)}
    ways["ours, a third of the questions"] = FewPixels(pixels, 9, 3)
    return side_by_side(ways, model, images, labels)


def in_art(model, images):
    return PyTorchClassifier(
        model, nn.CrossEntropyLoss(), images.shape[1:], 4, clip_values=(0, 1), device_type="cpu"
    )


def one_pixel_beside_art(model, images, labels) -> list[dict]:
    """Their population is about 400, and they stop only after a whole generation."""

    def theirs(model, images, labels):
        attack = PixelAttack(in_art(model, images), th=1, es=1, max_iter=GENERATIONS)
        return torch.from_numpy(attack.generate(images.numpy(), labels.numpy())).float()

    ours = FewPixels(1, 399, GENERATIONS)
    return side_by_side({"ART": theirs, "ours": ours}, model, images, labels)


def hop_skip_jump(model, images, labels) -> list[dict]:
    def theirs(model, images, labels):
        wrapped = in_art(model, images)
        attack = TheirHopSkipJump(wrapped, norm=np.inf, max_iter=ITERATIONS, verbose=False)
        return torch.from_numpy(attack.generate(images.numpy(), labels.numpy()))

    counted, few = Counted(model).eval(), 4  # they spend about as much on every image
    theirs(counted, images[:few], labels[:few])
    queries = counted.seen // few
    ways = {"ART": theirs, "ours": HopSkipJump(EPSILON, queries)}
    return side_by_side(ways, model, images, labels, EPSILON)


ATTACKS = {
    "Square": square,
    "one pixel": few_pixels,
    "one pixel, larger": one_pixel_beside_art,
    "HopSkipJump": hop_skip_jump,
}


def query_table(images: int = IMAGES) -> pd.DataFrame:
    splits = load("brain_phantom", 64)
    some = splits.test.take(np.linspace(0, len(splits.test) - 1, images).astype(int))
    batch = to_float(some.images), some.labels
    rows = [
        {"model": how, "attack": name, **row}
        for how, model in models(splits).items()
        for name, attack in ATTACKS.items()
        for row in attack(model.eval(), *batch)
    ]
    return pd.DataFrame(rows).round({"seconds per image": 3})


def small_table(images: int = 48) -> pd.DataFrame:
    """Few pixels of a network so small that the search itself takes the time."""
    split, model = small_split(images, seed=7), trained_network()
    batch = to_float(split.images), split.labels
    rows = [
        {"pixels": pixels, **row} for pixels in (1, 3) for row in few_pixels(model, *batch, pixels)
    ]
    return pd.DataFrame(rows).round({"seconds per image": 4})


if __name__ == "__main__":
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}\n")
    print(small_table().to_string(index=False), end="\n\n")
    print(query_table().to_string(index=False))
