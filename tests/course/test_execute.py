"""The job that executes one notebook: its parameters, its GPU, its end."""

import os
import subprocess
import sys

import nbformat
import psutil
import pytest
from toy_course import wait_for, write_notebook

from utils.course import execute
from utils.course.execute import end_children, run_notebook, visible_gpus


def test_runs_a_notebook_in_its_folder_with_the_given_parameters(tmp_path):
    write_notebook(tmp_path, "notebooks/toy", "EPOCHS = 2", "open(f'ran_{EPOCHS}', 'w')")
    path = tmp_path / "notebooks/toy.ipynb"
    before = path.read_bytes()
    run_notebook(path, {"EPOCHS": 7}, tmp_path / "executed.ipynb")
    assert (tmp_path / "notebooks/ran_7").exists() and path.read_bytes() == before
    cells = nbformat.read(tmp_path / "executed.ipynb", as_version=4).cells
    assert any("EPOCHS = 7" in cell.source for cell in cells)


def test_a_kernel_says_nothing_that_a_reader_would_take_for_a_fault(tmp_path, capfd):
    write_notebook(tmp_path, "notebooks/toy", "import warnings\nwarnings.warn('mine')")
    run_notebook(tmp_path / "notebooks/toy.ipynb", {}, tmp_path / "executed.ipynb")
    assert "IPKernelApp" not in "".join(capfd.readouterr())
    cells = nbformat.read(tmp_path / "executed.ipynb", as_version=4).cells
    assert "mine" in str(cells[-1].outputs)  # what the cell says stays


def test_counts_the_seconds_of_the_processes_of_its_notebook(tmp_path):
    burn = "import time\nend = time.process_time() + 0.5\nwhile time.process_time() < end: pass"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}])"
    write_notebook(tmp_path, "notebooks/toy", code)
    before = execute._seconds_of_children()
    run_notebook(tmp_path / "notebooks/toy.ipynb", {})
    assert execute._seconds_of_children() - before >= 0.5


@pytest.mark.parametrize(
    ("named", "gpus"), [("0,2", ["0", "2"]), ("", []), ("-1", []), ("GPU-8f", ["GPU-8f"])]
)
def test_the_variable_says_which_gpus_are_visible(monkeypatch, named, gpus):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    assert visible_gpus() == gpus


def test_without_the_variable_the_driver_says_it(tmp_path, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert visible_gpus() == []
    driver = tmp_path / "nvidia-smi"
    driver.write_text("#!/bin/sh\necho 'GPU 0: A (UUID: x)'\necho 'GPU 1: A (UUID: y)'\n")
    driver.chmod(0o755)
    assert visible_gpus() == ["0", "1"]


def test_two_jobs_hold_two_gpus(tmp_path, monkeypatch):
    monkeypatch.setattr(execute.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    held = []
    for _ in range(2):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
        job = execute._one_gpu()
        job.__enter__()
        held.append((job, os.environ["CUDA_VISIBLE_DEVICES"]))
    for job, _ in held:
        job.__exit__(None, None, None)
    assert [gpu for _, gpu in held] == ["0", "1"]


def test_ends_the_processes_of_its_processes():
    sleep = "import time; time.sleep(60)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {sleep!r}])"
    child = subprocess.Popen([sys.executable, "-c", code])
    (grandchild,) = wait_for(psutil.Process(child.pid).children, 20)
    end_children()
    assert child.wait(timeout=20) != 0
    wait_for(lambda: not grandchild.is_running(), 20)
