"""Which claims of the course a real set can test, by which number, and what became of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

from utils.course.real.steps import difference_of, is_flagged
from utils.evaluation.comparisons.claims import FAILS, HOLDS, Claim, ClaimResult

Key = tuple[str, str]  # chapter, name of the claim
VERDICTS = {HOLDS: "holds here too", FAILS: "does not"}  # else it is undecided
FLAGGED = "not judged: a red flag"

PUBLISHED = "EfficientNet with ImageNet weights"
PUBLISHED_OR_FROZEN = f"{PUBLISHED}; in MRI a head on frozen features"
MOVED = "motion of severity 3; in MRI ghosts"

# chapter, claim: the step, the difference, and what is otherwise than in the chapter
TESTS: dict[Key, tuple[str, str, str]] = {
    ("advanced_attacks", "Questions"): ("other attackers", "clean minus questions", PUBLISHED),
    ("contamination", "Where noise enters"): ("corrupted", "file minus small", "Gaussian noise"),
    ("contamination", "Trigger"): (
        *("backdoor", "patch: with minus without, beyond a head without poison"),
        "a head on frozen features",
    ),
    ("defences", "Seeming defence"): (
        "other attackers",
        "rounding minus known",
        "a narrow network",
    ),
    ("defences", "Lasting defence"): (
        "other attackers",
        "hardened minus rounding",
        "a narrow network",
    ),
    ("efficientnet", "Pretrained weights"): ("pretrained", "published minus random", ""),
    ("efficientnet_atk", "One step"): ("standard", "one step minus PGD", "twenty steps"),
    ("efficientnet_atk", "One grey level"): (
        *("standard", "clean minus small PGD"),
        "all weights trained; in MRI a head, and the mean of two slices per patient",
    ),
    ("ensemble", "Seeming strength"): ("ensemble", "through one minus as one", "three trainings"),
    ("ensemble", "One model"): ("ensemble", "clean minus as one", "three trainings"),
    ("leakage", "Labels from a coin"): (
        "leakage",
        "coin minus chance",
        "a head on frozen features",
    ),
    ("leakage", "Folds by image"): ("leakage", "by image minus by patient", ""),
    ("museum", "Attack that stood still"): ("other attackers", "stood still minus PGD", PUBLISHED),
    ("prepare_dataset", "Look-up"): ("leakage", "look-up minus constant", "dementia or none"),
    ("reading_kit", "Saved pictures"): ("other attackers", "clean minus saved", ""),
    ("repair", "Labels"): ("label errors", "flagged minus random", ""),
    ("repair", "Trigger"): ("backdoor", "warp: delivered minus dropped", ""),
    ("repair", "Price"): ("backdoor", "warp: missed disease added", ""),
    ("resnet", "Network against pixels"): ("clean", "network minus pixels", "published weights"),
    ("resnet_atk", "Four grey levels"): ("standard", "clean minus PGD", PUBLISHED_OR_FROZEN),
    ("resnet_atk", "Noise"): ("standard", "noise minus clean", PUBLISHED_OR_FROZEN),
    ("resnet_atk", "Adversarial training"): (
        *("hardened gain", "hardened minus before, PGD"),
        "a narrow network, trained on",
    ),
    ("scaling_attack", "Hidden picture"): ("hidden pictures", "nothing minus another", PUBLISHED),
    ("scaling_attack", "Same diagnosis"): ("hidden pictures", "same minus nothing", PUBLISHED),
    ("scaling_defence", "Hidden patient"): (
        *("hidden pictures", "flagged, hidden minus nothing"),
        "",
    ),
    ("scaling_defence", "False alarms"): ("hidden pictures", "false alarms", ""),
    ("scaling_defence", "Median"): ("hidden pictures", "repaired minus hidden", ""),
    ("uncertainty", "Broken promise"): ("promises", "coverage lost", MOVED),
    ("uncertainty", "Kept promise"): ("promises", "calibrated again minus promise", MOVED),
    ("uncertainty", "Overconfidence"): (
        *("promises", "calibration error added"),
        f"calibration error; {MOVED}",
    ),
}
# A score under one step is too high by masked gradients, even where PGD leaves nothing.
WEAKER = {("efficientnet_atk", "One step")}
ATTACKED = {("defences", "Lasting defence"): "hardened"}  # the step that checks its attack
NETWORK = "needs the network of its chapter, trained from random weights"
SEARCH = "not affordable on one core beside the others"
PAINTED = "needs to know where the finding is"
DELIVERY = (
    "needs a delivery of known faults; `tests/benchmarks/false_positives.py` can count its false "
    "alarms"
)
TRIED = "tried once on real images, without a record; the chapter says how it went"
PLANTED = "is about planted faults, which are the same on real files"
UNTESTED: dict[Key, str] = {
    ("advanced_attacks", "Printable square"): SEARCH,
    ("advanced_attacks", "Two searches"): SEARCH,
    ("advanced_attacks", "An aim"): SEARCH,
    ("audit", "Planted faults"): PLANTED,
    ("audit", "Clean folder"): "needs a folder that is known to be clean",
    ("cervix", "Same budget"): "needs trainings of equal cost",
    ("contamination", "Two networks"): NETWORK,
    ("contamination", "Families of the training"): SEARCH,
    ("contamination", "Own statistics"): SEARCH,
    ("detective", "Caught"): DELIVERY,
    ("detective", "Hiding works"): DELIVERY,
    ("detective", "Hiding is cheap"): DELIVERY,
    ("dinov2", "Order of patches"): NETWORK,
    ("dinov2_atk", "One patch"): NETWORK,
    ("dinov2_atk", "Noise in the patch"): NETWORK,
    ("etf_rect_dml", "RECT"): TRIED,
    ("etf_rect_dml", "Rarer findings"): TRIED,
    ("etf_rect_dml", "Class weights"): TRIED,
    ("etf_rect_dml", "Long training"): TRIED,
    ("examine", "Planted faults"): PLANTED,
    ("gan_fakes", "Trained on fakes"): TRIED,
    ("gan_fakes", "Unknown family"): TRIED,
    ("gan_fakes", "Processed images"): TRIED,
    ("leakage", "Known patients"): SEARCH,
    ("rnn", "Shuffled rows"): NETWORK,
    ("rnn", "Without order"): NETWORK,
    ("rnn_atk", "Eight rows"): NETWORK,
    ("rnn_atk", "Which rows"): NETWORK,
    ("rnn_atk", "Adversarial training"): NETWORK,
    ("scaling_attack", "Hidden trigger"): SEARCH,
    ("scaling_defence", "Hidden trigger"): SEARCH,
    ("scaling_defence", "Knowing attacker"): SEARCH,
    ("tampering", "Flipped diagnoses"): PAINTED,
    ("tampering", "Located"): TRIED,
    ("tampering", "Evaded"): TRIED,
}


@dataclass(frozen=True)
class Tested:
    """A claim of the course and what one real set says to it."""

    chapter: str
    dataset: str
    result: ClaimResult
    otherwise: str
    flagged: bool = False

    @property
    def verdict(self) -> str:
        return FLAGGED if self.flagged else VERDICTS.get(self.result.verdict, "undecided")


def judged_claims(claims: Iterable[dict], results: Mapping[str, dict]) -> list[Tested]:
    """Every claim on every real set that has its number; `claims` are rows of the course."""
    found = []
    for row in claims:
        key = (row["chapter"], row["name"])
        step, name, otherwise = TESTS.get(key, ("", "", ""))
        for dataset, result in results.items():
            part = result["steps"].get(step, {})
            interval = difference_of(part, name)
            if interval is not None:
                number = part["differences"][name]
                judged = claim_of(row).evaluate(
                    interval, trainings=number["trainings"], patients=number["patients"]
                )
                flagged = is_flagged(part) or _is_doubtful(key, result["steps"], part)
                found.append(Tested(row["chapter"], dataset, judged, otherwise, flagged))
    return found


def _is_doubtful(key: Key, steps: Mapping[str, dict], part: dict) -> bool:
    """Whether a flag of the attack touches this claim, although the step itself may be compared."""
    inflated = key in WEAKER and bool(part.get("flags"))
    return inflated or is_flagged(steps.get(ATTACKED.get(key, ""), {}))


def claim_of(row: Mapping) -> Claim:
    """The claim as its chapter declared it."""
    return Claim(**{field.name: row[field.name] for field in fields(Claim)})
