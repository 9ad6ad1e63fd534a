"""The red flags of published predictions: of this model, this attack, and all images?"""

from collections.abc import Iterator, Mapping

import numpy as np
from scipy.stats import binomtest, hypergeom

from utils.data.split import Split
from utils.evaluation.conditions import Condition
from utils.evaluation.flags.attack_evidence import AttackEvidence
from utils.evaluation.flags.judging import NOT_APPLICABLE, NOT_RESOLVED, RARE, SAME
from utils.evaluation.predictions import FindingPredictions, Predictions

CHANGED, CHANGED_SHARE = 0.05, 0.1  # of a probability, of the images: more than rounding does
TIED = 1e-4  # difference of a probability up to which two runs are equal


def other_images(split: Split, published: Mapping[Condition, Predictions]) -> str | None:
    """The first condition whose predictions are not about the images of the split."""
    for condition, found in published.items():
        if len(found.labels) != len(split):
            return f"{condition}: {len(found.labels)} images of {len(split)}"
        if not np.array_equal(found.labels, split.labels.cpu().numpy()):
            return f"{condition}: other labels, or another order"


def _not_of_the_model(e: AttackEvidence) -> str | None:
    if e.is_random or e.checks.between_batches > SAME:
        return NOT_APPLICABLE
    again, published = e.checks.clean.probabilities, e.clean.take(e.rows).probabilities
    changed = float((np.abs(published - again).max(1) > CHANGED).mean())
    if changed > CHANGED_SHARE:
        return f"probabilities of {changed:.0%} of the clean images differ in a second run"


def _not_of_the_attack(e: AttackEvidence) -> str | None:
    """Runs of one attack differ by chance only: as often up as down.

    The second run has other random starts, and one pair of runs in a thousand lies apart by luck:
    an attack that stops at its first success leaves each image where chance has put it. So before
    the flag is red, the run is repeated as it was published: the same images in one batch, with
    the same random numbers. What is sound comes out again.
    """
    published = e.attacked[e.attack.epsilon]
    why = _on_one_side(published.take(e.rows), e.checks.attacked)
    if why is None or why.startswith(NOT_RESOLVED) or e.as_published is None:
        return why
    repeated = e.as_published()
    return _on_one_side(published.take(slice(0, len(repeated.labels))), repeated)


def _on_one_side(published: Predictions, again: Predictions) -> str | None:
    _, member = np.unique(again.groups, return_inverse=True)
    if 2 * 0.5 ** (member.max() + 1) >= RARE:
        return f"{NOT_RESOLVED}: too few patients ({member.max() + 1})"
    rise = np.bincount(member, published.of_truth - again.of_truth) / np.bincount(member)
    moved = np.abs(rise) > TIED
    higher, count = int((rise[moved] > 0).sum()), int(moved.sum())
    if count and binomtest(higher, count).pvalue < RARE:
        less = 2 * higher > count
        most, way = max(higher, count - higher), "less" if less else "more"
        return f"in a second run the true class is {way} likely for {most} of {count} patients"


def _only_right(e: AttackEvidence) -> str | None:
    """Of each class, would so many images drawn from the whole test set all be right?"""
    if not e.clean.right.all():
        return None
    drawn, whole = e.clean, e.whole
    if whole is None:
        return f"{NOT_RESOLVED}: all {len(drawn.labels)} images were right before the attack"
    chance = 1.0
    for of_class, in_sample in _strata(whole, drawn):
        size, count, right = of_class.sum(), in_sample.sum(), whole.right & of_class
        chance *= hypergeom.pmf(count, size, right.sum(), count) if count <= size else 1.0
    if chance < RARE:
        return f"all {len(drawn.labels)} were right, but {whole.accuracy:.1%} of the test set are"


def _strata(whole: Predictions, drawn: Predictions) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The images of each class; of several findings, which overlap, all images at once."""
    if isinstance(whole, FindingPredictions):
        yield np.ones(len(whole.right), bool), np.ones(len(drawn.right), bool)
        return
    for label in range(whole.classes):
        yield whole.has(label), drawn.has(label)


PUBLISHED_FLAGS = {
    "published predictions of another model": _not_of_the_model,
    "published predictions of another attack": _not_of_the_attack,
    "only images that were right are attacked": _only_right,
}
