"""The section "Real images" of assets/RESULTS.md, from the records of `make real`."""

from collections.abc import Iterable
from pathlib import Path

from utils.course.claims import CLAIMED
from utils.course.real.five_projects import project_rows
from utils.course.real.score_table import (
    FLAG,
    NONE,
    flag_lines,
    markdown_table,
    score_table,
)
from utils.course.real.sets import KNOWN, RECORD, names_patients
from utils.course.real.steps import Results, as_interval, difference_of, is_flagged, learned, sound
from utils.course.real.tested_claims import TESTS, UNTESTED, Tested, judged_claims
from utils.files import read_json

PENDING = "not measured yet"
PUBLISHED = {"AUC": 0.944, "accuracy": 0.854}  # ResNet-18, 28 pixels, of PneumoniaMNIST

HEAD = f"""## Real images

`make real DATA_ROOT=FOLDER` measures this on one CPU core and leaves numbers alone in
`<data set>/{RECORD}`. EfficientNet-Lite0 with ImageNet weights, small images, few epochs: a low
score shows what such a training reaches. Hardened is a narrow ResNet-18 from random weights,
trained on under attack; its score before stands beside it. Its epoch is chosen on attacked
validation images. At first clean ones chose it, and on the test of chest_xray one of three
trainings turned out to have kept an early epoch, so that test had a part in this choice.

Percent with 95 % intervals, over patients, and over trainings where there are three. PneumoniaMNIST
names no patients, so its intervals are over images and may be too narrow; for blood cells they are
over smear pictures. For MRI the clean scores and the comparison of folds are also over partitions
into folds; calibration, corruptions, conformal sets and attacks are over patients alone. Conformal
sets are those of one training, calibrated on half of the test. Sizes of attacks are of 255 grey
levels. A score with {FLAG} has a red flag and stands in no comparison. A flag of the clean scores
is about the split, so every score of the set has it.
"""
CLAIMS_HEAD = """### Does it hold here too?

Every claim of the course that a real set can test, in points, at the margin that its chapter
declared for drawn images. Nothing here was used to choose a claim or a margin. Each is judged by
itself, without a correction for their number.
"""
CORRUPTED_HEAD = """### Everyday corruptions

How many points each family takes at a middle severity, applied to the file, before it is resized
for the network. A dash: it does not occur there. A set whose scores are flagged has no column.
"""
EXTERNAL_HEAD = """### Other patients

The networks on training patients that were held out of every training, and on others. The gap
stands beside what an attack of four grey levels takes. PneumoniaMNIST shows the patients of the
chest X-rays and does not say which images show one patient, so it is left out.
"""
PROJECTS_HEAD = """### Beside the five projects

The figures of the student projects whose questions the course took over, in percent, and ours.
They were measured on other images in other ways: the last column says why they differ.
"""


def read_results(home: Path) -> dict[str, dict]:
    """The record of each real set that has one."""
    paths = {name: home / "assets" / name / RECORD for name in KNOWN}
    return {
        name: read_json(path, "run: make real") for name, path in paths.items() if path.exists()
    }


def real_section(results: Results, claims: Iterable[dict]) -> str:
    """All tables about real images; empty where nothing was measured."""
    if not results:
        return ""
    good = sound(results)
    tested = judged_claims(claims, good)
    parts = [HEAD, *(failure(each) for each in results.values())]
    parts += [score_table(good), flag_lines(good), published_line(good)]
    parts += [CORRUPTED_HEAD, corruption_table(good)]
    parts += [CLAIMS_HEAD, claim_lines(tested), untested_line(tested)]
    parts += [EXTERNAL_HEAD, external_table(good)]
    columns = ("project", "question", "their figure", "ours", "why they differ")
    parts += [PROJECTS_HEAD, markdown_table(columns, project_rows(good))]
    return "\n".join(part for part in parts if part)


def failure(result: dict) -> str:
    """Networks that learned nothing are a failure, and none of their numbers is a result."""
    steps = [name for name, step in result["steps"].items() if not learned(step)]
    if not steps:
        return ""
    return (
        f"**{result['dataset']} failed** ({', '.join(steps)}). These networks are level with a "
        "constant answer: they have learned nothing, and nothing that was done to them would say "
        "anything.\n"
    )


