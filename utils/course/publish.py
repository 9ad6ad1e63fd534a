"""Writes the tables of README and assets/RESULTS.md from the records (`make results`)."""

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from types import MappingProxyType

import numpy as np

from utils import HOME
from utils.course.claims import claim_table, claims_of, collect_claims, refuse_undecided
from utils.course.real.page import read_results, real_section, with_summary
from utils.course.real.score_table import Results, markdown_table
from utils.course.records import WITHDRAWN, Record, read_records
from utils.course.results import pool_records, strongest_conditions
from utils.course.upkeep import collect_minutes, copy_teasers
from utils.data.datasets import DATASETS
from utils.data.phantoms import PHANTOMS
from utils.evaluation.comparisons.differences import gain
from utils.evaluation.conditions import CLEAN, Condition
from utils.evaluation.metrics import HEADLINE, balanced_accuracy, score_of
from utils.evaluation.predictions import Predictions
from utils.evaluation.resampling import few_patients

NONE = "–"
EMPTY: Results = MappingProxyType({})
PAIR = "A minus B"  # a column that the page of all claims has, and README has not
OF_ALL = (None, "split")  # flags that concern every model of a run
STANDARD, HARDENED = ("standard", "soft vote"), "adversarial"
COLUMNS = (
    *("chapter, seed", "model", "patients", "clean", "strongest attack", "attacked", "drop"),
    *("accuracy, clean", "accuracy, attacked", "red flags"),
)
SUMMARY_COLUMNS = (
    *("data set, chapter", "constant answer", "clean", "attacked", "hardened: clean"),
    *("hardened: attacked", "red flags"),
)

HEAD = """# Claims and results

`make results` writes this page from the records in this folder, and a test compares the two.
"""
CLAIMS_HEAD = """## Claims

A chapter fixes its claims after trials and before its run, which confirms and does not discover:
a pair, a metric, a direction, a margin. The 95 % interval of the difference decides, over
patients and, for a method, over trainings as well; the claims of a chapter share Holm's
correction. A difference between -x and x is no effect larger than x.
"""
RESULTS_HEAD = """## All models on real images

Balanced accuracy in percent with 95 % intervals, on test patients unseen in training. A constant
answer gets 100 divided by the number of classes. The intervals are over patients, and over
trainings where a model was trained three times or more. The drop is clean minus attacked, in
points, paired image by image; plain accuracy stands beside it. A model with a red flag must not be
ranked; the record gives the reasons. Each line is one model of one run. Withdrawn, and not counted
where an older run raised it, is {withdrawn}.
""".format(withdrawn="; ".join(f"*{name}*: {why}" for name, why in WITHDRAWN.items()))
SUMMARY_HEAD = """## Results on real images

Balanced accuracy in percent with 95 % intervals, clean and under the strongest
attack of each chapter, for the standard model and for the adversarially trained one ("hardened").
Intervals are over test patients, and over trainings as well where there are three or more; of two,
both are given. A constant answer gets 100 divided by the number of classes. A model with a red
flag must not be ranked: the next section names the flags.
"""


def publish(home: Path = HOME) -> None:
    """Bring assets/RESULTS.md, and claims and minutes in README, up to date with the records.

    Undecided claims are written as well, and then refused.
    """
    copy_teasers(home)
    collect_minutes(home)
    claims, records = collect_claims(home), published_records(home)
    real, readme = read_results(home), home / "README.md"
    page = results_page(claims, records, real)
    (home / "assets/RESULTS.md").write_text(page, encoding="utf-8")
    text = with_claims(readme.read_text(encoding="utf-8"), claims)
    readme.write_text(with_summary(text, real, claims), encoding="utf-8")
    refuse_undecided([*claims, *claims_of(records)])


def published_records(home: Path = HOME) -> list[Record]:
    """The records of real data sets that git knows; those of drawn images change with every run."""
    found = [r for r in read_records(home / "assets") if r.dataset in {*DATASETS} - {*PHANTOMS}]
    command = ["git", "ls-files", "assets/*/record.json"]
    listed = subprocess.run(command, cwd=home, capture_output=True, text=True, check=True).stdout
    known = {(home / line).parent for line in listed.splitlines()}
    return [record for record in found if record.folder in known]


def results_page(claims: list[dict], records: list[Record], real: Results = EMPTY) -> str:
    """All claims, the real sets, real images in short, then all models of all records by set."""
    parts = [HEAD, CLAIMS_HEAD, claims_block([*claims, *claims_of(records)])]
    parts += [section] if (section := real_section(real, claims, records)) else []
    parts += [SUMMARY_HEAD, summary_table(records), RESULTS_HEAD]
    for dataset, own in _by_dataset(records).items():
        rows = [row for record in own for row in _record_rows(record)]
        parts.append(f"### {dataset}\n\n{markdown_table(COLUMNS, rows)}")
        parts += [f"In some chapters {warning}.\n" for warning in _warnings(own)]
    return "\n".join(parts)


