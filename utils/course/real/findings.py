"""What the real sets say, for README and the guide to the records: every number from a record."""

import re
from collections.abc import Iterable

from utils.course.real.five_projects import number
from utils.course.real.score_table import NONE, markdown_table
from utils.course.real.steps import SPLIT, Results, is_flagged, sound
from utils.course.real.tested_claims import FLAGGED, VERDICTS, judged_claims
from utils.evaluation.comparisons.claims import FAILS, HOLDS

# Topic, step, and a sentence that only places [scores] of the step: no record can contradict it.
FINDINGS = (
    ("Clean", "clean", "[balanced accuracy]; [logistic regression on pixels] from pixels alone"),
    ("Dementia or none, AUC", "clean", "[AUC]; [border alone: AUC] from the border alone"),
    (
        *("Folds", "leakage"),
        "[folds by image] if folds divide images, [folds by patient] if folds divide patients",
    ),
    ("Everyday corruptions", "corrupted", "[clean] without one, [mean] on average over families"),
    (
        *("Attack", "standard"),
        "[clean] clean, [noise 4] with random noise of four grey levels, [pgd 4] under PGD of that "
        "size",
    ),
    (
        *("Adversarial training of a narrow ResNet", "hardened gain"),
        "[before, clean, all test images] clean and [before, PGD] under PGD of four grey levels "
        "before, [hardened, clean, all test images] and [hardened, PGD] after",
    ),
    (
        *("Ensemble", "ensemble"),
        "[clean] clean, [through its best member] attacked through its best member, "
        "[as one model, 4] attacked as one model",
    ),
    (
        *("A fifth of the labels wrong", "label errors"),
        "[as delivered] as delivered, [flagged dropped] without the flagged images, "
        "[as many dropped at random] without as many at random",
    ),
    (
        *("Backdoor, share of other classes called the target", "backdoor"),
        "[patch, as delivered: trigger] with the patch, [patch, as delivered: control] without it, "
        "[patch, never poisoned: trigger] with the patch if no training image had it, "
        "[patch, flagged dropped: trigger] with the patch after the repair",
    ),
    (
        *("Hidden pictures", "hidden pictures"),
        "[nothing hidden] if nothing is hidden, [another diagnosis] if another diagnosis is, "
        "[another diagnosis, repaired] after the selective median",
    ),
)
SCORE = re.compile(r"\[(.+?)\]")
COLUMNS = {  # of the table in README: step and score
    "clean": ("standard", "clean"),
    "random noise": ("standard", "noise 4"),
    "PGD": ("standard", "pgd 4"),
    "narrow ResNet: PGD": ("hardened gain", "before, PGD"),
    "hardened ResNet: PGD": ("hardened gain", "hardened, PGD"),
}


def findings(results: Results) -> str:
    """A line for each question that some set answers; without those that a red flag keeps out."""
    good, lines = sound(results), []
    for topic, step, says in FINDINGS:
        sentences = [f"{name}: {_filled(says, good, name, step)}." for name in good]
        sentences = [sentence for sentence in sentences if NONE not in sentence]
        lines += [f"- **{topic}.** {' '.join(sentences)}\n"] if sentences else []
    return "".join(lines)


def summary(results: Results, claims: Iterable[dict]) -> str:
    """Some sentences and a table for README."""
    good = sound(results)
    if not good:
        return ""
    verdicts = [each.verdict for each in judged_claims(claims, good)]
    counts = [verdicts.count(VERDICTS[word]) for word in (HOLDS, FAILS)]
    rows = [[name, *(number(good, name, *each) for each in COLUMNS.values())] for name in good]
    rows = [row for row in rows if set(row[1:]) != {NONE}]
    flagged = verdicts.count(FLAGGED)
    return (
        f"`make real` tests the claims on small real images. Of {len(verdicts)} tests on "
        f"{_listed(good)}, the claim holds in {counts[0]} and not in {counts[1]}; "
        f"{len(verdicts) - sum(counts) - flagged} are undecided, {flagged} have a red flag. "
        f"{_flagged_splits(good)}[RESULTS.md](assets/RESULTS.md#real-images) has the main scores "
        "and all verdicts. The first three columns are an EfficientNet-Lite0 (for alzheimer_mri a "
        "linear head on its frozen features) on the attacked images. Noise and PGD change each "
        "pixel by at most four grey levels. A dash: not measured, or flagged as perhaps too "
        f"high.\n\n{markdown_table(('balanced accuracy (%)', *COLUMNS), rows)}"
    )


def _flagged_splits(results: Results) -> str:
    """The sets whose splits have red flags, so that none of their scores is shown."""
    names = [name for name, each in results.items() if is_flagged(each["steps"].get(SPLIT, {}))]
    return f"Every score of {_listed(names)} is flagged. " if names else ""


def _listed(names: Iterable[str]) -> str:
    return " and ".join(filter(None, ", ".join(names).rpartition(", ")[::2]))


def _filled(says: str, results: Results, name: str, step: str) -> str:
    return SCORE.sub(lambda found: number(results, name, step, found[1]), says)
