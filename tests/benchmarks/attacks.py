"""PGD and the worst case beside the same attacks of other libraries: time, memory, success.

    make bench

Robust accuracy stands beside the time: a quicker attack that finds less is no gain.
"""

import numpy as np
import pandas as pd
import torch
from art.attacks.evasion import AutoAttack as ArtAutoAttack
from art.attacks.evasion import ProjectedGradientDescentPyTorch
from art.estimators.classification import PyTorchClassifier
from foolbox import PyTorchModel
from foolbox.attacks import LinfPGD
from networks import EPSILON, LOSSES, PAIR, SIZE, STANDARD, accuracy, networks, one_against_others
from side_by_side import in_turn, keep, run
from torch import nn
from torchattacks import APGD as TheirAPGD
from torchattacks import FAB, AutoAttack, MultiAttack, Square
from torchattacks import PGD as TheirPGD

from utils.attacks.apgd import worst_case
from utils.attacks.base import eval_mode
from utils.attacks.pgd import PGD
from utils.data.loading import load
from utils.data.split import Split, Splits, to_float
from utils.run import autocast

STEPS, BATCH, ROUNDS = 20, 128, 2
STEP = 2.5 * EPSILON / STEPS
IMAGES, OF_ART = 200, 40  # of the worst case: one image is half a point; ART's takes minutes


def of_torchattacks(model, images, labels):
    return TheirPGD(model, eps=EPSILON, alpha=STEP, steps=STEPS, random_start=True)(images, labels)


def of_foolbox(model, images, labels):
    attack = LinfPGD(abs_stepsize=STEP, steps=STEPS, random_start=True)
    wrapped = PyTorchModel(model, bounds=(0, 1), device="cpu")
    return attack(wrapped, images, labels, epsilons=EPSILON)[1]


def in_art(model, images, classes: int):
    loss, shape = nn.CrossEntropyLoss(), tuple(images.shape[1:])
    return PyTorchClassifier(model, loss, shape, classes, clip_values=(0, 1), device_type="cpu")


def of_art(model, images, labels):
    classes = model(images[:1]).shape[1]
    attack = ProjectedGradientDescentPyTorch(
        in_art(model, images, classes), eps=EPSILON, eps_step=STEP, max_iter=STEPS,
        num_random_init=1, batch_size=BATCH, verbose=False,
    )  # fmt: skip
    return torch.from_numpy(attack.generate(images.numpy(), labels.numpy()))


PGDS = {
    "torchattacks": of_torchattacks,
    "foolbox": of_foolbox,
    "ART": of_art,
    "ours, every step": PGD(EPSILON, STEPS),
    "ours, stops when fooled": PGD(EPSILON, STEPS, stop_when_fooled=True),
    "ours, the same, auto": PGD(EPSILON, STEPS, stop_when_fooled=True, precision="auto"),
}


def attacked_batches(attack, model, split: Split) -> torch.Tensor:
    pairs = zip(split.images.split(BATCH), split.labels.split(BATCH), strict=True)
    return torch.cat([attack(model, to_float(images), labels) for images, labels in pairs])


def beside(ways: dict, model, split: Split, rounds: int, yardstick: str | None) -> list[dict]:
    """A row for each way: what it takes, the passes it needs, and the accuracy it leaves."""
    shown = dict.fromkeys(ways, 0)  # counted by a hook, which copies of the network have as well

    def call(name):
        def count(_, inputs, __):
            shown[name] += len(inputs[0])

        hook = model.register_forward_hook(count)
        attacked = attacked_batches(ways[name], model, split)
        hook.remove()
        return attacked

    costs = in_turn({name: lambda _, name=name: call(name) for name in ways}, rounds)
    rows = []
    for name, cost in costs.items():
        with torch.no_grad(), eval_mode(model):
            right = [accuracy(model, images, split.labels) for images in cost.found]
        row = {"by": name, "seconds": round(cost.least, 2)}
        if yardstick:
            row["times as fast"] = round(cost.times_as_fast(costs[yardstick]), 1)
        row["passes"] = round(shown[name] / len(split) / rounds, 1)
        row["peak memory"] = round(cost.peak)
        rows.append(row | {"robust accuracy (%)": round(100 * float(np.mean(right)), 1)})
    return rows