def claims_block(rows: list[dict], without: tuple[str, ...] = ()) -> str:
    """A line for each claim; some columns can be left out."""
    table = claim_table(rows).drop(columns=list(without)).astype(str)
    return markdown_table(table.columns, table.to_numpy().tolist())


def headlines(rows: list[dict]) -> list[dict]:
    """The first claim of each chapter."""
    return list({row["chapter"]: row for row in reversed(rows)}.values())[::-1]


def summary_table(records: list[Record]) -> str:
    """The chapters with a test-time attack, a line each; seeds are pooled."""
    rows = [row for own in _by_dataset(records).values() for row in _summary_rows(own)]
    sized = [r for r in records if r.strongest is not None and r.strongest.epsilon is not None]
    few = [f"\n{d}: {w}.\n" for d, own in _by_dataset(sized).items() for w in _warnings(own)]
    return f"{markdown_table(SUMMARY_COLUMNS, rows)}{''.join(few)}"


def with_claims(readme: str, claims: list[dict]) -> str:
    """README with the first claim of each chapter between its marks."""
    block = re.compile(r"(<!-- claims -->\n).*?(<!-- /claims -->)", re.DOTALL)
    if not block.search(readme):
        raise ValueError("README.md lacks the lines <!-- claims --> and <!-- /claims -->")
    shown = claims_block(headlines(claims), without=(PAIR,))
    return block.sub(lambda found: f"{found[1]}{shown}{found[2]}", readme)


def _record_rows(record: Record) -> list[list[str]]:
    """A line for each model with predictions, and one for each other that has a red flag."""
    name, red = f"{record.name}, {record.facts['seed']}", _red(record)
    of_all = [flag for variant in OF_ALL for flag in red.pop(variant, ())]
    rows = []
    for model, found in record.predictions.items():
        flags = [*of_all, *red.pop(model, ()), *red.pop(f"{model}, clean", ())]
        rows.append([name, model, *_numbers(found, record.strongest), _listed(flags)])
    rows += [[name, other, *[NONE] * 7, _listed(flags)] for other, flags in red.items()]
    return rows or [[name, *[NONE] * 8, _listed(of_all)]]


def _warnings(records: list[Record]) -> list[str]:
    """Classes of which too few patients are tested for a score that counts every class alike."""
    found = (model[CLEAN] for r in records for model in r.predictions.values() if CLEAN in model)
    return sorted({few_patients(clean) for clean in found} - {""})


def _numbers(found: dict[Condition, Predictions], strongest: Condition | None) -> list[str]:
    """Patients, the clean score, the strongest attack, the score under it, the drop; accuracies."""
    clean, attacked = found[CLEAN], found.get(strongest)
    numbers = [str(len(np.unique(clean.groups))), str(score_of(clean, HEADLINE))]
    plain = f"{100 * clean.accuracy:.1f}"
    if attacked is None:
        return [*numbers, *[NONE] * 3, plain, NONE]
    numbers += map(str, (strongest, score_of(attacked, HEADLINE), gain(attacked, clean, HEADLINE)))
    return [*numbers, plain, f"{100 * attacked.accuracy:.1f}"]


def _summary_rows(records: list[Record]) -> list[list[str]]:
    rows, strongest = [], strongest_conditions(records)
    for name, models in pool_records(records).items():
        attack = strongest[name]
        standard = next((models[variant] for variant in STANDARD if variant in models), {})
        if attack is None or attack.epsilon is None or attack not in standard:
            continue
        own = [record for record in records if record.name == name.partition(" ")[0]]
        hardened = models.get(HARDENED, {})
        scores = [_score(m, c) for m in (standard, hardened) for c in (CLEAN, attack)]
        constant = f"{100 / standard[CLEAN].classes:.1f}"
        red = len({flag for record in own for flag in record.red})
        rows.append([f"{records[0].dataset}, {name}", constant, *scores, str(red or "none")])
    return rows


def _score(found: dict[Condition, Predictions], condition: Condition) -> str:
    """With its interval; of two trainings both, which no interval could say better."""
    if condition not in found:
        return NONE
    each = found[condition].by_training
    if len(each) != 2:
        return str(score_of(found[condition], HEADLINE))
    return " and ".join(f"{100 * balanced_accuracy(one.confusion):.1f}" for one in each)


def _red(record: Record) -> dict[str | None, list[str]]:
    """The names of the red flags by model."""
    found: dict[str | None, list[str]] = {}
    for flag in record.facts["flags"]:
        if flag["red"]:
            found.setdefault(flag.get("variant"), []).append(flag["flag"])
    return found


def _listed(flags: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(flags)) or "none"


def _by_dataset(records: list[Record]) -> dict[str, list[Record]]:
    return {
        dataset: [record for record in records if record.dataset == dataset]
        for dataset in dict.fromkeys(record.dataset for record in records)
    }


def main(home: Path = HOME) -> None:
    """The command: an undecided claim ends it with an error."""
    try:
        publish(home)
    except ValueError as error:
        sys.exit(f"results: {error}")


if __name__ == "__main__":
    main()
