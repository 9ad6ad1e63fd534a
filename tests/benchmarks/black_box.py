"""The black-box attacks beside those of other libraries, at the same number of questions.

    make bench

Fewer questions or fewer finds are quicker: the questions per image and the robust accuracy stand
beside the time. Both are means over the rounds, because one search of few questions is a matter
of luck.
"""

import numpy as np
import pandas as pd
import torch
import torchattacks
from art.attacks.evasion import HopSkipJump as TheirHopSkipJump
from art.attacks.evasion import PixelAttack, SquareAttack
from attacks import in_art
from networks import EPSILON, SIZE, chosen_images, drawn_splits, networks
from side_by_side import in_turn, keep, run
from small import Counted, small_split, trained_network

from utils.attacks.black_box.few_pixels import FewPixels
from utils.attacks.black_box.hop_skip_jump import HopSkipJump
from utils.attacks.black_box.square import Square
from utils.data.split import to_float

IMAGES, ROUNDS = 48, 2
SQUARE_QUERIES, ITERATIONS = 300, 2  # of Square; of HopSkipJump, about 300 questions
GENERATIONS = 2  # of one pixel by ART, about 1,200 questions


def beside(ways: dict, model, images, labels, epsilon: float = 1.0) -> list[dict]:
    """A row for each way, the first is the yardstick; what lies beyond epsilon fools nothing."""

    def asked(attack):
        counted = Counted(model).eval()
        return attack(counted, images, labels).detach(), counted.seen / len(images)

    costs = in_turn({name: lambda _, w=way: asked(w) for name, way in ways.items()}, ROUNDS)
    first, rows = next(iter(costs.values())), []
    for name, cost in costs.items():
        left = [_robust(model, images, labels, attacked, epsilon) for attacked, _ in cost.found]
        rows.append(
            {
                "by": name,
                "seconds per image": round(cost.least / len(images), 4),
                "times as fast": round(cost.times_as_fast(first), 1),
                "peak memory": round(cost.peak),
                "questions per image": round(np.mean([seen for _, seen in cost.found])),
                "robust accuracy (%)": round(100 * float(np.mean(left)), 1),
            }
        )
    return rows


def _robust(model, images, labels, attacked, epsilon: float) -> float:
    with torch.no_grad():
        right = model(attacked).argmax(1) == labels
    far = (attacked - images).abs().flatten(1).amax(1) > epsilon + 1e-6
    return float((right | far).float().mean())


def square(model, images, labels) -> list[dict]:
    """ART asks three times in every step: is it broken, how far before, how far after?"""

    def of_torchattacks(model, images, labels):
        attack = torchattacks.Square(model, eps=EPSILON, n_queries=SQUARE_QUERIES - 1)
        return attack(images, labels)

    def of_art(model, images, labels):
        wrapped = in_art(model, images, model(images[:1]).shape[1])
        attack = SquareAttack(
            wrapped, eps=EPSILON, max_iter=SQUARE_QUERIES // 3, nb_restarts=1, verbose=False
        )
        return torch.from_numpy(attack.generate(images.numpy(), labels.numpy()))

    ours = Square(EPSILON, SQUARE_QUERIES)
    ways = {"torchattacks": of_torchattacks, "ART": of_art, "ours": ours}
    return beside(ways, model, images, labels, EPSILON)


def few_pixels(model, images, labels, pixels: int = 1) -> list[dict]:
    """Their population of 10 becomes 9 for one pixel or three of a grey image."""

    def theirs(model, images, labels):
        return torchattacks.OnePixel(model, pixels=pixels, steps=10, popsize=10)(images, labels)

    ways = {"torchattacks": theirs, "ours": FewPixels(pixels, 9, 10)}
    ways["ours, a third of the questions"] = FewPixels(pixels, 9, 3)
    return beside(ways, model, images, labels)


def one_pixel_beside_art(model, images, labels) -> list[dict]:
    """Their population is about 400, and they stop only after a whole generation."""

    def theirs(model, images, labels):
        wrapped = in_art(model, images, model(images[:1]).shape[1])
        attack = PixelAttack(wrapped, th=1, es=1, max_iter=GENERATIONS)
        return torch.from_numpy(attack.generate(images.numpy(), labels.numpy())).float()

    ours = FewPixels(1, 399, GENERATIONS)
    return beside({"ART": theirs, "ours": ours}, model, images, labels)


def hop_skip_jump(model, images, labels) -> list[dict]:
    def theirs(model, images, labels):
        wrapped = in_art(model, images, model(images[:1]).shape[1])
        attack = TheirHopSkipJump(wrapped, norm=np.inf, max_iter=ITERATIONS, verbose=False)
        return torch.from_numpy(attack.generate(images.numpy(), labels.numpy()))

    counted, few = Counted(model).eval(), 4  # they spend about as much on every image
    theirs(counted, images[:few], labels[:few])
    queries = counted.seen // few
    ways = {"ART": theirs, "ours": HopSkipJump(EPSILON, queries)}
    return beside(ways, model, images, labels, EPSILON)


ATTACKS = {
    "Square": square,
    "one pixel": few_pixels,
    "one pixel, larger": one_pixel_beside_art,
    "HopSkipJump": hop_skip_jump,
}


def query_table(images: int = IMAGES) -> pd.DataFrame:
    splits = drawn_splits()
    some = chosen_images(splits, images)
    batch = to_float(some.images), some.labels
    table = pd.DataFrame(
        {"network": trained, "attack": name, **row}
        for trained, model in networks(splits).items()
        for name, attack in ATTACKS.items()
        for row in attack(model, *batch)
    )
    keep(
        "black_box",
        "Attacks with questions alone",
        f"""{len(some)} drawn brain slices of {SIZE} pixels, {ROUNDS} rounds; a narrow ResNet-18,
        trained on clean images or under PGD; epsilon 4 of 255. A library that asks image by image
        pays for a whole call of the network each time; ours asks about many images at once. With
        as many questions, the passes through the network are the limit.""",
        table,
    )
    return table


def small_table(images: int = 48) -> pd.DataFrame:
    split, model = small_split(images, seed=7), trained_network()
    batch = to_float(split.images), split.labels
    table = pd.DataFrame(
        {"pixels": pixels, **row} for pixels in (1, 3) for row in few_pixels(model, *batch, pixels)
    )
    keep(
        "few_pixels",
        "Few pixels of a very small network",
        f"""A network so small that the search itself takes the time: one convolution, on
        {len(split)} images of {split.size} pixels, {ROUNDS} rounds.""",
        table,
    )
    return table


if __name__ == "__main__":
    run({"few_pixels": small_table, "black_box": query_table})
