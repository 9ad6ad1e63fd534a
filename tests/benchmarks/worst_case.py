"""The worst case beside AutoAttack of other libraries: time, memory, success.

    make bench SCRIPTS=worst_case

    IMAGES=200 make bench SCRIPTS=worst_case    as many of the larger network, in an hour or two

Robust accuracy stands beside the time: a quicker chain that finds less is no gain. Each network
takes minutes, since theirs ask thousands of times about each survivor; so rows are printed at once,
and ART's, which asks most often, is measured on the very small networks alone.
"""

import multiprocessing
import os
import sys
from dataclasses import replace

import pandas as pd
import torch
from art.attacks.evasion import AutoAttack as ArtAutoAttack
from attacks import BATCH, beside, in_art
from networks import (
    EPSILON,
    LOSSES,
    SIZE,
    STANDARD,
    chosen_images,
    drawn_splits,
    graded_splits,
    networks,
    one_against_others,
    very_small,
)
from side_by_side import keep, run
from small import Counted
from torchattacks import APGD as TheirAPGD
from torchattacks import FAB, AutoAttack, MultiAttack, Square

from utils.attacks.apgd import worst_case_chain
from utils.data.split import Splits

IMAGES = int(os.environ.get("IMAGES", 48))  # of the narrow ResNet
SMALL_IMAGES = int(os.environ.get("SMALL_IMAGES", 200))  # of the very small networks
sys.modules.setdefault("multiprocess", multiprocessing)  # ART imports it, and here uses it not


def auto_attack(model, images, labels):
    """Torchattacks' own needs four classes; with two, its links that do not need more."""
    classes = model(images[:1]).shape[1]
    if classes > 3:
        return AutoAttack(model, eps=EPSILON, n_classes=classes)(images, labels)
    links = (
        TheirAPGD(model, eps=EPSILON, steps=100, loss="ce"),
        FAB(model, eps=EPSILON, steps=100, n_classes=classes, multi_targeted=True),
        Square(model, eps=EPSILON, n_queries=5000),
    )
    return MultiAttack(links)(images, labels)


def auto_attack_of_art(model, images, labels):
    # ART calls the layers of an nn.Sequential one by one, past the hook that counts passes.
    wrapped = in_art(Counted(model).eval(), images, model(images[:1]).shape[1])
    attack = ArtAutoAttack(wrapped, eps=EPSILON, eps_step=2 * EPSILON, batch_size=BATCH)
    if wrapped.nb_classes < 3:  # the second link's loss needs three
        attack.attacks.pop(1)
    attack.attacks[-1].nb_restarts = 1  # of Square: each takes a minute or more
    for link in attack.attacks:
        link.verbose = False  # its bars would take time of their own
    return torch.from_numpy(attack.generate(images.numpy(), labels.numpy()))


WORST = {
    "torchattacks": auto_attack,
    "ours": worst_case_chain(EPSILON, minimal_norm=True),
    "ours, without minimal norm": worst_case_chain(EPSILON),
}
OURS = "ours"
TRAININGS = "trained in four ways, for four classes and for two"
UNLIKE = """Torchattacks' makes 5,000 queries about each image that is left, ours 1,000. Ours saves
fewer seconds than passes, because more of its passes are gradients, which cost more than queries.
With two classes theirs has no targeted links and no DLR loss, so APGD, FAB and Square stand in."""
OF_ART = """ART's Square starts once, as torchattacks' does, and not five times, which is its
usual setting; each of its 5,000 steps asks three times. For two classes ART's goes without its DLR
loss."""


def apart(table: pd.DataFrame) -> str:
    """By how many points our chain leaves more than each library's, over all networks."""
    left = table.pivot_table("robust accuracy (%)", ["classes", "network"], "by", sort=False)
    others = [name for name in left if not name.startswith(OURS)]
    found = [(left[OURS] - left[name]).round(1) for name in others]
    said = [
        f"{gaps.min():+.1f} to {gaps.max():+.1f} points beside {name}'s"
        for name, gaps in zip(others, found, strict=True)
    ]
    return f"Robust accuracy after ours lies {', '.join(said)}, over {len(left)} networks."


def of_networks(name: str, title: str, about: str, ways: dict, pairs: list[Splits], *how):
    """Rows are printed as soon as a network is measured; a table of some would replace all."""
    rows = []
    for splits in pairs:
        for way, model in networks(splits, (STANDARD, *LOSSES), *how).items():
            for row in beside(ways, model, splits.test, 1, next(iter(ways))):
                rows.append({"classes": splits.test.classes, "network": way, **row})
                print(rows[-1], flush=True)
    table = pd.DataFrame(rows)
    keep(name, title, f"{about} {apart(table)}", table)
    return table


def worst_case_table() -> pd.DataFrame:
    """The narrow ResNet on brain slices."""
    drawn = drawn_splits()
    four = replace(drawn, test=chosen_images(drawn, IMAGES))
    about = f"""Torchattacks' AutoAttack beside our chain, both at their usual settings, on
        {len(four.test)} drawn brain slices of {SIZE} pixels; narrow ResNet-18s, {TRAININGS}.
        {UNLIKE}"""
    pairs = [four, one_against_others(four)]
    return of_networks("worst_case", "The worst case", about, WORST, pairs)


def small_table() -> pd.DataFrame:
    """Networks so small that AutoAttack of ART takes minutes."""
    graded = graded_splits(test=SMALL_IMAGES)
    ways = {"torchattacks": auto_attack, "ART": auto_attack_of_art, **WORST}
    about = f"""AutoAttack of two libraries beside our chain, on
        {len(graded.test)} images of {graded.test.size} pixels, whose texture is plain or weaker
        than epsilon; networks of one convolution, {TRAININGS}. {UNLIKE} {OF_ART}"""
    title, how = "The worst case of very small networks", (very_small, (20, 10))
    pairs = [graded, one_against_others(graded)]
    return of_networks("worst_case_small", title, about, ways, pairs, *how)


if __name__ == "__main__":
    run({"small": small_table, "worst_case": worst_case_table})
