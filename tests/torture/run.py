"""Kills, full disks, company and malformed input, as a table of what survived.

    make torture                    a sample, minutes
    make torture SHARE=1            everything: every change of the file system, all files

A share of the changes is spread evenly over them, two at least; the table says how many of how
many were tried, and at how many random moments besides. The driver of the course is killed at
random moments only. Every round can be made again: its seed stands in the table, its number in
the failure.
"""

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

import torch
from disturbances import Bench, Campaign, at_once, full_disk, killed
from drivers import runner
from spoilt_files import checkpoints, tables
from spoilt_pictures import images
from strange_commands import command_lines
from workloads import WORKLOADS

MALFORMED = {
    "1,000 malformed images": images,
    "200 tables": tables,
    "200 checkpoints": checkpoints,
    "200 command lines": command_lines,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=0.05, help="of all rounds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="campaigns with this in their name")
    given = parser.parse_args()
    torch.set_num_threads(1)  # forked children must not wait for threads that they lack
    campaigns = []
    for name, torment in _torments(given.share):
        if given.only in name:
            campaigns.append(_one(name, torment, given.seed))
    broken = [failure for campaign in campaigns for failure in campaign.failures]
    print(*(f"\n{failure}" for failure in broken), sep="\n")
    print(f"\n{sum(c.rounds for c in campaigns):,} rounds, {len(broken)} did not survive")
    return bool(broken)


def _torments(share: float):
    """Every campaign by its name: what it does with a place and a campaign."""
    for name in WORKLOADS:
        for torment in (killed, at_once, full_disk):
            yield f"{name}, {torment.__name__}".replace("_", " "), _on_bench(name, torment, share)
    for name, malformed in MALFORMED.items():
        yield name, lambda place, campaign, do=malformed: do(place, campaign, share)
    yield "runner, killed", lambda place, campaign: runner(place, campaign, share)


def _on_bench(name: str, torment, share: float):
    def on_bench(place: Path, campaign: Campaign) -> None:
        torment(Bench(name, place, campaign.seed), campaign, share)

    return on_bench


def _one(name: str, torment, seed: int) -> Campaign:
    campaign, began = Campaign(name, seed), _seconds()
    with tempfile.TemporaryDirectory(prefix="torture_") as place:
        torment(Path(place) / "here", campaign)
    lost = len(campaign.failures)
    survived = f"{campaign.rounds - lost:5,} of {campaign.rounds:5,} survived"
    cost = f"{_seconds() - began:6.1f} CPU s"
    print(f"{name:28} seed {seed:3}  {survived}  {cost}  {campaign.note}".rstrip(), flush=True)
    return campaign


def _seconds() -> float:
    """Of this process and its children."""
    mine, theirs = (resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return mine.ru_utime + mine.ru_stime + theirs.ru_utime + theirs.ru_stime


if __name__ == "__main__":
    began = time.monotonic()
    code = main()
    print(f"{time.monotonic() - began:.0f} s, {_seconds():.0f} of them at work")
    sys.exit(code)
