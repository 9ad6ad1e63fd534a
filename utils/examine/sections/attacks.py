"""What an attacker can do: with gradients, with questions alone, with a visible patch."""

import numpy as np
import pandas as pd

from utils.attacks.apgd import APGD, WorstCase, worst_case_chain
from utils.attacks.black_box.square import Square
from utils.attacks.losses import CLASS_LOSSES, AllFindings
from utils.attacks.minimal_norm import MinimalNorm
from utils.attacks.patch import AdversarialPatch, ControlPatch
from utils.attacks.pgd import PGD
from utils.attacks.random_noise import noise_of
from utils.data.split import to_float
from utils.evaluation.attack_suite import AttackSuite
from utils.evaluation.conditions import CLEAN, GREY_LEVELS
from utils.evaluation.flags import check_attack
from utils.evaluation.flags.judging import HARMLESS
from utils.evaluation.inference import attacked_images, predict, predict_all
from utils.evaluation.intervals import Interval
from utils.evaluation.metrics import HEADLINE, score_of
from utils.evaluation.predictions import Predictions
from utils.examine.budget import STEP
from utils.examine.reporting.schema import SQUARE
from utils.examine.section import ONE_LABEL, Section, answers_of, does_not_apply
from utils.examine.subject import Subject
from utils.figures.attacks.attacked_images import perturbations
from utils.figures.attacks.curves import accuracy_by_epsilon

STEPS, LONGER = 20, 50  # on all images, and on those that PGD has left
ATTACKS, SMALLEST, PATCH = 400, STEP * STEPS, 100  # passes of each image, on average
SHARE = 0.5  # of the minutes
QUERIES = 200  # for each image
SHOWN = 3  # images of the picture
CHECKED = 24  # images of the red flags
BLIND = "The model has no gradients, so no attack could follow them. "
NO_SCORE = "The model knows too little about clean images to lose any of it."


def ask_attack(subject: Subject) -> Section:
    """PGD and the worst case, with controls and red flags; for a black box, questions alone."""
    if not subject.learned:
        return does_not_apply(NO_SCORE)
    passes = ATTACKS if subject.gradients else QUERIES
    subject.all_within(len(subject.few), passes, SHARE)
    return _by_gradients(subject) if subject.gradients else _by_questions(subject)


def _by_gradients(subject: Subject) -> Section:
    attack = PGD(subject.epsilon, STEPS, stop_when_fooled=True)
    suite = AttackSuite(attack)
    found = suite.predict(subject.model, subject.few, subject.keep)
    worst = _worst_case(subject, found[suite.strongest])
    tried = {**found, suite.strongest: worst}
    flags = check_attack(subject.model, subject.few, suite, tried, CHECKED, whole=subject.clean)
    red = flags[flags["red"]]
    shown = flags[flags["red"] | flags["reason"].str.startswith(HARMLESS)]
    left, noise = found[suite.strongest], found[suite.noise]
    score, words = _score(subject)
    size = f"{GREY_LEVELS * subject.epsilon:g} grey levels"
    sentence = (
        f"A change of at most {size} brings {words} from {score_of(found[CLEAN], score)} % to "
        f"{score_of(worst, score)} %; random noise of this size to {score_of(noise, score)} %."
    )
    rows = {str(name): score_of(each, score) for name, each in found.items()}
    rows["the worst of all attacks"] = score_of(worst, score)
    if subject.several:
        sentence += f" {_all_findings(subject)}"
    return Section(
        "alarm" if len(red) else "note",
        f"{len(red)} red flags: the attack has not found all it could. {_rounding(subject)}"
        f"{sentence}"
        if len(red) else f"{sentence} {len(flags)} checks of the attack, none raised.",
        "The score under attack is an upper bound: a stronger attacker may find more. Almost every "
        "network that was not trained against attacks loses most of its score; that is no fault "
        f"of this one. On {len(subject.few)} images"
        + ("; a finding more or less is a success." if subject.several
           else ", as many of each class.")
        + "".join(f" *{row.flag}*: {row.reason}." for row in shown.itertuples()),
        "Do not call the model robust. Attack it in a way that knows what hides its gradient."
        if len(red) else "",
        _table(rows, words),
        numbers={
            "noise": score_of(noise, score), "PGD": score_of(left, score),
            "worst case": score_of(worst, score),
        },
        figures={} if subject.several else _figures(subject, suite, found),
        answers=answers_of(
            {"noise": noise, "PGD": left, "worst case": worst}, subject.few_rows
        ),
    )  # fmt: skip


def _worst_case(subject: Subject, before: Predictions) -> Predictions:
    """What PGD has left, after further losses with more steps and after questions alone. What one
    short attack overlooks is no fault of the model."""
    chain = worst_case_chain(subject.epsilon, LONGER, QUERIES)
    if subject.several:  # one loss of the chain is about each other class
        gradients = [APGD(subject.epsilon, LONGER, loss) for loss in CLASS_LOSSES]
        chain = WorstCase((*gradients, Square(subject.epsilon, QUERIES)))
    return predict(subject.model, subject.few, chain, after=before, keep=subject.keep)


