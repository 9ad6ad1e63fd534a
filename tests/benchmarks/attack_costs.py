"""What every attack costs and finds: CPU seconds, passes, peak memory.

    make bench

Passes are images through the network, per image that is attacked. Peak memory is what the process
takes above what it had before (Linux only).
"""

from functools import partial

import numpy as np
import pandas as pd
import torch
import torchattacks
from foolbox import PyTorchModel
from foolbox.attacks import DDNAttack, L2FMNAttack, LInfFMNAttack
from networks import EPSILON, SIZE, chosen_images, drawn_splits, networks
from side_by_side import Cost, keep, run
from torch import nn
from witnesses import Passes, size_of

from utils.attacks.apgd import APGD, EVERY_CLASS, worst_case_chain
from utils.attacks.base import target_of
from utils.attacks.black_box.few_pixels import FewPixels
from utils.attacks.black_box.hop_skip_jump import HopSkipJump
from utils.attacks.black_box.square import Square
from utils.attacks.minimal_norm import MinimalNorm
from utils.attacks.patch import AdversarialPatch, ControlPatch
from utils.attacks.pgd import PGD, fgsm
from utils.attacks.random_noise import RandomSigns
from utils.attacks.universal import fit_patch, fit_universal
from utils.data.split import Split, to_float

IMAGES, STEPS, TARGET = 48, 50, 0
ON = f"""A narrow ResNet-18, trained on clean images or under PGD, and {IMAGES} drawn brain slices
    of {SIZE} pixels"""


def measured(model: nn.Module, attack, images, labels) -> tuple[torch.Tensor, dict]:
    """The attacked images, and what they cost."""
    counted = Passes(model).eval()
    cost = Cost()
    cost.measure(lambda _: attack(counted, images, labels).detach(), 0)
    row = {"seconds": round(cost.least, 2)}
    row["forward"] = round(counted.seen / len(images))
    row["backward"] = round(counted.gradients / len(images))
    row["peak memory"] = round(cost.peak)
    return cost.found[0], row


def attacks() -> dict:
    """Each of ours at its usual settings, then the same with a target."""
    untargeted = {
        "noise": RandomSigns(EPSILON),
        "random patch": ControlPatch(),
        "FGSM": fgsm(EPSILON),
        "PGD-20": PGD(EPSILON),
        "APGD-50": APGD(EPSILON, STEPS),
        "APGD-50, every class": APGD(EPSILON, STEPS, EVERY_CLASS),
        "worst case": worst_case_chain(EPSILON),
        "worst case, minimal norm": worst_case_chain(EPSILON, minimal_norm=True),
        "minimal norm l2": MinimalNorm("l2", STEPS),
        "minimal norm linf": MinimalNorm("linf", STEPS),
        "minimal norm linf within epsilon": MinimalNorm("linf", STEPS, EPSILON),
        "patch, 8 %": AdversarialPatch(),
        "patch in a corner, 8 %": AdversarialPatch(place="corner"),
        "Square, 300": Square(EPSILON, 300),
        "HopSkipJump, 300": HopSkipJump(EPSILON, 300),
        "one pixel, 300": FewPixels(1, 30, 9),
    }
    targeted = {
        "PGD-20": PGD(EPSILON, target=TARGET),
        "APGD-50": APGD(EPSILON, STEPS, "margin", target=TARGET),
        "worst case": worst_case_chain(EPSILON, target=TARGET),
        "minimal norm linf within epsilon": MinimalNorm("linf", STEPS, EPSILON, TARGET),
        "patch, 8 %": AdversarialPatch(target=TARGET),
        "Square, 300": Square(EPSILON, 300, target=TARGET),
        "HopSkipJump, 300": HopSkipJump(EPSILON, 300, target=TARGET),
        "one pixel, 300": FewPixels(1, 30, 9, TARGET),
    }
    return untargeted | {f"{name}, targeted": attack for name, attack in targeted.items()}


def fitted(model: nn.Module, known: Split) -> dict:
    """Made once from other images; the cost of making them stands in their row."""
    makers = {
        "universal": fit_universal,
        "universal patch": fit_patch,
        "universal patch, printable": partial(fit_patch, turn=15.0, shift=0.2),
        "universal, targeted": partial(fit_universal, target=TARGET),
        "universal patch, targeted": partial(fit_patch, target=TARGET),
    }
    return {
        name: lambda counted, *batch, make=make: make(counted, known)(model, *batch)
        for name, make in makers.items()
    }


