"""One graphics card in at most eight minutes: attacks, training, chapters, peak memory.

    make gpu          writes assets/benchmarks/gpu.json
    make gpu DRY=1    the same on the CPU with tiny settings, to checkpoints/gpu_dry.json

Each part has its own time limit; what fails or takes longer is written down, and the rest goes on.
Nothing is downloaded: images are drawn, weights are random, the networks are trained here.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch
import torch.nn.functional as F
import torchattacks
from benchmarks.chapters import run_chapter
from benchmarks.timed_parts import Part, run_parts
from torch import nn

from utils.attacks.apgd import worst_case_chain
from utils.attacks.pgd import PGD
from utils.backbones.classifier import build
from utils.course.execute import visible_gpus
from utils.data.phantoms import draw
from utils.data.split import Split, Splits, to_float
from utils.defences.losses.adversarial_training import AdversarialLoss
from utils.files import atomic_write, scratch_folder
from utils.run import ROOT, autocast, hardware, versions
from utils.training.config import TrainConfig
from utils.training.loop import train_or_load

EPSILON = 4 / 255
DRY_PATIENCE = 6  # times the limits: the minutes are those of a card, not of a busy CPU
OUT, DRY_OUT = ROOT / "assets/benchmarks/gpu.json", ROOT / "checkpoints/gpu_dry.json"


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    patients: int = 1200  # that the attacked networks learn from; as many are tested
    epochs: int = 6
    backbone: str = "resnet18"
    size: int = 64  # pixels, for PGD
    small: int = 32  # pixels, for the worst case
    attacked: int = 1024  # images under PGD
    worst: int = 100  # images under the worst case
    steps: int = 100  # of each gradient attack in our worst case
    queries: tuple[int, int] = (1000, 5000)  # ours, theirs: the usual ones of both
    trained: tuple[tuple[str, int, int], ...] = (("resnet18", 64, 512), ("resnet50", 224, 128))
    training_steps: int = 40
    compiler: str = "inductor"  # of torch.compile
    repeats: int = 3
    device: str = "cuda"


TINY = Scale(
    *(12, 1, "resnet10_narrow", 32, 32, 8, 2, 2, (4, 4)),
    *((("resnet10_narrow", 32, 8),), 2, "eager", 1, "cpu"),
)


def fastest(work: Callable[[], object], scale: Scale) -> float:
    """Seconds of the fastest repeat, after one to warm up."""
    seconds = []
    for _ in range(scale.repeats + 1):
        started = time.perf_counter()
        work()
        if scale.device == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - started)
    return min(seconds[1:])


def drawn(size: int, scale: Scale) -> Splits:
    counts = (scale.patients, max(16, scale.patients // 5), scale.patients)
    draws = [("brain_phantom", size, count, seed, 1, True) for seed, count in enumerate(counts)]
    return Splits(*(draw(*each) for each in draws))


def networks(size: int, scale: Scale) -> tuple[dict[str, nn.Module], Split]:
    """A network trained as usual, one trained on attacked images, and images of new patients."""
    splits, found = drawn(size, scale), {}
    lesson = AdversarialLoss(PGD(EPSILON, 3, precision="auto"), weight=0.7)
    for how, options in {"clean-trained": (), "adversarially trained": (lesson,)}.items():
        model = build(scale.backbone, splits.train.classes, size, device=scale.device)
        with scratch_folder() as folder:
            train_or_load(model, splits, TrainConfig(scale.epochs), folder, *options)
        found[how] = model
    return found, splits.test


def pgd(scale: Scale) -> list[dict]:
    """PGD-20, ours beside torchattacks', on the same images at once."""
    ours = PGD(EPSILON, 20, stop_when_fooled=True, precision="auto")
    ways = {
        "ours": lambda model: partial(ours, model),
        "torchattacks": lambda model: torchattacks.PGD(model, EPSILON, ours.step_size, ours.steps),
    }
    return compared(ways, scale.size, scale.attacked, scale)


def worst(scale: Scale) -> list[dict]:
    """Our worst case beside the four attacks of torchattacks' AutoAttack, at their settings."""
    mine, others = scale.queries
    ours = worst_case_chain(EPSILON, scale.steps, mine)
    ways = {
        "ours": lambda model: partial(ours, model),
        "torchattacks": lambda model: their_worst_case(model, others),
    }
    return compared(ways, scale.small, scale.worst, replace(scale, repeats=1))