def _score(subject: Subject) -> tuple[str, str]:
    """What an attack takes away, and in words. It changes some finding, so areas say little."""
    if subject.several:
        return "accuracy", "the share of images with all findings right"
    return HEADLINE, HEADLINE


def _rounding(subject: Subject) -> str:
    return (
        "The model rounds its images first (quantisation or JPEG), and no gradient passes that. "
        if subject.rounds
        else ""
    )


def _all_findings(subject: Subject) -> str:
    """An attacker who wants every finding wrong, not just one."""
    attack = PGD(subject.epsilon, STEPS, loss=AllFindings(), stop_when_fooled=True)
    found = predict(subject.model, subject.few, attack, keep=subject.keep)
    return f"All findings at once are wrong for {score_of(found, 'all findings wrong')} %."


def _figures(subject: Subject, suite: AttackSuite, found: dict) -> dict:
    some = subject.few.balanced(SHOWN, subject.seed)
    whole = PGD(subject.epsilon, STEPS)
    kinds = {"PGD": whole, "noise": noise_of(whole, subject.epsilon)}
    changed = {n: attacked_images(subject.model, some, a).numpy() for n, a in kinds.items()}
    sure = {n: predict(subject.model, some, a).probabilities for n, a in kinds.items()}
    return {
        "Accuracy by the size of the change": accuracy_by_epsilon({"pgd": suite.curve(found)}),
        "What the change looks like": perturbations(some, changed, sure),
    }


def _by_questions(subject: Subject) -> Section:
    square = Square(subject.epsilon, QUERIES)
    conditions = {"clean": None, "noise": noise_of(PGD(subject.epsilon), subject.epsilon),
                  "questions": square}  # fmt: skip
    found = predict_all(subject.model, subject.few, conditions, keep=subject.keep)
    score, words = _score(subject)
    rows = {name: score_of(each, score) for name, each in found.items()}
    return Section(
        "note",
        f"{BLIND}An attacker with {QUERIES} questions for each image brings {words} from "
        f"{rows['clean']} % to {rows['questions']} %; random noise of this size to "
        f"{rows['noise']} %.",
        "What stands against questions alone need not stand against an attacker who has the "
        "weights, or trains a model like it. This figure says nothing about them.",
        "",
        _table(rows, words),
        numbers={name: each for name, each in rows.items() if name != "clean"},
        answers=answers_of({n: p for n, p in found.items() if n != "clean"}, subject.few_rows),
    )  # fmt: skip


def ask_smallest_change(subject: Subject) -> Section:
    """How small a change is enough, image by image."""
    if not (subject.learned and subject.gradients):
        return does_not_apply(NO_SCORE if subject.gradients else BLIND)
    if subject.several:
        return does_not_apply(f"{ONE_LABEL}The search follows the boundary of one class.")
    few = subject.few
    subject.all_within(len(few), SMALLEST * (few.classes - 1), SHARE)
    attack = MinimalNorm("linf", steps=STEPS)
    distances = attack.distances(subject.model, to_float(few.images), few.labels).numpy()
    right = distances > 0
    sizes = GREY_LEVELS * np.where(np.isinf(distances), 1, distances)
    middle = float(np.median(sizes[right])) if right.any() else float("nan")
    shares = {f"up to {size:g} of 255": f"{100 * (sizes <= size).mean():.0f}"
              for size in (0.25, 0.5, 1, 2, 4, 8)}  # fmt: skip
    return Section(
        "note", f"Half of the images that it classifies correctly need a change of at most "
        f"{middle:.2g} of 255 grey levels in any pixel.",
        "The smallest change that a search along the class boundary found; smaller ones may exist.",
        "",
        pd.DataFrame({"change": list(shares), "images that are wrong (%)": list(shares.values())}),
        numbers={"median smallest change (of 255)": middle},
    )  # fmt: skip


def ask_patch(subject: Subject) -> Section:
    """A visible square: painted against the model, and at the same place without it."""
    if not (subject.learned and subject.gradients):
        return does_not_apply(NO_SCORE if subject.gradients else BLIND)
    subject.all_within(len(subject.few), PATCH, SHARE)
    kinds = {
        "clean": None,
        "a grey square": ControlPatch(fill="grey"),
        "a hostile square": AdversarialPatch(),
    }
    found = predict_all(subject.model, subject.few, kinds, keep=subject.keep)
    score, words = _score(subject)
    rows = {name: score_of(each, score) for name, each in found.items()}
    return Section(
        "note", f"A square of 8 % of the image, painted against the model, brings {words} from "
        f"{rows['clean']} % to {rows['a hostile square']} %; a grey one to "
        f"{rows['a grey square']} %.",
        "Stickers, markers and dirt on a lens are such squares. The control stands at the place "
        "where the model looks most.",
        "", _table(rows, words),
        numbers={name: each for name, each in rows.items() if name != "clean"},
        answers=answers_of(
            {f"{SQUARE}{n}": each for n, each in found.items() if n != "clean"}, subject.few_rows
        ),
    )  # fmt: skip


def _table(rows: dict[str, Interval], words: str) -> pd.DataFrame:
    pairs = [(name, str(each)) for name, each in rows.items()]
    return pd.DataFrame(pairs, columns=["condition", f"{words} (%)"])
