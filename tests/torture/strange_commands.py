"""Random command lines: an exit code and a message in words, whatever is typed."""

import contextlib
import io
import random
from functools import partial
from pathlib import Path

from children import do
from disturbances import LONGEST, Campaign

from utils.course import __main__ as command_line

WORDS = [
    *(
        "run",
        "list",
        "audit",
        "resnet",
        "rnn_atk",
        "results",
        "nonsense",
        "--",
        "-p",
        "-h",
        "--help",
    ),
    *(
        "--cores",
        "0",
        "1",
        "-1",
        "1e9",
        "--profile",
        "quick",
        "full",
        "--size",
        "64",
        "7",
        "--out",
        "--root",
    ),
    *(
        "EPOCHS=3",
        "EPOCHS=-1",
        "EPOCHS={[]: 1}",
        "EPOCHS=" + "[" * 500,
        "SIZE=50",
        "BACKBONE=mynet",
    ),
    *(
        "DATASET=folder:",
        "DATASET=" + "x" * 5000,
        "DATASETS='",
        "LEARNING_RATE=nan",
        "=",
        "A=B=C",
        "SEED=1e400",
    ),
    *(
        "folder:~nobody",
        "folder:",
        "",
        " ",
        "\0",
        "\x1b]0;x\x07",
        "é",
        "\udcff",
        "/etc/passwd",
        "..",
        "WEIGHTS=/dev/null",
    ),
]


def command_lines(place: Path, campaign: Campaign, share: float) -> None:
    """Random words: an exit code and a message in words, nothing executed."""
    rng = random.Random(campaign.seed)
    place.mkdir(parents=True)
    for number in range(max(10, round(200 * share))):
        verb = rng.choice(["run", "run", "list", "audit", rng.choice(WORDS)])
        words = [verb, *rng.choices(WORDS, k=rng.randrange(6))]
        status, said = do(partial(_typed, place, words), place.parent / "outcome")
        campaign.judge(status == 0, f"command {number} {words}: {said[-500:]}")


def _typed(place: Path, words: list[str]) -> str:
    """Nothing runs and nothing is audited; all that comes before is real."""
    from utils.audit import report

    def stop(*_, **__):
        raise RuntimeError("here the work would begin")

    command_line.run = report.read_folder = stop
    command_line.ROOT, errors = place, io.StringIO()
    try:
        with contextlib.redirect_stderr(errors):
            command_line.main(words)
    except SystemExit as end:
        text = errors.getvalue() + (end.code if isinstance(end.code, str) else "")
        assert isinstance(end.code, str) or end.code in (0, 1, 2, 3, 130, None), end.code
        assert "Traceback" not in text and "\x1b" not in text, text[-400:]
        assert len(text) < LONGEST, f"{len(text)} letters"
    return "ended"