def their_worst_case(model: nn.Module, queries: int, classes: int = 4):
    links = (
        torchattacks.APGD(model, eps=EPSILON, loss="ce"),
        torchattacks.APGDT(model, eps=EPSILON, n_classes=classes),
        torchattacks.FAB(model, eps=EPSILON, multi_targeted=True, n_classes=classes),
        torchattacks.Square(model, eps=EPSILON, n_queries=queries),
    )
    return torchattacks.MultiAttack(links)


def compared(ways: dict, size: int, count: int, scale: Scale) -> list[dict]:
    """Seconds of both and the accuracy left: a quicker attack that finds less is no gain."""
    models, test = networks(size, scale)
    test = test.limit(count).to(torch.device(scale.device))
    images, labels, rows = to_float(test.images), test.labels, []
    for how, model in models.items():
        row = {"network": how, "images": len(test), "pixels": size}
        for name, way in ways.items():
            attack = way(model)
            row[f"{name}, seconds"] = fastest(partial(attack, images, labels), scale)
            right = model(attack(images, labels)).argmax(1) == labels
            row[f"{name}, accuracy left"] = float(right.float().mean())
        row["times as fast"] = row["torchattacks, seconds"] / row["ours, seconds"]
        rows.append(row)
    return rows


def training(scale: Scale) -> list[dict]:
    """Training images per second of bare steps, with and without torch.compile."""
    rows = []
    for backbone, size, batch in scale.trained:
        row = {"backbone": backbone, "pixels": size, "batch": batch}
        plain = build(backbone, 4, size, device=scale.device)
        row["images/s"] = images_per_second(plain, size, batch, scale)
        started = time.perf_counter()
        compiled = torch.compile(plain, backend=scale.compiler)
        images_per_second(compiled, size, batch, replace(scale, training_steps=1, repeats=1))
        row["seconds to compile"] = time.perf_counter() - started
        row["images/s, compiled"] = images_per_second(compiled, size, batch, scale)
        row["compiled, times as fast"] = row["images/s, compiled"] / row["images/s"]
        rows.append({**row, "compiler": scale.compiler})
    return rows


def images_per_second(model: nn.Module, size: int, batch: int, scale: Scale) -> float:
    device = torch.device(scale.device)
    levels = torch.randint(0, 256, (batch, 1, size, size), dtype=torch.uint8, device=device)
    images = to_float(levels).contiguous(memory_format=torch.channels_last)
    labels = torch.arange(batch, device=device) % 4
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    model.train()

    def steps() -> None:
        for _ in range(scale.training_steps):
            with autocast(device, "auto"):
                value = F.cross_entropy(model(images).float(), labels)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()

    return scale.training_steps * batch / fastest(steps, scale)


def parts(dry: bool) -> dict[str, Part]:
    scale, chapter = TINY if dry else Scale(), partial(run_chapter, dry=dry)
    found = {
        "machine": Part(partial(machine, dry), 10),
        "PGD-20": Part(partial(pgd, scale), 60),
        "worst case": Part(partial(worst, scale), 75),
        "training": Part(partial(training, scale), 75),
        "chapter, quick": Part(partial(chapter, "resnet", "quick"), 100),
        "chapter, full": Part(partial(chapter, "resnet", "full"), 150),
    }
    times = DRY_PATIENCE if dry else 1
    return {name: replace(part, limit=times * part.limit) for name, part in found.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dry", action="store_true", help="on the CPU, with tiny settings")
    dry = parser.parse_args().dry
    if not (dry or visible_gpus()):  # not torch: a child could not use the card after it
        print("no graphics card here; try `make gpu DRY=1` on the CPU", file=sys.stderr)
        return 1
    if dry:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    started = time.monotonic()
    found = run_parts(parts(dry))
    report = {"dry": dry, "seconds": round(time.monotonic() - started, 1), "parts": found}
    with atomic_write(out := DRY_OUT if dry else OUT) as path:
        path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(out)
    return int(any("failure" in part for part in found.values()))


def machine(dry: bool) -> dict:
    return {"hardware": hardware(torch.device("cpu" if dry else "cuda")), **versions()}


if __name__ == "__main__":
    sys.exit(main())
