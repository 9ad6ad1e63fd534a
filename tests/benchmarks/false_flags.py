"""What the checks of an attack raise about sound networks on real and on drawn images.

    PYTHONPATH=.:tests python tests/benchmarks/false_alarms.py MINUTES --real FOLDER

FOLDER holds the real sets (see dataset/README.md); none of their pixels is kept. Small networks of
the kinds in `sound`, and EfficientNet-Lite0 with ImageNet weights, as a probe and fine-tuned, meet
the attack and the checks of an examination. A network that has not learned its classes is not
sound and does not count.
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import product

import pandas as pd
import torch
import torch.nn.functional as F
from side_by_side import keep
from sound import SOUND, drawn, sound_network
from torch import nn

from utils.attacks.apgd import worst_case_chain
from utils.attacks.pgd import PGD
from utils.backbones.classifier import build
from utils.data.loading import load
from utils.data.split import Split, to_float
from utils.evaluation.attack_suite import AttackSuite
from utils.evaluation.conditions import CLEAN
from utils.evaluation.flags.judging import HARMLESS
from utils.evaluation.flags.red_flags import check_attack
from utils.evaluation.inference import predict
from utils.evaluation.intervals import Interval, share
from utils.evaluation.metrics import HEADLINE, score_of
from utils.examine.sections.attacks import CHECKED, LONGER, QUERIES, STEPS

REAL = {"blood_cells": 72, "chest_xray": 224, "alzheimer_mri": 128}  # pixels of the files
DRAWN, CLASSES = "drawn", 3
LEARNED, TESTED, ATTACKED = 300, 300, 30  # images
SMALL, LARGE = 28, 48  # pixels of the small networks, and of the pretrained one
ATTACK = PGD(4 / 255, STEPS, stop_when_fooled=True)  # of an examination
BATCHES, BATCH, RATE = 60, 32, 3e-4  # of a fine-tuning
HEAD_BATCHES, HEAD_RATE = 200, 3e-3


def fine_tuned(known: Split, seed: int, whole: bool = True) -> nn.Module:
    """EfficientNet-Lite0, of which all weights learn, or the head alone; its batch norm stays."""
    network = build("efficientnet_lite0", CLASSES, LARGE, "imagenet", frozen=not whole, seed=seed)
    pixels, draws = to_float(known.images), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        rows = torch.cat([network.features(part) for part in pixels.split(BATCH)])
    _learn(network.head, rows, known.labels, HEAD_BATCHES, HEAD_RATE, draws)
    if whole:
        _learn(network, pixels, known.labels, BATCHES, RATE, draws)
    return network


def _learn(part: nn.Module, inputs, labels, batches: int, rate: float, draws) -> None:
    optimizer = torch.optim.Adam(part.parameters(), lr=rate)
    for _ in range(batches):
        rows = torch.randint(len(labels), (BATCH,), generator=draws)
        optimizer.zero_grad()
        F.cross_entropy(part(inputs[rows]), labels[rows]).backward()
        optimizer.step()
    optimizer.zero_grad()


KINDS = {kind: (SMALL, partial(sound_network, kind)) for kind in SOUND} | {
    "Lite0, probe": (LARGE, partial(fine_tuned, whole=False)),
    "Lite0, fine-tuned": (LARGE, fine_tuned),
}


def parts_of(name: str, root: str, size: int, seed: int) -> tuple[Split, Split, Split]:
    """Images to learn from, and of others a whole test set and those of it that are attacked: as
    many of each of three classes, in grey."""
    if name == DRAWN:
        known, whole = drawn(LEARNED, 10 * seed), drawn(TESTED, 10 * seed + 3)
    else:
        splits = load(name, REAL[name], root)
        known = _first_classes(splits.train).balanced(LEARNED, seed)
        whole = _first_classes(splits.test).limit(TESTED, seed)
    known, whole = (part.resized(size) for part in (known, whole))
    return known, whole, whole.balanced(ATTACKED, seed)


def _first_classes(part: Split) -> Split:
    """The first three classes, which every set has, and the mean of the channels."""
    part = part.take((part.labels < CLASSES).nonzero()[:, 0])
    grey = part.images.float().mean(1, keepdim=True).round().to(part.images.dtype)
    return replace(part, images=grey, class_names=part.class_names[:CLASSES])


def checked(name: str, root: str, kind: str, seed: int) -> dict:
    """A row: scores of one network, and what is raised about it."""
    size, make = KINDS[kind]
    known, whole, test = parts_of(name, root, size, seed)
    network, row = make(known, seed), {"images": name, "network": kind, "seed": seed}
    clean = score_of(all_clean := predict(network, whole), HEADLINE)
    if clean.low <= 1 / CLASSES:
        return row | {"clean (%)": f"{100 * clean.value:.0f}", "raised": "not sound"}
    suite = AttackSuite(ATTACK)
    found = suite.predict(network, test)
    chain = worst_case_chain(ATTACK.epsilon, LONGER, QUERIES)
    found[suite.strongest] = predict(network, test, chain, after=found[suite.strongest])
    score = [f"{100 * found[c].accuracy:.0f}" for c in (CLEAN, suite.noise, suite.strongest)]
    flags = check_attack(network, test, suite, found, CHECKED, whole=all_clean)
    harmless = flags["reason"].str.startswith(HARMLESS)
    return row | {
        **dict(zip(("clean (%)", "noise (%)", "worst case (%)"), score, strict=True)),
        "raised": "; ".join(_said(flags[flags["red"]])) or "none",
        "harmless": "; ".join(_said(flags[harmless])),
    }


def _said(flags: pd.DataFrame) -> list[str]:
    return [f"{row.flag}: {row.reason.removeprefix(f'{HARMLESS}: ')}" for row in flags.itertuples()]


def rows(root: str, minutes: float, names=(*REAL, DRAWN)) -> Iterator[dict]:
    """One network after another, the pretrained ones first, for so many minutes."""
    for kind, name in product(reversed(KINDS), names):
        if time.process_time() > 60 * minutes:
            return
        yield checked(name, root, kind, 0)


def table(root: str, minutes: float) -> None:
    torch.set_num_threads(1)
    found = []
    for row in rows(root, minutes):
        print(row, flush=True)
        found.append(row)
    result = pd.DataFrame(found).fillna("").drop(columns="seed")
    keep("false_flags", "What the checks of an attack raise on real images", about(result), result)


def about(result: pd.DataFrame) -> str:
    """What the table shows."""
    unsound = int((result["raised"] == "not sound").sum())
    judged = result["raised"][result["raised"] != "not sound"]
    raised = share(judged != "none")
    interval = Interval(*(raised[name] for name in Interval._fields))
    return f"""{len(result)} networks, each trained once on {LEARNED} images of three classes and
        attacked on up to {ATTACKED} others as in an examination: PGD of four grey levels, the worst
        case after it, and all checks of the attack. {unsound} do not count: their score on clean
        images ({TESTED} of the test set) is not beyond that of a constant answer. Something is
        raised about {raised["right"]} of the others, {interval} %. Lite0 is EfficientNet-Lite0 with
        ImageNet weights. *Harmless* is what a check found and why it does not make the score too
        high."""
