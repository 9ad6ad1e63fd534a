"""What an examination of a model costs, and its attacks beside those of other libraries.

make bench
"""

import time
from functools import partial

import pandas as pd
import torch
import torchattacks
from art.attacks.evasion import FastGradientMethod, SquareAttack
from attacks import STEP, STEPS, beside, in_art, of_art, of_foolbox, of_torchattacks
from foolbox import PyTorchModel
from foolbox.attacks import LinfFastGradientAttack, LInfFMNAttack
from networks import EPSILON
from side_by_side import keep, memory, run
from torch import nn

from utils.attacks.black_box.square import Square
from utils.attacks.minimal_norm import MinimalNorm
from utils.attacks.pgd import PGD, fgsm
from utils.backbones.classifier import build
from utils.data.loading import load
from utils.data.split import Split
from utils.examine.adapter import Expects, adapt
from utils.examine.budget import seconds_per_image
from utils.examine.examination import MINUTES, QUESTIONS, ask_all, attacked_within
from utils.examine.sections.attacks import QUERIES
from utils.examine.sections.attacks import STEPS as SHORT
from utils.examine.subject import Subject
from utils.run import ROOT
from utils.training.config import TrainConfig
from utils.training.loop import train_or_load

IMAGES, TRAINED, SIZE = 400, 800, 64


def examined() -> tuple[nn.Module, Split, Split]:
    """A ResNet-18, the images that it is examined on, and those of its training."""
    splits = load("brain_phantom", SIZE, test_patients=IMAGES).limit(TRAINED)
    model = build("resnet18", splits.train.classes, SIZE)
    train_or_load(model, splits, TrainConfig(epochs=4), ROOT / "checkpoints/bench")
    return model.eval(), splits.test.limit(IMAGES), splits.train


def question_table() -> pd.DataFrame:
    """The CPU seconds of each question, as one examination takes them."""
    torch.set_num_threads(1)
    model, images, known = examined()
    subject = Subject(adapt(model, images, Expects()), images, known)
    subject.attacked = attacked_within(MINUTES, seconds_per_image(subject.model, images))
    rows, started = [], time.process_time()
    for title, section in zip(QUESTIONS, ask_all(subject), strict=True):
        ended = time.process_time()
        row = {"question": title, "seconds": round(ended - started, 1)}
        rows.append(row | {"severity": section.severity})
        started = ended
    total = sum(row["seconds"] for row in rows)
    rows.append({"question": "all", "seconds": round(total, 1), "severity": ""})
    table = pd.DataFrame(rows)
    keep(
        "examination",
        "The examination of a model",
        f"""A ResNet-18 of full width and {len(images)} drawn images of {SIZE} pixels, with the
        {len(known)} images of its training; {subject.attacked} images are attacked. The process
        held {memory("VmHWM"):.0f} MiB at most.""",
        table,
    )
    return table


def foolbox_attack(attack, epsilon, model, images, labels):
    wrapped = PyTorchModel(model, bounds=(0, 1), device="cpu")
    return attack(wrapped, images, labels, epsilons=epsilon)[1]


def art_attack(kind, settings, model, images, labels):
    wrapped = in_art(model, images, model(images[:1]).shape[1])
    attack = kind(wrapped, eps=EPSILON, **settings)
    return torch.from_numpy(attack.generate(images.numpy(), labels.numpy()))


def kinds(classes: int) -> dict[str, dict]:
    """Each attack of the examination by every library that has it; ours first."""
    each = {"steps": SHORT, "n_classes": classes, "multi_targeted": True}
    theirs = {
        "FGSM": lambda *b: torchattacks.FGSM(b[0], eps=EPSILON)(*b[1:]),
        "smallest": lambda *b: torchattacks.FAB(b[0], eps=EPSILON, **each)(*b[1:]),
        "Square": lambda *b: torchattacks.Square(b[0], eps=EPSILON, n_queries=QUERIES)(*b[1:]),
    }
    fmn = LInfFMNAttack(steps=SHORT * (classes - 1))
    square = {"max_iter": QUERIES, "verbose": False}
    return {
        "FGSM": {
            "ours": fgsm(EPSILON),
            "torchattacks": theirs["FGSM"],
            "foolbox": partial(foolbox_attack, LinfFastGradientAttack(), EPSILON),
            "ART": partial(art_attack, FastGradientMethod, {}),
        },
        f"PGD, {STEPS} steps": {
            "ours": PGD(EPSILON, STEPS, STEP, stop_when_fooled=True),
            "torchattacks": of_torchattacks,
            "foolbox": of_foolbox,
            "ART": of_art,
        },
        f"smallest change, {SHORT} steps to each class": {
            "ours": MinimalNorm("linf", SHORT, EPSILON),
            "torchattacks": theirs["smallest"],
            "foolbox": partial(foolbox_attack, fmn, EPSILON),
        },
        f"Square, {QUERIES} questions": {
            "ours": Square(EPSILON, QUERIES),
            "torchattacks": theirs["Square"],
            "ART": partial(art_attack, SquareAttack, square),
        },
    }


def library_table(images: int = 48) -> pd.DataFrame:
    model, split, _ = examined()
    split, rows = split.balanced(images), []
    for kind, ways in kinds(split.classes).items():
        rows += [{"attack": kind, **row} for row in beside(ways, model, split, 1, "ours")]
    table = pd.DataFrame(rows)
    keep(
        "examination_attacks",
        "The attacks of an examination beside the same ones of libraries",
        f"""{images} images, the same ResNet-18. *Times as fast* is against ours: below 1 is
        slower.""",
        table,
    )
    return table


if __name__ == "__main__":
    run({"examination": question_table, "examination_attacks": library_table})
