"""Executes one notebook, as a job of Snakemake (env/Snakefile) in its working folder."""

import getpass
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from utils import ROOT

# A kernel warns of its open port, and that it was ended; errors of cells reach us otherwise.
QUIET = ["--IPKernelApp.log_level=CRITICAL"]
# Freed memory stays with the process (glibc): asking for it anew took a tenth of the course.
KEEP_MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**31 - 1)}


def execute(name: str) -> None:
    """Run one notebook of plan.json; it appears in notebooks/ once it is complete."""
    threading.Thread(target=_end_with, args=[os.getppid()], daemon=True).start()
    os.environ["SECOND_LOOK_BATCH"] = "1"  # no bars: they would be stored half drawn
    os.environ.update(KEEP_MEMORY)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    job = json.loads(Path("plan.json").read_text(encoding="utf-8"))["jobs"][name]
    unfinished = Path("logs", f"{name}.ipynb")
    with FileLock(f"logs/{name}.lock"), _one_gpu():
        known = any(path.is_file() for path in ROOT.glob(f"checkpoints/*/{name}/**/*"))
        run_notebook(Path(job["path"]), job["parameters"], unfinished, log_output=True)
        os.replace(unfinished, f"notebooks/{name}.ipynb")
        if not (known or job["parameters"] or visible_gpus()):  # else it says little about others
            cost = {"cpu_seconds": _seconds_of_children()}
            Path(f"logs/{name}.cost.json").write_text(json.dumps(cost), encoding="utf-8")


def run_notebook(
    path: Path, parameters: dict, output: Path | None = None, log_output: bool = False
) -> None:
    """Execute a notebook in its own folder; the executed one goes to `output`."""
    # jsonschema can do without this grammar, which takes three times as long as all of papermill.
    sys.modules.setdefault("rfc3987_syntax", None)
    import papermill  # here: it takes half a second, and `_end_with` must not wait for it

    papermill.execute_notebook(
        path,
        output,
        parameters,
        kernel_name="python3",
        language="python",
        cwd=path.parent,
        progress_bar=False,
        log_output=log_output,
        extra_arguments=QUIET,
    )


def visible_gpus() -> list[str]:
    """The GPUs this process may use, as CUDA_VISIBLE_DEVICES names them."""
    if (named := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [gpu for gpu in named.split(",") if gpu not in ("", "-1")]
    if not shutil.which("nvidia-smi"):
        return []
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True).stdout
    return [str(number) for number, _ in enumerate(re.findall("^GPU", listed, re.MULTILINE))]


def end_children() -> None:
    """End every process that this one has started, and theirs, such as a notebook's kernel."""
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            child.kill()


@contextmanager
def _one_gpu():
    """Show this job one GPU and hold it by a lock file; in Slurm's jobs, Slurm has done so."""
    gpus = [] if "SLURM_JOB_ID" in os.environ else visible_gpus()
    held = Path(tempfile.gettempdir(), f"second-look-{getpass.getuser()}")
    while gpus:
        with suppress(Timeout), FileLock(f"{held}-gpu-{gpus[0]}.lock", timeout=1):
            os.environ["CUDA_VISIBLE_DEVICES"] = gpus[0]
            yield
            return
        gpus.append(gpus.pop(0))
    yield


def _seconds_of_children() -> float:
    """The CPU time of all processes that ended below this one; 0 where the system counts none."""
    times = os.times()
    return times.children_user + times.children_system


def _end_with(parent: int) -> None:
    """End this job and its kernel when the driver is gone, however it ended."""
    while os.getppid() == parent:
        time.sleep(0.5)
    end_children()
    os._exit(1)


if __name__ == "__main__":
    execute(sys.argv[1])
