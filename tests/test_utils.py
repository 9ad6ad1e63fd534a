"""Where the course lies."""

import os
import subprocess
import sys

from utils import HOME, ROOT


def root_with(value):
    command = [sys.executable, "-c", "from utils import ROOT; print(ROOT)"]
    environment = {**os.environ, "SECOND_LOOK_ROOT": str(value), "PYTHONPATH": str(HOME)}
    return subprocess.run(command, env=environment, capture_output=True, text=True).stdout.strip()


def test_notebooks_and_records_lie_beside_the_code_unless_a_variable_says_otherwise(tmp_path):
    assert (HOME / "utils/__init__.py").exists() and ROOT.is_dir()
    assert root_with(tmp_path) == str(tmp_path.resolve())
