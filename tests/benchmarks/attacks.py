"""How long attacks take, ours beside the libraries', on the same models, images and budget.

    make bench

Robust accuracy stands beside the time: a quicker attack that finds less is no gain.
"""

import resource
import time
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import torch
from art.attacks.evasion import ProjectedGradientDescentPyTorch
from art.estimators.classification import PyTorchClassifier
from foolbox import PyTorchModel
from foolbox.attacks import LinfPGD
from sklearn.metrics import adjusted_rand_score
from torch import nn
from torchattacks import APGD as TheirAPGD
from torchattacks import FAB, AutoAttack, MultiAttack, Square
from torchattacks import PGD as TheirPGD

from utils.attacks.apgd import WorstCase, worst_case
from utils.attacks.pgd import PGD
from utils.backbones import build
from utils.data.loading import load
from utils.data.patient_recovery import recover_patients
from utils.data.phantoms import PHANTOMS, draw
from utils.data.split import Splits, to_float
from utils.defences.adversarial_training import AdversarialLoss
from utils.evaluation.inference import predict
from utils.run import ROOT
from utils.training.config import TrainConfig
from utils.training.loop import train_or_load
from utils.training.losses import ValidationScore

EPSILON, STEPS, BATCH = 4 / 255, 20, 128
STEP = 2.5 * EPSILON / STEPS


def torchattacks(model):
    attack = TheirPGD(model, eps=EPSILON, alpha=STEP, steps=STEPS, random_start=True)
    return lambda images, labels: attack(images, labels)


def foolbox(model):
    attack = LinfPGD(abs_stepsize=STEP, steps=STEPS, random_start=True)
    wrapped = PyTorchModel(model, bounds=(0, 1), device="cpu")
    return lambda images, labels: attack(wrapped, images, labels, epsilons=EPSILON)[1]


def art(model):
    wrapped = PyTorchClassifier(
        model, nn.CrossEntropyLoss(), (1, 64, 64), 4, clip_values=(0, 1), device_type="cpu"
    )
    attack = ProjectedGradientDescentPyTorch(
        wrapped, eps=EPSILON, eps_step=STEP, max_iter=STEPS, num_random_init=1,
        batch_size=BATCH, verbose=False,
    )  # fmt: skip
    return lambda images, labels: torch.from_numpy(attack.generate(images.numpy(), labels.numpy()))


def theirs(library, model, split) -> float:
    attack, right = library(model), 0
    for images, labels in zip(split.images.split(BATCH), split.labels.split(BATCH), strict=True):
        attacked = attack(to_float(images), labels)
        with torch.no_grad():
            right += int((model(attacked).argmax(1) == labels).sum())
    return right / len(split)


def ours(precision):
    attack = PGD(EPSILON, STEPS, stop_when_fooled=True, precision=precision)
    return lambda model, split: predict(model, split, attack, batch_size=BATCH).accuracy


WAYS = {
    "torchattacks": lambda model, split: theirs(torchattacks, model, split),
    "foolbox": lambda model, split: theirs(foolbox, model, split),
    "ART": lambda model, split: theirs(art, model, split),
    "ours, float32": ours("float32"),
    "ours, auto": ours("auto"),
}


def models(splits, epsilon=EPSILON):
    """A clean-trained and an adversarially trained ResNet-18; kept between runs."""
    folder = ROOT / "checkpoints" / "bench"
    standard = build("resnet18", splits.train.classes, splits.train.size)
    config = TrainConfig(epochs=6)
    train_or_load(standard, splits, config, folder)
    defended = build("resnet18", splits.train.classes, splits.train.size)
    defended.load_state_dict(standard.state_dict())
    loss = AdversarialLoss(PGD(epsilon, 3, precision="auto"), weight=0.7)
    score = ValidationScore(PGD(epsilon, 5, stop_when_fooled=True, precision="auto"))
    train_or_load(defended, splits, TrainConfig(epochs=4), folder, loss, score)
    return {"clean-trained": standard, "adversarially trained": defended}


