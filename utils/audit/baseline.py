"""What is new since an earlier audit: drift of a delivery against the last one."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from utils.audit.finding import FACTS, SEVERITIES, Finding, count_of

TITLE = "Since the last audit"
USUAL = "usual range"  # the key of the score ranges in the facts
RANGE = (0.05, 0.95)  # of the scores of one audit
MOVED = 0.3  # of the images outside that range, which held 90 % of the earlier ones
LEAST_IMAGES = 50


def usual_ranges(images: pd.DataFrame) -> dict[str, list[float]]:
    """For each score the range that holds 90 % of these images."""
    ranges = images.select_dtypes("number").quantile(list(RANGE)).round(4)
    return {name: ranges[name].tolist() for name in ranges if ranges[name].notna().all()}


def read_baseline(path: str | Path) -> dict:
    """The facts of an earlier audit, from its JSON file or the folder of its report."""
    place = Path(path).expanduser()
    place = place / FACTS if place.is_dir() else place
    try:
        facts = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{place} cannot be read as the facts of an audit ({error})") from None
    if not isinstance(facts, dict) or not {"findings", "images", USUAL} <= set(facts):
        raise ValueError(f"{place} holds no audit of this version; give its {FACTS}")
    return facts


def compare_with(
    old: Mapping, findings: Sequence[Finding], images: pd.DataFrame, class_names: Sequence[str]
) -> Finding:
    """What is worse than in the earlier audit, and which scores have left their usual range."""
    worse, moved = _worse(old, findings), moved_scores(old, images)
    classes = sorted(set(class_names) ^ set(old["classes"]))
    news = [f"{title} was {before} and is {now}." for title, before, now in worse]
    news += [f"Classes that are new or gone: {', '.join(classes)}."] if classes else []
    if len(moved):
        names = ", ".join(f"{row.score} ({row.outside:.0%})" for row in moved.itertuples())
        news += [f"Outside the range that held 90 % of the earlier images: {names} of the images."]
    changed = len(images) - old["images"]
    return Finding(
        "warning" if len(worse) or len(moved) or classes else "ok",
        f"{count_of(len(images), 'image')}, {changed:+,} since then. "
        + (" ".join(news) or "No check is worse, and every score is where it was."),
        "Another device, program, site or selection of patients since the last delivery."
        if news else "",
        "Find out what has changed before these images join the earlier ones." if news else "",
        moved,
        title=TITLE,
    )  # fmt: skip


def _worse(old: Mapping, findings: Sequence[Finding]) -> list[tuple[str, str, str]]:
    before = {each["title"]: each["severity"] for each in old["findings"]}
    pairs = [(f.title, before[f.title], f.severity) for f in findings if f.title in before]
    return [pair for pair in pairs if SEVERITIES.index(pair[2]) > SEVERITIES.index(pair[1])]


def moved_scores(old: Mapping, images: pd.DataFrame) -> pd.DataFrame:
    """Scores with many images outside the earlier range, those that moved most first."""
    rows = []
    for name, (low, high) in old[USUAL].items() if len(images) >= LEAST_IMAGES else ():
        if name in images and pd.api.types.is_numeric_dtype(images[name]):
            values = images[name].dropna()
            outside = float(((values < low) | (values > high)).mean()) if len(values) else 0.0
            median = float(values.median()) if len(values) else 0.0
            rows += [(name, low, high, round(median, 4), round(outside, 4))]
    table = pd.DataFrame(rows, columns=["score", "low", "high", "median now", "outside"])
    moved = table[table["outside"] > MOVED]
    return moved.sort_values("outside", ascending=False, kind="stable", ignore_index=True)