def cost_table(splits, networks) -> pd.DataFrame:
    test = chosen_images(splits, IMAGES)
    known = splits.validation.per_patient(1).balanced(IMAGES)
    images, labels = to_float(test.images), test.labels
    rows = []
    for how, model in networks.items():
        away = model.eval()(images).argmax(1) != TARGET
        for name, attack in {**attacks(), **fitted(model, known)}.items():
            torch.manual_seed(0)
            attacked, row = measured(model, attack, images, labels)
            with torch.no_grad():
                predicted = model(attacked).argmax(1)
            if target_of(attack) is not None or name.endswith("targeted"):
                row["finds"] = f"{(predicted == TARGET)[away].float().mean():.0%} at target"
            elif name in ("minimal norm l2", "minimal norm linf"):
                far = size_of(attacked - images, attack.norm)[predicted != labels].median()
                row["finds"] = f"median {far:.3f}"
            else:
                row["finds"] = f"{(predicted == labels).float().mean():.1%} robust"
            rows.append({"model": how, "attack": name, **row})
    return pd.DataFrame(rows)


def of_foolbox(attack):
    def way(model, images, labels):
        wrapped = PyTorchModel(model, bounds=(0, 1), device="cpu")
        return attack(wrapped, images, labels, epsilons=None)[0]

    return way


def of_torchattacks(kind: str, **settings):
    return lambda model, *batch: getattr(torchattacks, kind)(model, **settings)(*batch)


def distance_table(splits, networks) -> pd.DataFrame:
    """The smallest changes, ours beside others: about as many backward passes for all."""
    test = chosen_images(splits, IMAGES)
    images, labels, classes = to_float(test.images), test.labels, test.classes
    gradients = STEPS * (classes - 1)
    each = {"steps": gradients // classes, "n_classes": classes, "eps": None}
    ways = {
        "l2": {
            "torchattacks' DeepFool": of_torchattacks("DeepFool", steps=gradients // classes),
            "torchattacks' CW": of_torchattacks("CW", c=5, steps=gradients),
            "torchattacks' FAB": of_torchattacks("FAB", norm="L2", **each),
            "foolbox's DDN": of_foolbox(DDNAttack(steps=gradients)),
            "foolbox's FMN": of_foolbox(L2FMNAttack(steps=gradients)),
        },
        "linf": {
            "torchattacks' FAB": of_torchattacks("FAB", norm="Linf", **each),
            "foolbox's FMN": of_foolbox(LInfFMNAttack(steps=gradients)),
        },
    }
    rows = []
    for how, model in networks.items():
        model.eval()
        for norm, others in ways.items():
            for name, way in {**others, "ours": MinimalNorm(norm, STEPS)}.items():
                torch.manual_seed(0)
                attacked, row = measured(model, way, images, labels)
                with torch.no_grad():
                    broken = model(attacked).argmax(1) != labels
                far = size_of(attacked - images, norm).where(broken, torch.inf)
                row["broken"] = f"{broken.float().mean():.0%}"
                row["median distance"] = f"{far.median():.4f}"
                rows.append({"model": how, "norm": norm, "by": name, **row})
    return pd.DataFrame(rows)


def costs() -> pd.DataFrame:
    splits = drawn_splits()
    table = cost_table(splits, networks(splits))
    keep(
        "attack_costs",
        "Every attack",
        f"""{ON}; epsilon 4 of 255. *Forward* and *backward* are images through the network for
        each image attacked.""",
        table,
    )
    return table


def distances() -> pd.DataFrame:
    splits = drawn_splits()
    table = distance_table(splits, networks(splits))
    keep(
        "smallest_changes",
        "The smallest changes",
        f"""{ON}; about as many backward passes for all. *Broken* are images whose prediction is
        wrong in the end; the distance of any other counts as infinite.""",
        table,
    )
    return table


if __name__ == "__main__":
    torch.set_num_threads(1)
    np.random.seed(0)
    run({"smallest_changes": distances, "attack_costs": costs})