def attack_table(repeats: int = 3) -> pd.DataFrame:
    splits = load("brain_phantom", 64)
    rows = []
    for trained_how, model in models(splits).items():
        seconds = {name: [] for name in WAYS}
        robust = {}
        for repeat in range(repeats):  # in turn, so that a busy moment hits all alike
            for name, way in WAYS.items():
                torch.manual_seed(repeat)
                started = time.perf_counter()
                robust[name] = way(model, splits.test)
                seconds[name].append(time.perf_counter() - started)
        fastest = {name: min(values) for name, values in seconds.items()}
        for name in WAYS:
            row = {"model": trained_how, "PGD-20 by": name, "seconds": round(fastest[name], 2)}
            row["times as fast"] = round(fastest["torchattacks"] / fastest[name], 1)
            rows.append({**row, "robust accuracy": f"{robust[name]:.1%}"})
    return pd.DataFrame(rows)


def auto_attack(model, images, labels, classes: int):
    """Theirs needs four classes; with two, its links that do not need more."""
    if classes > 3:
        return AutoAttack(model, eps=EPSILON, n_classes=classes)(images, labels)
    links = (
        TheirAPGD(model, eps=EPSILON, steps=100, loss="ce"),
        FAB(model, eps=EPSILON, steps=100, n_classes=classes, multi_targeted=True),
        Square(model, eps=EPSILON, n_queries=5000),
    )
    return MultiAttack(links)(images, labels)


def in_two_classes(splits: Splits) -> Splits:
    """The first class against all others."""
    return Splits(
        **{
            name: replace(split, labels=split.labels.clamp_max(1), class_names=("first", "other"))
            for name, split in splits.items()
        }
    )


def worst_case_table(splits: Splits, count: int = 100) -> pd.DataFrame:
    """Small images: AutoAttack asks 5,000 questions about each that is left."""
    test = splits.test.per_patient(1).limit(count)
    images, labels = to_float(test.images), test.labels
    ways = {
        "torchattacks' AutoAttack": partial(auto_attack, classes=test.classes),
        "our worst case": worst_case(EPSILON),
        "the same, with minimal norm": worst_case(EPSILON, minimal_norm=True),
        "the same, without queries": WorstCase(worst_case(EPSILON, minimal_norm=True).attacks[:-1]),
    }
    rows = []
    for trained_how, model in models(splits).items():
        for name, attack in ways.items():
            torch.manual_seed(0)
            started = time.perf_counter()
            with torch.no_grad():
                right = model(attack(model, images, labels)).argmax(1) == labels
            row = {"classes": test.classes, "model": trained_how, "by": name}
            row["seconds"] = round(time.perf_counter() - started, 1)
            rows.append({**row, "robust accuracy": f"{right.float().mean():.1%}"})
    return pd.DataFrame(rows)


def drawing_table() -> pd.DataFrame:
    rows = []
    for name in PHANTOMS:
        started = time.perf_counter()
        count = len(draw(name, size=64))
        rows.append({"phantom": name, "images/s": round(count / (time.perf_counter() - started))})
    return pd.DataFrame(rows)


def recovery_table(counts=(2_400, 11_519, 30_000)) -> pd.DataFrame:
    """Patients from the pixels of drawn brain slices, three of each; 100,000 take a while."""
    rows = []
    for count in counts:
        drawn = draw("brain_phantom", 32, patients=-(-count // 3)).take(range(count))
        started, worked = time.perf_counter(), time.process_time()
        found = recover_patients(drawn.images)
        row = {"images": count, "seconds": round(time.perf_counter() - started, 1)}
        row["of all cores"] = round(time.process_time() - worked, 1)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        rows.append({**row, "peak memory (GiB)": round(peak, 2)})
        rows[-1]["adjusted Rand index"] = round(adjusted_rand_score(drawn.groups, found.groups), 4)
    return pd.DataFrame(rows)


if __name__ == "__main__":
    np.random.seed(0)
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}\n")
    print(drawing_table().to_string(index=False), "\n")
    print(recovery_table().to_string(index=False), "\n")
    print(attack_table().to_string(index=False), "\n")
    small = load("brain_phantom", 32)
    for splits in (small, in_two_classes(small)):
        print(worst_case_table(splits).to_string(index=False), "\n")
