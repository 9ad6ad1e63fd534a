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


def execute(name: str) -> None:
    """Run one notebook of plan.json; it appears in notebooks/ once it is complete."""
    threading.Thread(target=_end_with, args=[os.getppid()], daemon=True).start()
    os.environ["SECOND_LOOK_BATCH"] = "1"  # no bars: they would be stored half drawn
    import papermill  # here: two seconds, and the watch above must not wait for them

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    job = json.loads(Path("plan.json").read_text(encoding="utf-8"))["jobs"][name]
    unfinished = Path("logs", f"{name}.ipynb")
    with FileLock(f"logs/{name}.lock"), _one_gpu():
        papermill.execute_notebook(
            job["path"],
            unfinished,
            job["parameters"],
            kernel_name="python3",
            language="python",
            cwd=Path(job["path"]).parent,
            progress_bar=False,
            log_output=True,
        )
        os.replace(unfinished, f"notebooks/{name}.ipynb")


def visible_gpus() -> list[str]:
    """The GPUs this process may use, as CUDA_VISIBLE_DEVICES names them."""
    if (named := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [gpu for gpu in named.split(",") if gpu not in ("", "-1")]
    if not shutil.which("nvidia-smi"):
        return []
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True).stdout
    return [str(number) for number, _ in enumerate(re.findall("^GPU", listed, re.MULTILINE))]


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


def _end_with(parent: int) -> None:
    """End this job and its kernel when the driver is gone, however it ended."""
    while os.getppid() == parent:
        time.sleep(0.5)
    for child in psutil.Process().children(recursive=True):
        child.kill()
    os._exit(1)


if __name__ == "__main__":
    execute(sys.argv[1])
