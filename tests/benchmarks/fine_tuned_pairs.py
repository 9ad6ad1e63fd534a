"""Pretrained features whose weights all learn on, from clean or from attacked images, under PGD.

make bench

The design comes from a trial on other patients. Pairs, claims and margins were declared before the
networks met the test patients, whom no chapter draws.
"""

from copy import deepcopy
from dataclasses import replace

import pandas as pd
import torch
from side_by_side import keep, run
from torch import nn

from utils.attacks.fused import fuse_batch_norm
from utils.attacks.pgd import PGD
from utils.backbones.classifier import Classifier, build
from utils.data.phantoms import draw
from utils.data.split import Split, Splits, to_float
from utils.defences.losses.adversarial_training import fast_adversarial
from utils.evaluation.comparisons.claims import Claim, judge
from utils.evaluation.comparisons.differences import gain
from utils.evaluation.inference import predict_all
from utils.evaluation.metrics import score_of
from utils.evaluation.predictions import Predictions, pool_trainings
from utils.evaluation.resampling import ALPHA
from utils.run import ROOT
from utils.training.config import TrainConfig
from utils.training.features import frozen_features, linear_probe
from utils.training.loop import train_or_load
from utils.training.losses import CrossEntropy, ValidationScore, epochs_within, passes_of

FOLDER = ROOT / "checkpoints/bench"
SIZE, STAGES = 56, 5  # pixels; of seven stages, the first ones: the last two see 2 x 2 places
IMAGES, JUDGES, VALIDATED, TESTED = 384, 40, 120, 200  # of each: one image a patient
VALIDATION, TEST, PAIRS = 60, 61, range(62, 68)  # seeds of draws; those of pairs order images, too
EPSILON, STEPS = 1 / 255, 40
CONFIG = TrainConfig(3, batch_size=16, learning_rate=1e-3, schedule="one_cycle")  # under attack
LESSON = replace(fast_adversarial(EPSILON, precision="auto"), grow=1)
JUDGE = PGD(EPSILON, 3, stop_when_fooled=True, precision="auto")  # of epochs, on validation images
ATTACKS = {"clean": None, "PGD": PGD(EPSILON, STEPS, stop_when_fooled=True, precision="auto")}
START, ON_CLEAN, UNDER_ATTACK = "not at all, a probe", "on clean images", "under attack"
LOSSES = {ON_CLEAN: (CrossEntropy(), None), UNDER_ATTACK: (LESSON, JUDGE)}
SCORE = "balanced accuracy"
HARDENS = Claim(
    *("Fine-tuning under attack", "Under PGD it keeps over 5 points more than on clean images."),
    *(SCORE, UNDER_ATTACK, ON_CLEAN, "greater", 0.05),
)
USEFUL = Claim(
    *("The constant answer", "Under PGD, fine-tuning under attack scores above it."),
    *(SCORE, UNDER_ATTACK, "the constant answer", "greater"),
)


def drawn(seed: int, images: int) -> Split:
    return draw("brain_phantom", SIZE, images, seed, views=1, balanced=True)


def probe(train: Split, validation: Split) -> Classifier:
    """A linear head on the first stages of EfficientNet-Lite0 with its ImageNet weights."""
    whole = build("efficientnet_lite0", train.classes, SIZE, "imagenet", frozen=True).backbone
    parts = whole.conv_stem, whole.bn1, *whole.blocks[:STAGES], nn.AdaptiveAvgPool2d(1)
    backbone = nn.Sequential(*parts, nn.Flatten())
    backbone.pretrained_cfg = whole.pretrained_cfg  # the mean and spread of its pixels
    model = Classifier(backbone, nn.Identity(), frozen=True).eval()
    rows = [frozen_features(model, part, FOLDER) for part in (train, validation)]
    model.head = linear_probe(rows[0], train, rows[1], validation).head
    return model.eval()


