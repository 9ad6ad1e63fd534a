"""Is there one faint change that turns every image into one class, as the trigger of a backdoor?"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from utils.attacks.universal import Universal, fit_universal
from utils.data.split import Split
from utils.evaluation.conditions import GREY_LEVELS
from utils.evaluation.inference import predict
from utils.evaluation.intervals import UNDEFINED, Interval, mean_of
from utils.evaluation.kept_batches import kept_tensor
from utils.examine.budget import STEP
from utils.examine.section import ONE_LABEL, Section, does_not_apply
from utils.examine.sections.blending import PER_ATTACKED
from utils.examine.subject import Subject
from utils.run import progress

ROUNDS = 10  # of the fit, over the images
SHARE = 0.3  # of the minutes
MADE_FROM = 0.5  # of the images; the change is tried on the others


@dataclass(frozen=True)
class Reach:
    """Images of other classes that are predicted as this one, under each kind of change."""

    class_name: str
    changed: Interval
    random: Interval  # the control: a pattern of random signs, the same for all images
    unchanged: Interval


def ask_universal(subject: Subject) -> Section:
    """One change towards each class. It judges nothing: sound networks can be moved so, too."""
    if not (subject.learned and subject.gradients):
        return does_not_apply("The search needs gradients, and a model that knows something.")
    if subject.several:
        return does_not_apply(f"{ONE_LABEL}The search is for a change that stands for one class.")
    few = subject.of_each(PER_ATTACKED * subject.attacked)
    subject.all_within(len(few), MADE_FROM * ROUNDS * STEP * few.classes, SHARE)
    known, unseen = _in_two(few, subject.seed)
    steps = progress(range(unseen.classes), "classes")
    reached = [_reach(subject, known, unseen, target) for target in steps]
    first, second = sorted(reached, key=lambda each: -each.changed.value)[:2]
    return Section(
        "note",
        f"One change of at most {GREY_LEVELS * subject.epsilon:g} grey levels, the same for all "
        f"images, turns {first.changed} % of the images of other classes into {first.class_name}; "
        f"a random one {first.random} %, and {first.unchanged} % are taken for it unchanged. "
        f"Towards {second.class_name} it is {second.changed} %.",
        "A backdoor whose trigger is faint makes one class easier to reach than the others. But a "
        "network that was not trained against attacks can be moved by one change, too, and to some "
        "class more easily than to others: no proof. Compare with a model of the same kind that is "
        f"known to be clean. Made from {len(known)} images, tried on {len(unseen)} others.",
        "",
        _table(reached),
        numbers={f"one change towards {each.class_name}": each.changed for each in reached},
    )


def _in_two(few: Split, seed: int) -> tuple[Split, Split]:
    """Images to make a change from, and those of other patients to try it on."""
    order = np.random.default_rng(seed).permutation(len(few))
    first = int(MADE_FROM * len(few))
    return few.take(np.sort(order[:first])), few.take(np.sort(order[first:]))


def _reach(subject: Subject, known: Split, unseen: Split, target: int) -> Reach:
    others = unseen.take(unseen.labels != target)
    if not len(others):
        return Reach(unseen.class_names[target], UNDEFINED, UNDEFINED, UNDEFINED)
    pattern = _kept_pattern(subject, known, target)
    draws = torch.Generator().manual_seed(subject.seed)
    signs = torch.rand(pattern.shape, generator=draws).sub(0.5).sign()
    ways = (Universal(subject.epsilon, pattern), Universal(subject.epsilon, signs), None)
    hits = [predict(subject.model, others, way).predicted == target for way in ways]
    shares = (mean_of(each.astype(float), others.patients) for each in hits)
    return Reach(unseen.class_names[target], *shares)


def _kept_pattern(subject: Subject, known: Split, target: int) -> Tensor:
    """The change towards a class; one that a stopped examination has made is not made again."""

    def fit() -> Tensor:
        return fit_universal(
            subject.model, known, subject.epsilon, ROUNDS, subject.seed, target
        ).pattern.cpu()

    about = ("universal", subject.model, subject.epsilon, ROUNDS, target)
    return kept_tensor(subject.keep, known.images, known.labels, fit, subject.seed, *about)


def _table(reached: list[Reach]) -> pd.DataFrame:
    return pd.DataFrame({
        "class": [each.class_name for each in reached],
        "turned into it by one change (%)": [str(each.changed) for each in reached],
        "by a random one (%)": [str(each.random) for each in reached],
        "unchanged (%)": [str(each.unchanged) for each in reached],
    })  # fmt: skip