def pgd_table() -> pd.DataFrame:
    splits, rows = load("brain_phantom", SIZE), []
    for trained, model in networks(splits, PAIR).items():
        found = beside(PGDS, model, splits.test.limit(BATCH), ROUNDS, "torchattacks")
        rows += [{"network": trained, **row} for row in found]
    table = pd.DataFrame(rows)
    with autocast(torch.device("cpu"), "auto"):
        digits = "bfloat16" if torch.is_autocast_enabled("cpu") else "float32"
    keep(
        "pgd",
        f"PGD with {STEPS} steps",
        f"""A narrow ResNet-18 on drawn brain slices of {SIZE} pixels, {BATCH} of them, epsilon 4 of
        255. *Passes* are images shown to the network for each image attacked; a step goes forward
        and back. An image that is misclassified needs no more steps, so the passes of the survivors
        remain: the more robust a network, the less there is to save. *Auto* also folds batch norm
        into the convolutions; on this machine it computes in {digits}.""",
        table,
    )
    return table


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
    wrapped = in_art(model, images, model(images[:1]).shape[1])
    attack = ArtAutoAttack(wrapped, eps=EPSILON, eps_step=2 * EPSILON, batch_size=BATCH)
    if wrapped.nb_classes < 3:  # the second link's loss needs three
        attack.attacks.pop(1)
    return torch.from_numpy(attack.generate(images.numpy(), labels.numpy()))


def worst_case_rows(splits: Splits, images: int) -> list[dict]:
    ways = {
        "torchattacks": auto_attack,
        "ours": worst_case(EPSILON, minimal_norm=True),
        "ours, without minimal norm": worst_case(EPSILON),
    }
    test, rows = splits.test.per_patient(1).balanced(images), []
    for trained, model in networks(splits, (STANDARD, *LOSSES)).items():
        found = beside(ways, model, test, 1, "torchattacks")
        rows += [{"classes": test.classes, "network": trained, **row} for row in found]
    return rows


def worst_case_table() -> pd.DataFrame:
    small = load("brain_phantom", SIZE)
    table = pd.DataFrame(
        row for splits in (small, one_against_others(small))
        for row in worst_case_rows(splits, IMAGES)
    )  # fmt: skip
    keep(
        "worst_case",
        "The worst case",
        f"""Torchattacks' AutoAttack beside our chain, both at their usual settings, on {IMAGES}
        images of {SIZE} pixels; networks trained in four ways, for four classes and for two. Theirs
        makes 5,000 queries about each image that is left, ours 1,000. With two classes theirs has
        no targeted links and no DLR loss, so APGD, FAB and Square stand in.""",
        table,
    )
    return table


def art_table() -> pd.DataFrame:
    small, rows = load("brain_phantom", SIZE), []
    ways = {"ART": auto_attack_of_art, "ours": worst_case(EPSILON, minimal_norm=True)}
    for splits in (small, one_against_others(small)):
        test = splits.test.per_patient(1).balanced(OF_ART)
        for trained, model in networks(splits, PAIR).items():
            found = beside(ways, model, test, 1, "ART")
            rows += [{"classes": test.classes, "network": trained, **row} for row in found]
    table = pd.DataFrame(rows)
    keep(
        "worst_case_art",
        "The worst case beside ART",
        f"ART's AutoAttack at its usual settings beside our chain, on {OF_ART} images.",
        table,
    )
    return table


if __name__ == "__main__":
    run({"pgd": pgd_table, "worst_case": worst_case_table, "worst_case_art": art_table})
