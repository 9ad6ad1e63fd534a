"""For `pytest --nbval notebooks dataset`: no progress bars, and the patterns nbval leaves out."""

import os
from pathlib import Path


def pytest_configure(config):
    if config.getoption("nbval", False) or config.getoption("nbval_lax", False):
        os.environ.setdefault("SECOND_LOOK_BATCH", "1")  # the kernels inherit it
        patterns = Path(__file__).with_name("tests") / "nbval.cfg"
        config.option.nbval_sanitize_with = config.option.nbval_sanitize_with or str(patterns)
