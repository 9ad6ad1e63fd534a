"""All scores of the real sets side by side: a row for each score, a column for each set."""

from collections.abc import Iterable

from utils.course.real.steps import OF_SPLIT, SPLIT, Results, as_interval, is_flagged

NONE, FLAG = "–", "†"
HARMLESS = (
    "(shown without †: PGD of four grey levels leaves nothing; a score under one step can still be "
    "too high)"
)
EVERYWHERE = " and every score of the set"

FOLDS = {"image": "leaky", "patient": "honest"}
# step, score, what the row is called; the same in every set that has it
ROWS = (
    ("clean", "balanced accuracy", "clean, balanced accuracy"),
    ("clean", "accuracy", "clean, accuracy"),
    ("clean", "AUC", "clean, AUC"),
    ("clean", "any finding: balanced accuracy", "any finding or none, balanced accuracy"),
    ("clean", "any finding: AUC", "any finding or none, AUC"),
    ("clean", "logistic regression on pixels", "control: logistic regression on pixels"),
    ("clean", "border alone: AUC", "control: the border alone, AUC"),
    *(("leakage", f"folds by {unit}, {score}", f"{name}: folds by {unit}, {score}")
      for score in ("accuracy", "AUC") for unit, name in FOLDS.items()),
    ("ensemble", "clean, all test images", "the trainings as one vote"),
    ("calibration", "before", "calibration error"),
    ("calibration", "after", "calibration error, one temperature"),
    ("clean", "calibration error, before", "calibration error"),
    ("clean", "calibration error, after", "calibration error, one temperature"),
    ("corrupted", "mean", "corrupted, mean of all families"),
    ("promises", "coverage, clean", "conformal sets of 90 %: coverage"),
    (
        *("promises", "coverage, moved"),
        "conformal sets of 90 %: coverage under motion (ghosts in MRI)",
    ),
    ("standard", "clean", "attacked images: clean"),
    ("standard", "noise 4", "attacked images: noise 4"),
    *(("standard", f"{kind} {size}", f"{kind.replace('pgd', 'PGD')} {size}")
      for kind in ("pgd", "worst case") for size in (1, 2, 4)),
    ("ensemble", "as one model, 4", "the vote, attacked as one model, 4"),
    ("hardened gain", "before, clean, all test images", "narrow network: clean, all images"),
    ("hardened gain", "before, PGD", "narrow network: PGD 4"),
    ("hardened gain", "hardened, clean, all test images", "hardened: clean, all images"),
    ("hardened", "clean", "hardened: clean"),
    ("hardened", "noise 4", "hardened: noise 4"),
    *(("hardened", f"{kind} {size}", f"hardened: {kind.replace('pgd', 'PGD')} {size}")
      for kind in ("pgd", "worst case") for size in (1, 2, 4)),
    ("label errors", "AUROC of wrong labels", "a fifth of the labels wrong: AUROC of finding them"),
    ("label errors", "as delivered", "head on frozen features, wrong labels"),
    ("label errors", "as many dropped at random", "as many dropped at random"),
    ("label errors", "flagged dropped", "flagged dropped"),
    ("label errors", "dropped by an oracle", "dropped by an oracle"),
    ("backdoor", "patch, as delivered: trigger", "backdoor: patch obeyed"),
    ("backdoor", "patch, as delivered: control", "control: the same images without the patch"),
    ("backdoor", "patch, never poisoned: trigger", "control: the patch, and a head without poison"),
    ("backdoor", "patch, flagged dropped: trigger", "patch obeyed after the repair"),
    ("hidden pictures", "nothing hidden", "pipeline that skips pixels: nothing hidden"),
    ("hidden pictures", "same diagnosis", "another patient of the same diagnosis hidden"),
    ("hidden pictures", "another diagnosis", "another diagnosis hidden"),
    ("hidden pictures", "another diagnosis, repaired", "the same after the selective median"),
    ("hidden pictures", "AUROC of hidden pictures", "AUROC of finding the hidden pictures"),
)  # fmt: skip


def score_table(results: Results) -> str:
    """A row for each score that some set has, a column for each set."""
    rows: dict[str, list[str]] = {}
    for step, name, shown in ROWS:
        cells = [cell(result, step, name) for result in results.values()]
        known = rows.setdefault(shown, [NONE] * len(cells))
        rows[shown] = [old if new == NONE else new for old, new in zip(known, cells, strict=True)]
    kept = [[shown, *cells] for shown, cells in rows.items() if set(cells) != {NONE}]
    return markdown_table(("", *results), [*_made_with(results), *kept])


def _made_with(results: Results) -> list[list[str]]:
    """How many images there are and how large, and how long the networks are trained."""
    rows: dict[str, list[str]] = {}
    for result in results.values():
        steps, settings = result["steps"], result.get("settings", {})
        counts, hardening = steps.get("clean", {}).get("images", {}), steps.get("hardening", {})
        found = {
            "images": ", ".join(f"{count:,} {name}" for name, count in counts.items()),
            "pixels of the files": settings.get("file_size", NONE),
            "pixels of the network": settings.get("size", NONE),
            "enlarged inside it to": settings.get("enlarged") or NONE,
            "epochs": settings.get("epochs", NONE),
            "epochs of the narrow network": hardening.get("clean epochs", NONE),
            "epochs under attack, after those": hardening.get("epochs under attack", NONE),
        }
        for name, shown in found.items():
            rows.setdefault(name, []).append(str(shown))
    return [[name, *cells] for name, cells in rows.items() if set(cells) != {NONE}]


def cell(result: dict, step: str, name: str) -> str:
    part = result["steps"].get(step, {})
    row = part.get("scores", {}).get(name)
    if row is None:
        return NONE
    return str(as_interval(row)) + f" {FLAG}" * is_flagged(part)


def flag_lines(results: Results) -> str:
    """The raised red flags, each with its reason."""
    found = [
        f"- {FLAG if is_flagged(part) else HARMLESS} {name}, {step}"
        f"{EVERYWHERE * (step == SPLIT and OF_SPLIT in part)}: *{flag['flag']}*: {flag['reason']}."
        for name, result in results.items()
        for step, part in result["steps"].items()
        for flag in part.get("flags", ())
    ]
    return "\n".join(found) + "\n" * bool(found)


def markdown_table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    columns = list(columns)
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
