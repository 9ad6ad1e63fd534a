"""How often an examination raises something about a network with nothing wrong: `make bench`.

`--real FOLDER` asks the checks of an attack alone about networks on real images: see false_flags.

The networks of a round, one of each kind, share their seed, the images to learn from and those to
be examined on; every round has others. In every second round some images are in doubt: no network
can know their class. A network that has not learned the classes, as images without doubt show, is
not sound and does not count.
"""

import argparse
import time
from collections.abc import Iterator
from itertools import count

import false_flags
import numpy as np
import pandas as pd
import torch
from side_by_side import keep
from sound import EPSILON, SOUND, drawn, sound_network

from utils.audit.finding import EXIT_CODES
from utils.data.split import Split
from utils.evaluation.inference import predict
from utils.evaluation.intervals import Interval, share
from utils.examine import examine
from utils.examine.examination import QUESTIONS as ALL_QUESTIONS
from utils.examine.images import numbered_apart

MINUTES = 15.0  # of CPU time
EXAMINED, LEARNED, ATTACKED = 180, 300, 30  # images
SOUND_FROM = 0.95  # of the images without doubt
DOUBT = 0.3  # of the images, in every second round
QUESTIONS = {  # the others judge nothing
    "Does it see what it should?", "How good is it?", "Does it know these patients?",
    "Does the border decide?", "Is it as good for everybody?", "Is it as right as it is sure?",
    "Does it know when not to answer?", "Does the pipeline matter?",
    "What does contamination cost?", "What can an attacker do?",
}  # fmt: skip
GROUPS = {"sex": 2, "site": 3}  # by lot, so that no difference is there


def groups_of(images: Split, seed: int) -> pd.DataFrame:
    """Groups of patients that have nothing to do with the images."""
    rng, patients = np.random.default_rng(seed), images.patients
    drawn_for = {name: rng.integers(many, size=patients.max() + 1) for name, many in GROUPS.items()}
    return pd.DataFrame({name: group[patients] for name, group in drawn_for.items()})


def examined(kind: str, seed: int) -> pd.DataFrame:
    """What each question says about one network; nothing where it has learned too little."""
    doubt, first = DOUBT * (seed % 2), 10 * seed
    known, images = drawn(LEARNED, first, doubt), drawn(EXAMINED, first + 3, doubt)
    network, known = sound_network(kind, known, seed), numbered_apart(known, images)
    if predict(network, drawn(EXAMINED, first + 6)).accuracy < SOUND_FROM:
        return pd.DataFrame()
    options = {"columns": groups_of(images, seed), "attacked": ATTACKED, "epsilon": EPSILON}
    found = examine(network, images, known, minutes=60, seed=seed, questions=QUESTIONS, **options)
    table = found.table.reset_index()
    return table.assign(kind=kind, seed=seed, doubt=doubt)


def examinations(minutes: float) -> Iterator[pd.DataFrame]:
    """One network of each kind after another, for so many minutes of this processor."""
    for seed in count():
        for kind in SOUND:
            if time.process_time() > 60 * minutes:
                return
            yield examined(kind, seed)


def rates(found: pd.DataFrame) -> pd.DataFrame:
    """A row for each question, and one for any of them."""
    found = found.assign(raised=found["severity"].map(EXIT_CODES) > 0)
    networks = found.groupby(["kind", "seed"], sort=False)["raised"].any()
    by_question = found.groupby("question", sort=False)
    rows = [_row(question, rows.set_index("kind")["raised"]) for question, rows in by_question]
    return pd.DataFrame([*rows, _row("any of them", networks.droplevel("seed"))])


def _row(question: str, raised: pd.Series) -> dict:
    whole = share(raised)
    interval = Interval(*(whole[name] for name in Interval._fields))
    by_kind = raised.groupby(level=0, sort=False).sum()
    row = {"question": question, "networks": whole["of"], "raised": whole["right"]}
    return row | {"share (%)": str(interval)} | {kind: int(by_kind[kind]) for kind in SOUND}


def table(minutes: float) -> None:
    torch.set_num_threads(1)
    single = list(examinations(minutes))
    unsound, found = sum(each.empty for each in single), pd.concat(single)
    raised = found[found["severity"].map(EXIT_CODES) > 0]
    print(raised.to_string(index=False, max_colwidth=300))
    print((result := rates(found)).to_string(index=False), flush=True)
    keep(
        "false_alarms",
        "What an examination raises about sound networks",
        about(len(single), unsound),
        result,
    )


def about(networks: int, unsound: int) -> str:
    """What the table shows."""
    return f"""{networks} small networks, of {len(SOUND)} kinds in turn. Those of a round share
        their seed and their images, {LEARNED} drawn ones to learn from and {EXAMINED} others to be
        examined on; in every second round {100 * DOUBT:.0f} % of the images are in doubt. They are
        examined with {len(QUESTIONS)} of the {len(ALL_QUESTIONS)} questions; the others judge
        nothing. {unsound} networks do not count, since they were right on less than
        {100 * SOUND_FROM:.0f} % of images without doubt. *Raised* is a warning, an alarm, a failure
        or a question left out. The share has its interval, exact for networks that have nothing in
        common; then come the cases of each kind."""


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("minutes", nargs="?", type=float, default=MINUTES)
    arguments.add_argument("--real", metavar="FOLDER", help="where the real sets are")
    chosen = arguments.parse_args()
    if chosen.real:
        false_flags.table(chosen.real, chosen.minutes)
    else:
        table(chosen.minutes)
