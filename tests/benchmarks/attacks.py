"""PGD beside the same attack of other libraries: time, memory, success.

    make bench

Robust accuracy stands beside the time: a quicker attack that finds less is no gain.
"""

import numpy as np
import pandas as pd
import torch
from art.attacks.evasion import ProjectedGradientDescentPyTorch
from art.estimators.classification import PyTorchClassifier
from foolbox import PyTorchModel
from foolbox.attacks import LinfPGD
from networks import EPSILON, PAIR, SIZE, accuracy, chosen_images, drawn_splits, networks
from side_by_side import in_turn, keep, run
from torch import nn
from torchattacks import PGD as TheirPGD

from utils.attacks.base import eval_mode
from utils.attacks.pgd import PGD
from utils.data.split import Split, to_float
from utils.run import autocast

STEPS, BATCH, ROUNDS = 20, 128, 2
STEP = 2.5 * EPSILON / STEPS


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
    splits, rows = drawn_splits(), []
    for trained, model in networks(splits, PAIR).items():
        found = beside(PGDS, model, chosen_images(splits, BATCH), ROUNDS, "torchattacks")
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


if __name__ == "__main__":
    run({"pgd": pgd_table})