def published_line(results: Results) -> str:
    """The one set with a published benchmark, beside ours."""
    if "pneumoniamnist" not in results:
        return ""
    steps = results["pneumoniamnist"]["steps"]
    theirs = ", ".join(f"{name} {100 * share:.1f}" for name, share in PUBLISHED.items())
    theirs = f"the published ResNet-18 ({theirs} on the official split, Yang 2023)"
    if is_flagged(steps["clean"]):
        compared = f"our scores have red flags, so we do not compare them with {theirs}"
    else:
        ours = ", ".join(f"{n} {as_interval(steps['clean']['scores'][n])}" for n in PUBLISHED)
        compared = f"{ours}, from ImageNet weights in few epochs, beside {theirs}"
    return f"PneumoniaMNIST at 28 pixels: {compared}.{_whose_test(steps)}\n"


def _whose_test(steps: dict) -> str:
    """Whether our copy of the set has the official test images, by their most similar files."""
    if "official test" not in steps:
        return ""
    shares = steps["official test"]["scores"]
    tested, control = (
        as_interval(shares[f"{name} images like an official test file"])
        for name in ("test", "train")
    )
    return (
        " Our copy has as many training, validation and test images as the official one, in "
        "another order. We looked up each test image among all chest X-rays: for "
        f"{tested} % the nearest is an official test file, and for {control} % of as many training "
        "images."
    )


def corruption_table(results: Results) -> str:
    """A row for each family that some set has, a column for each set without a red flag."""
    minus = "clean minus "
    found = {
        name: result["steps"]["corrupted"]["differences"]
        for name, result in results.items()
        if "corrupted" in result["steps"] and not is_flagged(result["steps"]["corrupted"])
    }
    families = dict.fromkeys(key for each in found.values() for key in each if minus in key)
    rows = [
        [key.removeprefix(minus), *(difference(results[name], "corrupted", key) for name in found)]
        for key in families
    ]
    return markdown_table(("points lost", *found), rows) if rows else ""


def claim_lines(tested: list[Tested]) -> str:
    columns = ("chapter", "claim", "real set", "claimed", "found here", "verdict", "otherwise here")
    rows = [
        [
            each.chapter,
            f"{each.result.claim.name}: {each.result.claim.what}",
            each.dataset,
            CLAIMED[each.result.claim.direction].format(f"{100 * each.result.claim.margin:g}"),
            each.result.interval.text(instead="no interval"),
            each.verdict,
            each.otherwise or NONE,
        ]
        for each in tested
    ]
    return markdown_table(columns, rows)


def untested_line(tested: list[Tested]) -> str:
    """What no real set at hand can test, by the reason, and what none has been measured for yet."""
    measured = {(each.chapter, each.result.claim.name) for each in tested}
    missing = dict.fromkeys(TESTS.keys() - measured, PENDING) | UNTESTED
    reasons: dict[str, list[str]] = {}
    for (chapter, name), why in sorted(missing.items()):
        reasons.setdefault(why, []).append(f"{chapter} ({name})")
    listed = "\n".join(f"- {why}: {', '.join(names)}" for why, names in sorted(reasons.items()))
    return (
        f"Of the {len(measured) + len(missing)} claims of the course {len(measured)} stand above, "
        f"and {len(missing)} are not tested here:\n\n{listed}\n"
    )


def external_table(results: Results) -> str:
    """Every gap between two populations, beside what an attack takes on the first images.

    Without sets whose patients are unknown: other images of theirs can be in the training.
    """
    rows, columns = [], ("trained on", "gap", "points", "an attack takes (points)")
    for name, result in results.items():
        if not names_patients(name):
            continue
        attack = difference(result, "standard", "clean minus PGD")
        for step in ("other patients", "kinds of files"):
            gaps = result["steps"].get(step, {}).get("differences", {})
            rows += [[name, gap, difference(result, step, gap), attack] for gap in gaps]
    return markdown_table(columns, rows) if rows else ""


def difference(result: dict, step: str, name: str) -> str:
    part = result["steps"].get(step, {})
    found = difference_of(part, name)
    return NONE if found is None or is_flagged(part) else found.text()