def learning(model: Classifier, split: Split) -> Classifier:
    """A copy in which all weights learn, batch norm folded into them: it begins as the model is."""
    copy = deepcopy(fuse_batch_norm(model, to_float(split.images[:2]))).requires_grad_(True)
    copy.frozen = False
    return copy


def epochs() -> dict[str, int]:
    """Of each side, within the passes of training under attack."""
    budget = passes_of(LESSON, CONFIG.epochs)
    return {side: epochs_within(loss, budget) for side, (loss, _) in LOSSES.items()}


def pair(seed: int, validation: Split) -> dict[str, Classifier]:
    """A probe on images of its own, and what both trainings make of it with the same images."""
    train = drawn(seed, IMAGES)
    found = {START: probe(train, validation)}
    splits = Splits(train, validation.balanced(JUDGES), validation.take(torch.arange(0)))
    for side, (loss, attack) in LOSSES.items():
        found[side] = learning(found[START], train)
        config = replace(CONFIG, epochs=epochs()[side], seed=seed)
        train_or_load(found[side], splits, config, FOLDER, loss, ValidationScore(attack))
    return found


def pooled_answers() -> dict[str, dict[str, Predictions]]:
    """Of the probes and both sides, all pairs together, under each attack."""
    validation, test = drawn(VALIDATION, VALIDATED), drawn(TEST, TESTED)
    networks = [pair(seed, validation) for seed in PAIRS]
    answers = [
        {side: predict_all(model.eval(), test, ATTACKS) for side, model in each.items()}
        for each in networks
    ]
    return {
        side: {name: pool_trainings([each[side][name] for each in answers]) for name in ATTACKS}
        for side in (START, *LOSSES)
    }


def row(side: str, found: dict[str, Predictions]) -> dict:
    each = [f"{100 * score_of(one, SCORE).value:.0f}" for one in found["PGD"].by_training]
    scores = {f"{name} (%)": str(score_of(found[name], SCORE)) for name in ATTACKS}
    return {"fine-tuned": side, **scores, "each training under PGD (%)": ", ".join(each)}


def pair_table() -> pd.DataFrame:
    torch.set_num_threads(1)
    answers = pooled_answers()
    hardened, plain = answers[UNDER_ATTACK], answers[ON_CLEAN]
    constant = 1 / len(hardened["PGD"].class_names)
    judged = judge(
        [
            HARDENS.evaluate(hardened["PGD"], plain["PGD"]),
            USEFUL.evaluate(hardened["PGD"], constant),
        ]
    )
    p_values = " and ".join(f"{each.corrected:.3f}" for each in judged)
    more = {f"{name} (%)": str(gain(plain[name], hardened[name], SCORE)) for name in ATTACKS}
    last = {"fine-tuned": f"{UNDER_ATTACK}, minus {ON_CLEAN}", **more}
    rows = [*(row(side, found) for side, found in answers.items()), last]
    table = pd.DataFrame(rows).fillna("")
    keep(
        "fine_tuned_pairs",
        "Pretrained features that learn on under attack",
        f"""EfficientNet-Lite0 with ImageNet weights, its first {STAGES} stages, on drawn brain
        slices of {SIZE} pixels; {len(PAIRS)} pairs of trainings. Each pair has {IMAGES} images of
        its own, one of each patient, and begins at a linear probe on them. At equal cost it then
        learns for {epochs()[ON_CLEAN]} epochs on clean images, or for {epochs()[UNDER_ATTACK]} on
        images that one step has attacked. Scores are balanced accuracies on {TESTED} other
        patients, clean and after {STEPS} steps of PGD of {255 * EPSILON:.0f} grey level; a constant
        answer scores {constant:.0%}. Claims and margins were declared before the networks met
        these patients. {" ".join(map(str, judged))} The verdicts rest on p-values with Holm's
        correction over both claims, {p_values}: below {ALPHA} decides.""",
        table,
    )
    return table


if __name__ == "__main__":
    run({"fine_tuned_pairs": pair_table})
